package fault

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func newSet(t *testing.T, rules ...Rule) *Set {
	t.Helper()
	s := NewSet(rand.New(rand.NewPCG(1, 2)))
	for _, r := range rules {
		if _, err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func hits(s *Set, action string, n int) (out []bool) {
	for range n {
		out = append(out, len(s.Pick(api.SLB, action, true)) > 0)
	}
	return out
}

func TestRuleSkipsThenHitsThenEnds(t *testing.T) {
	s := newSet(t, Rule{Action: "CreateLoadBalancer", Kind: DropReply, Skip: 1, Count: 2})
	if diff := cmp.Diff([]bool{false, true, true, false}, hits(s, "CreateLoadBalancer", 4)); diff != "" {
		t.Fatal(diff)
	}
	if n := len(s.Rules()); n != 0 {
		t.Fatalf("%d rules left, want none", n)
	}
}

func TestRuleMatchesByPatternProductAndKind(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		rule Rule
		want bool
	}{
		"everything":     {Rule{Kind: Throttle}, true},
		"pattern":        {Rule{Kind: Throttle, Action: "Create*"}, true},
		"other action":   {Rule{Kind: Throttle, Action: "DeleteLoadBalancer"}, false},
		"product":        {Rule{Kind: Throttle, Product: api.SLB}, true},
		"other product":  {Rule{Kind: Throttle, Product: api.VPC}, false},
		"only mutations": {Rule{Kind: Throttle, Mutating: &yes}, true},
	} {
		if got := hits(newSet(t, c.rule), "CreateLoadBalancer", 1)[0]; got != c.want {
			t.Errorf("%s: hit %v, want %v", name, got, c.want)
		}
	}
	if got := newSet(t, Rule{Kind: Throttle, Mutating: &yes}).Pick(api.SLB, "DescribeLoadBalancers", false); got != nil {
		t.Error("a rule for mutations hit a read")
	}
}

func TestProbabilityIsKeptAndRepeatable(t *testing.T) {
	count := func() (n int) {
		for _, hit := range hits(newSet(t, Rule{Kind: Throttle, Probability: 0.2}), "X", 5000) {
			if hit {
				n++
			}
		}
		return n
	}
	first := count()
	if first < 850 || first > 1150 {
		t.Fatalf("%d of 5000 hit, want about 1000", first)
	}
	if second := count(); second != first {
		t.Fatalf("the same seed hit %d times, then %d", first, second)
	}
}

func TestOneRuleAnswersOthersAdd(t *testing.T) {
	s := newSet(t,
		Rule{Kind: Delay, Delay: time.Second},
		Rule{Kind: Throttle, Count: 1},
		Rule{Kind: ServerError})
	if got := s.Pick(api.ECS, "X", false); len(got) != 2 || got[1].Kind != Throttle {
		t.Fatalf("first request got %v", got)
	}
	if got := s.Pick(api.ECS, "X", false); len(got) != 2 || got[1].Kind != ServerError {
		t.Fatalf("second request got %v", got)
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	for name, r := range map[string]Rule{
		"kind":        {Kind: "Explode"},
		"probability": {Kind: Throttle, Probability: 1.5},
		"no delay":    {Kind: Delay},
		"status":      {Kind: ServerError, Status: 200},
		"pattern":     {Kind: Throttle, Action: "["},
		"hook":        {Kind: Hook},
		"count":       {Kind: Throttle, Count: -1},
	} {
		if _, err := NewSet(nil).Add(r); !errors.Is(err, ErrRule) {
			t.Errorf("%s: got %v, want ErrRule", name, err)
		}
	}
}

func TestRuleSurvivesJSON(t *testing.T) {
	no := false
	want := Rule{
		ID: 3, Action: "A*", Product: api.ECS, Mutating: &no, Skip: 1, Count: 2, Probability: 0.5, Kind: Delay,
		Code: "C", Status: 503, Message: "m", Delay: 1500 * time.Millisecond, RetryAfter: time.Second,
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Rule
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestFailuresOfKinds(t *testing.T) {
	for want, r := range map[string]Rule{
		"400 Throttling.User":    {Kind: Throttle},
		"400 Throttling.Api":     {Kind: Throttle, Code: "Throttling.Api"},
		"503 ServiceUnavailable": {Kind: ServerError},
		"500 InternalError":      {Kind: ServerError, Status: 500},
		"449 SystemBusy":         {Kind: ServerError, Status: 449, Code: "SystemBusy"},
		"403 Forbidden.RAM":      {Kind: Deny},
	} {
		e := r.Failure()
		if got := (&api.Error{Status: e.Status, Code: e.Code}).Error(); got != want+": " {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
