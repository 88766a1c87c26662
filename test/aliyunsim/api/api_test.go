package api

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func tokenCall(now time.Time, account, token, size string) *Call {
	return &Call{Action: "Run", RegionID: "r", Account: account, Now: now, Latency: time.Second,
		Params: Params{"ClientToken": token, "Size": size, "SignatureNonce": now.String(), "Timestamp": now.String()}}
}

func TestTokenBelongsToItsAccountAndExpires(t *testing.T) {
	var tokens ClientTokens
	tokens.Keep(tokenCall(start, "a", "t", "1"), Reply{"Id": "x"}, time.Hour)
	later := start.Add(time.Minute)
	if reply, ok, err := tokens.Replay(tokenCall(later, "a", "t", "1"), 400); !ok || err != nil || reply["Id"] != "x" {
		t.Fatalf("%v %v %v", reply, ok, err)
	}
	if _, ok, err := tokens.Replay(tokenCall(later, "b", "t", "1"), 400); ok || err != nil {
		t.Fatalf("another account: %v %v", ok, err)
	}
	if _, _, err := tokens.Replay(tokenCall(later, "a", "t", "2"), 403); err == nil || err.Code != "IdempotentParameterMismatch" || err.Status != 403 {
		t.Fatalf("other parameters: %v", err)
	}
	if _, ok, _ := tokens.Replay(tokenCall(start.Add(time.Hour), "a", "t", "2"), 400); ok {
		t.Fatal("an expired token was remembered")
	}
}

func TestReplayedAnswerIsACopy(t *testing.T) {
	var tokens ClientTokens
	reply := Reply{"Id": "x"}
	tokens.Keep(tokenCall(start, "a", "t", "1"), reply, time.Hour)
	reply["RequestId"] = "first"
	again, _, _ := tokens.Replay(tokenCall(start.Add(time.Second), "a", "t", "1"), 400)
	if again["RequestId"] != nil {
		t.Fatal("the first reply's request id is in the second")
	}
	again["Id"] = "y"
	if third, _, _ := tokens.Replay(tokenCall(start.Add(time.Second), "a", "t", "1"), 400); third["Id"] != "x" {
		t.Fatal("a reply can be changed from outside")
	}
}

func TestTokensArePrunedAlsoAfterARestore(t *testing.T) {
	var tokens ClientTokens
	tokens.Keep(tokenCall(start, "a", "short", "1"), Reply{}, time.Minute)
	tokens.Keep(tokenCall(start, "a", "long", "1"), Reply{}, time.Hour)
	raw, err := json.Marshal(tokens)
	if err != nil {
		t.Fatal(err)
	}
	var restored ClientTokens
	if err := json.Unmarshal(raw, &restored); err != nil {
		t.Fatal(err)
	}
	for name, each := range map[string]*ClientTokens{"kept": &tokens, "restored": &restored} {
		each.Prune(start.Add(30 * time.Second))
		if len(each.Answers) != 2 {
			t.Errorf("%s, after half a minute: %d tokens", name, len(each.Answers))
		}
		each.Prune(start.Add(time.Minute))
		if len(each.Answers) != 1 {
			t.Errorf("%s, after a minute: %d tokens", name, len(each.Answers))
		}
		each.Prune(start.Add(time.Hour))
		if len(each.Answers) != 0 {
			t.Errorf("%s, after an hour: %d tokens", name, len(each.Answers))
		}
	}
}

func TestIDsLookRealAndRepeat(t *testing.T) {
	one, two := NewID(rand.New(rand.NewPCG(1, 1)), "lb"), NewID(rand.New(rand.NewPCG(1, 1)), "lb")
	if one != two || !regexp.MustCompile(`^lb-[a-z0-9]{17}$`).MatchString(one) {
		t.Fatalf("%s, %s", one, two)
	}
}

func TestPagesAreCutAndChecked(t *testing.T) {
	items := []int{1, 2, 3, 4, 5}
	for number, want := range map[int]int{1: 2, 2: 2, 3: 1, 4: 0, 1 << 40: 0} {
		if got := PageOf(items, number, 2); len(got) != want {
			t.Errorf("page %d: %v", number, got)
		}
	}
	if got := PageOf([]int{}, 1, 2); len(got) != 0 {
		t.Error(got)
	}
	for _, p := range []Params{{"PageSize": "0"}, {"PageSize": "51"}, {"PageNumber": "0"}, {"PageNumber": "x"}, {"PageSize": "x"}} {
		if _, _, err := p.Page(10, 50, false); err == nil {
			t.Errorf("%v accepted", p)
		}
	}
	if _, size, err := (Params{"PageSize": "51"}).Page(10, 50, true); err != nil || size != 50 {
		t.Errorf("%d, %v", size, err)
	}
}
