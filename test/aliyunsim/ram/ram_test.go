package ram

import (
	"errors"
	"testing"
	"time"
)

func policy(t *testing.T, document string) Policy {
	t.Helper()
	p, err := ParsePolicy(document)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEvaluate(t *testing.T) {
	read := policy(t, `{"Version":"1","Statement":[{"Effect":"Allow","Action":["ecs:Describe*","vpc:DescribeVpcs"],"Resource":"*"}]}`)
	noDisks := policy(t, `{"Version":"1","Statement":[{"Effect":"Deny","Action":"ecs:DescribeDisks","Resource":["*"]}]}`)
	all := policy(t, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	for name, c := range map[string]struct {
		policies []Policy
		action   string
		want     Verdict
	}{
		"wildcard":             {[]Policy{read}, "ecs:DescribeInstances", Allow},
		"case does not matter": {[]Policy{read}, "ecs:describeinstances", Allow},
		"exact":                {[]Policy{read}, "vpc:DescribeVpcs", Allow},
		"not named":            {[]Policy{read}, "vpc:DescribeVSwitches", ImplicitDeny},
		"other product":        {[]Policy{read}, "slb:DescribeLoadBalancers", ImplicitDeny},
		"deny wins":            {[]Policy{all, noDisks}, "ecs:DescribeDisks", ExplicitDeny},
		"deny wins early":      {[]Policy{noDisks, all}, "ecs:DescribeDisks", ExplicitDeny},
		"everything":           {[]Policy{all}, "sts:AssumeRole", Allow},
	} {
		if got := Evaluate(c.policies, c.action); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestBadPoliciesAreRefused(t *testing.T) {
	for name, document := range map[string]string{
		"no JSON":     `{`,
		"empty":       `{"Version":"1","Statement":[]}`,
		"effect":      `{"Statement":[{"Effect":"Maybe","Action":"*"}]}`,
		"action":      `{"Statement":[{"Effect":"Allow","Action":"DescribeInstances"}]}`,
		"number":      `{"Statement":[{"Effect":"Allow","Action":3}]}`,
		"condition":   `{"Statement":[{"Effect":"Allow","Action":"*","Condition":{}}]}`,
		"no action":   `{"Statement":[{"Effect":"Allow"}]}`,
		"bad pattern": `{"Statement":[{"Effect":"Allow","Action":"ecs:[a"}]}`,
	} {
		if _, err := ParsePolicy(document); !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: got %v, want ErrPolicy", name, err)
		}
	}
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s := NewStore("1234")
	read := policy(t, `{"Statement":[{"Effect":"Allow","Action":"ecs:Describe*"}]}`)
	if err := errors.Join(
		s.PutKey(Key{ID: "root", Secret: "x"}),
		s.PutKey(Key{ID: "user", Secret: "x", User: "bob", Policies: []Policy{read}}),
		s.PutRole(Role{Name: "nodes", Policies: []Policy{read}}),
	); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeyWithoutPolicyMayDoEverything(t *testing.T) {
	s := newStore(t)
	root, _ := s.Caller("root")
	user, _ := s.Caller("user")
	if root.May("slb:DeleteLoadBalancer") != Allow || user.May("slb:DeleteLoadBalancer") == Allow {
		t.Fatal("root is limited, or the user is not")
	}
	if err := s.Attach("user"); err != nil {
		t.Fatal(err)
	}
	if user, _ = s.Caller("user"); user.May("slb:DeleteLoadBalancer") != Allow {
		t.Fatal("the user is limited without a policy")
	}
}

func TestSessionPolicyNarrowsTheRole(t *testing.T) {
	s := newStore(t)
	now := time.Now()
	limit := policy(t, `{"Statement":[{"Effect":"Allow","Action":"*"},{"Effect":"Deny","Action":"ecs:DescribeDisks"}]}`)
	if err := s.PutSession(now, Session{KeyID: "STS.a", Secret: "x", Token: "t", Role: "nodes", Name: "n", Expires: now.Add(time.Hour), Limit: &limit}); err != nil {
		t.Fatal(err)
	}
	c, ok := s.Caller("STS.a")
	if !ok || c.ARN != "acs:ram::1234:assumed-role/nodes/n" {
		t.Fatalf("caller %+v, %v", c, ok)
	}
	for action, want := range map[string]Verdict{
		"ecs:DescribeInstances": Allow, "ecs:DescribeDisks": ExplicitDeny, "ecs:StopInstance": ImplicitDeny,
	} {
		if got := c.May(action); got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
}

func TestLongExpiredSessionsAreForgotten(t *testing.T) {
	s := newStore(t)
	now := time.Now()
	for i, expires := range []time.Duration{-48 * time.Hour, -time.Hour} {
		if err := s.PutSession(now.Add(-72*time.Hour), Session{KeyID: string(rune('a' + i)), Role: "nodes", Expires: now.Add(expires)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutSession(now, Session{KeyID: "new", Role: "nodes", Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	_, old := s.Caller("a")
	_, young := s.Caller("b")
	if old || !young {
		t.Fatalf("old kept: %v, young kept: %v", old, young)
	}
}

func TestStoreSurvivesDumpAndRestore(t *testing.T) {
	s := newStore(t)
	now := time.Now()
	if err := s.PutSession(now, Session{KeyID: "STS.a", Token: "t", Role: "nodes", Expires: now}); err != nil {
		t.Fatal(err)
	}
	raw, err := s.Dump()
	if err != nil {
		t.Fatal(err)
	}
	back := NewStore("1234")
	if err := back.Restore(raw); err != nil {
		t.Fatal(err)
	}
	user, ok := back.Caller("user")
	if !ok || user.May("ecs:DeleteInstance") == Allow || !back.KnowsToken("t") {
		t.Fatal("a key, its policy or a session is lost")
	}
}

func TestDeletedRoleEndsItsSessions(t *testing.T) {
	s := newStore(t)
	now := time.Now()
	if err := s.PutSession(now, Session{KeyID: "STS.a", Role: "nodes", Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.DeleteRole("nodes")
	if _, ok := s.Caller("STS.a"); ok {
		t.Fatal("the session of a deleted role lives on")
	}
}
