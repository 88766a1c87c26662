package reference

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

const testCluster = "test-cluster"

// account is a listing that counts its readings.
type account struct {
	objects []Object
	err     error
	reads   int
}

func (a *account) list(context.Context) ([]Object, error) {
	a.reads++
	return slices.Clone(a.objects), a.err
}

func newChecker(untagged Untagged, objects ...Object) (*Checker, *account, *testingclock.FakeClock) {
	a := &account{objects: objects}
	clock := testingclock.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return New(Options{
		Policy: Policy{ClusterID: testCluster, Untagged: untagged}, Lists: map[Kind]List{Certificate: a.list},
		Period: 10 * time.Minute, Clock: clock,
	}), a, clock
}

func TestWhoMayNameWhat(t *testing.T) {
	cases := map[string]struct {
		tags     map[string]string
		untagged Untagged
		want     string
	}{
		"untagged":                         {nil, AllowUntagged, ""},
		"untagged where that is denied":    {nil, DenyUntagged, "has no tag kube-aliyun.io/allow"},
		"tagged for all":                   {map[string]string{"kube-aliyun.io/allow": "*"}, DenyUntagged, ""},
		"tagged for the namespace":         {map[string]string{"kube-aliyun.io/allow": "x/y, test-cluster/shop"}, DenyUntagged, ""},
		"tagged for another namespace":     {map[string]string{"kube-aliyun.io/allow": "test-cluster/bank"}, AllowUntagged, "add test-cluster/shop to the tag"},
		"tagged for another cluster":       {map[string]string{"kube-aliyun.io/allow": "other/shop"}, AllowUntagged, "does not list it"},
		"tagged for nobody":                {map[string]string{"kube-aliyun.io/allow": ""}, AllowUntagged, "does not list it"},
		"of this cluster":                  {map[string]string{"kube-aliyun.io/cluster-id": testCluster, "kube-aliyun.io/service-uid": "u"}, AllowUntagged, "made and kept by"},
		"of this cluster, and allowed":     {map[string]string{"kube-aliyun.io/cluster-id": testCluster, "kube-aliyun.io/allow": "*"}, AllowUntagged, "made and kept by"},
		"of the official controller":       {map[string]string{"ack.aliyun.com": "c1"}, AllowUntagged, "made and kept by cluster c1"},
		"of the official controller, half": {map[string]string{"kubernetes.do.not.delete": "a1"}, AllowUntagged, "made and kept by"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			checker, _, _ := newChecker(c.untagged, Object{ID: "cert-1", Tags: c.tags})
			problems, err := checker.Check(t.Context(), "shop", []Reference{{Certificate, "cert-1"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(problems, "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("problems %q, want %q", got, c.want)
			}
		})
	}
}

func TestOverridingNeedsTheAllowTag(t *testing.T) {
	p, lb := Policy{ClusterID: testCluster}, Reference{LoadBalancer, "lb-1"}
	if got := p.Override("shop", lb, nil); !strings.Contains(got, "kube-aliyun.io/allow=test-cluster/shop") {
		t.Errorf("an untagged load balancer: %q", got)
	}
	if got := p.Override("shop", lb, map[string]string{"kube-aliyun.io/allow": "test-cluster/shop"}); got != "" {
		t.Errorf("a tagged load balancer: %q", got)
	}
}

func TestMissingAndExpiredObjectsAreToldTogether(t *testing.T) {
	checker, _, clock := newChecker(AllowUntagged)
	checker.options.Lists[Certificate] = func(context.Context) ([]Object, error) {
		return []Object{{ID: "old", Expires: clock.Now().Add(-time.Hour)}, {ID: "good", Expires: clock.Now().Add(time.Hour)}}, nil
	}
	problems, err := checker.Check(t.Context(), "shop", []Reference{{Certificate, "none"}, {Certificate, "old"}, {Certificate, "good"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 2 || !strings.Contains(problems[0], "none does not exist") || !strings.Contains(problems[1], "old has expired on 2025-12-31") {
		t.Errorf("problems %q", problems)
	}
}

func TestReadingsAreShared(t *testing.T) {
	checker, account, clock := newChecker(AllowUntagged, Object{ID: "cert-1"})
	check := func(id string) []string {
		t.Helper()
		problems, err := checker.Check(t.Context(), "shop", []Reference{{Certificate, id}})
		if err != nil {
			t.Fatal(err)
		}
		return problems
	}
	reads := func(want int, when string) {
		t.Helper()
		if account.reads != want {
			t.Errorf("%s: %d readings, want %d", when, account.reads, want)
		}
	}
	for range 5 {
		check("cert-1")
	}
	reads(1, "several Services")
	check("cert-2")
	reads(1, "a missing name, at once")
	clock.Step(time.Minute)
	account.objects = append(account.objects, Object{ID: "cert-2"})
	if problems := check("cert-2"); len(problems) > 0 {
		t.Errorf("a certificate that was uploaded since: %q", problems)
	}
	reads(2, "a missing name, later")
	clock.Step(10 * time.Minute)
	check("cert-1")
	reads(3, "after the period")
	checker.Forget(t.Context(), Certificate)
	check("cert-1")
	reads(4, "after a refusal")
}

func TestFailedReadingsAreNotVerdicts(t *testing.T) {
	checker, account, _ := newChecker(AllowUntagged)
	account.err = errors.New("throttled")
	if _, err := checker.Check(t.Context(), "shop", []Reference{{Certificate, "cert-1"}}); !errors.Is(err, account.err) {
		t.Errorf("error %v", err)
	}
	if _, err := checker.Check(t.Context(), "shop", []Reference{{ACL, "acl-1"}}); err == nil {
		t.Error("a kind that is not listed is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	checker.shelves[Certificate].lock <- struct{}{}
	if _, err := checker.Check(ctx, "shop", []Reference{{Certificate, "cert-1"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
