package gateway

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequestIDsAreUniqueAndJournaled(t *testing.T) {
	x := newRig(t, 1)
	a, b := x.call("DescribeInstances"), x.call("StopInstance")
	if a.body.RequestID == b.body.RequestID || a.body.RequestID != strings.ToUpper(a.body.RequestID) || len(a.body.RequestID) != 36 {
		t.Fatalf("request ids %q and %q", a.body.RequestID, b.body.RequestID)
	}
	entries := x.journal.Since(0)
	if len(entries) != 2 || entries[0].RequestID != a.body.RequestID || entries[1].Code != "IncorrectInstanceStatus" ||
		entries[1].Status != 403 || !entries[1].Mutating || entries[0].Key != "test-key" {
		t.Fatalf("journal %+v", entries)
	}
	if diff := cmp.Diff(map[string]int{"DescribeInstances": 1, "StopInstance": 1}, x.journal.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestJournalHoldsNoSignature(t *testing.T) {
	x := newRig(t, 1)
	x.call("DescribeInstances", "InstanceIds=[]")
	if diff := cmp.Diff(map[string]string{"InstanceIds": "[]"}, x.journal.Since(0)[0].Params); diff != "" {
		t.Error(diff)
	}
}

func TestLenientGatewayCountsUnknownParameters(t *testing.T) {
	x := newRig(t, 1)
	x.g.SetKnobs(func(k *Knobs) { k.Strict = false })
	if r := x.call("DescribeInstances", "Strange=1", "Format=XML"); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.raw)
	}
	u := x.g.Usage()
	if u.UnknownParameters["DescribeInstances"]["Strange"] != 1 {
		t.Errorf("unknown parameters %v", u.UnknownParameters)
	}
	if slices.Contains(u.NeverCalled, "DescribeInstances") || !slices.Contains(u.NeverCalled, "StartInstance") {
		t.Errorf("never called: %v", u.NeverCalled)
	}
}

func TestRateWindowRefusesAndReopens(t *testing.T) {
	x := newRig(t, 0)
	x.g.SetKnobs(func(k *Knobs) {
		k.RateLimits = map[string]int{"Start*": 2}
		k.RetryAfter = true
	})
	for i, want := range []string{"", "", "Throttling.User"} {
		if r := x.call("StartInstance", "InstanceId=i-1"); r.body.Code != want {
			t.Fatalf("call %d: %s", i+1, r.raw)
		} else if want != "" && r.header.Get("X-Acs-Retry-After") != "60000" {
			t.Errorf("x-acs-retry-after %q", r.header.Get("X-Acs-Retry-After"))
		}
	}
	if x.value() != 2 {
		t.Errorf("%d calls changed the state, want 2", x.value())
	}
	if r := x.call("DescribeInstances"); r.status != 200 {
		t.Errorf("another action is throttled: %s", r.raw)
	}
	x.clock.Step(time.Minute)
	if r := x.call("StartInstance", "InstanceId=i-1"); r.status != 200 {
		t.Errorf("after the window: %s", r.raw)
	}
}

func TestLatencyIsWaitedOutsideTheLock(t *testing.T) {
	x := newRig(t, 0)
	x.g.SetKnobs(func(k *Knobs) { k.Latency = map[string]Latency{"StartInstance": Fixed(time.Hour)} })
	done := make(chan result, 1)
	before := x.clock.Now()
	go func() {
		// An error shows as status 0.
		r, _ := x.start()
		done <- r
	}()
	for {
		// Reads go on while the other call waits, and see its change.
		r := x.call("DescribeInstances")
		if strings.Contains(r.raw, `"TotalCount":1`) {
			break
		}
	}
	select {
	case r := <-done:
		t.Fatalf("replied too early: %s", r.raw)
	default:
	}
	x.clock.Step(time.Hour)
	if r := <-done; r.status != 200 {
		t.Fatalf("%d %s", r.status, r.raw)
	}
	if got := x.clock.Now().Sub(before); got != time.Hour {
		t.Errorf("clock moved by %v", got)
	}
}

func TestStopEndsWaitingCalls(t *testing.T) {
	x := newRig(t, 0)
	x.g.SetKnobs(func(k *Knobs) { k.Latency = map[string]Latency{"*": Fixed(time.Hour)} })
	done := make(chan error, 1)
	go func() {
		_, err := x.do(http.MethodPost, signed(http.MethodPost, "test-secret", params("StartInstance", "InstanceId=i-1")), nil)
		done <- err
	}()
	for x.journal.Calls()["StartInstance"] == 0 {
		x.journal.Since(0)
	}
	x.g.Stop()
	if err := <-done; err == nil {
		t.Fatal("a call got a reply after the end")
	}
}

func TestHTMLIsNotEscaped(t *testing.T) {
	if r := newRig(t, 1).call("DescribeInstances"); !strings.Contains(r.raw, `"i-<1>"`) {
		t.Fatal(r.raw)
	}
}

func TestLatencyForms(t *testing.T) {
	for text, want := range map[string]Latency{
		`"100ms"`:                      Fixed(100 * time.Millisecond),
		`{"min":"1ms","max":"3ms"}`:    {Min: time.Millisecond, Max: 3 * time.Millisecond},
		`{"median":"10ms","p99":"1s"}`: {Median: 10 * time.Millisecond, P99: time.Second},
	} {
		var got Latency
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if raw, err := json.Marshal(got); err != nil || string(raw) != text {
			t.Errorf("%s is written as %s, %v", text, raw, err)
		}
	}
	for _, text := range []string{`"fast"`, `{"min":"2s","max":"1s"}`, `{"p99":"1s"}`, `"-1s"`, `{"median":"2s","p99":"1s"}`, `3`} {
		var l Latency
		if err := json.Unmarshal([]byte(text), &l); !errors.Is(err, ErrLatency) {
			t.Errorf("%s: got %v, want ErrLatency", text, err)
		}
	}
}

func TestLatencyDraws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	uniform := Latency{Min: 10 * time.Millisecond, Max: 20 * time.Millisecond}
	normal := Latency{Median: 100 * time.Millisecond, P99: time.Second}
	below, above := 0, 0
	for range 10000 {
		if d := uniform.draw(r); d < uniform.Min || d > uniform.Max {
			t.Fatalf("uniform drew %v", d)
		}
		d := normal.draw(r)
		if d < normal.Median {
			below++
		}
		if d > normal.P99 {
			above++
		}
	}
	if below < 4800 || below > 5200 || above < 60 || above > 140 {
		t.Errorf("%d of 10000 below the median, %d above the 99th percentile", below, above)
	}
}

func TestMostSpecificPatternWins(t *testing.T) {
	m := map[string]int{"*": 1, "Describe*": 2, "DescribeInstances": 3, "DescribeInstance*": 4}
	for action, want := range map[string]int{"StartInstance": 1, "DescribeVpcs": 2, "DescribeInstances": 3, "DescribeInstanceStatus": 4} {
		if got, ok := pick(m, action); !ok || got != want {
			t.Errorf("%s: %d, want %d", action, got, want)
		}
	}
}
