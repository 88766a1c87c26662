package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const aclName = "kube-aliyun-x-ipv4"

var ownTags = map[string]string{ownership.TagClusterID: testCluster, ownership.TagServiceUID: string(testUID)}

func ranges(from, to int) []netip.Prefix {
	var out []netip.Prefix
	for i := from; i < to; i++ {
		out = append(out, netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", i/250, i%250)))
	}
	return out
}

// restricted is a wanted load balancer for some clients only.
func restricted(w build.Wanted, entries []netip.Prefix) build.Wanted {
	w.ACL = &slb.ACL{Name: aclName, IPVersion: slb.IPv4, Tags: ownTags, Entries: entries}
	w.Instance.Tags[ownership.TagACL] = aclName
	for i := range w.Listeners {
		a := w.Listeners[i].Attributes
		a[slb.ACLStatus], a[slb.ACLType], a[slb.ACLID] = "on", "white", build.OwnACL
	}
	return w
}

func TestPlansOfAccessControlLists(t *testing.T) {
	one, two := ranges(0, 1), ranges(1, 2)
	closed := func(t *testing.T) *Actual {
		t.Helper()
		a := &Actual{}
		run(t, Make(restricted(simple(), one), nil), a)
		a.Instance.ID = "lb-1"
		return a
	}
	open := func(t *testing.T) *Actual {
		t.Helper()
		a := made(t)
		a.Instance.ID = "lb-1"
		return a
	}
	for name, c := range map[string]struct {
		actual func(*testing.T) *Actual
		wanted build.Wanted
		want   []string
	}{
		"nothing changed": {closed, restricted(simple(), one), nil},
		"created": {nil, restricted(simple(), one), []string{
			"create load balancer a1", "add backends", "create access control list " + aclName, "add ranges to access control list " + aclName + ": 10.0.0.0/24",
			"create listener tcp/80", "start listener tcp/80",
		}},
		"closed": {open, restricted(simple(), one), []string{
			"tag load balancer " + ownership.TagACL, "create access control list", "add ranges", "set listener tcp/80: ACLID=" + build.OwnACL + " ACLStatus=on ACLType=white",
		}},
		"other range": {closed, restricted(simple(), two), []string{"add ranges", "remove ranges"}},
		"opened": {closed, simple(), []string{
			"set listener tcp/80: ACLStatus=off", "delete access control list " + aclName, "untag load balancer " + ownership.TagACL,
		}},
		"opened by hand": {
			func(t *testing.T) *Actual {
				a := closed(t)
				a.Listeners[0].Attributes[slb.ACLStatus] = "off"
				return a
			},
			restricted(simple(), one),
			[]string{"set listener tcp/80: ACLID=new-2 ACLStatus=on ACLType=white"},
		},
		"closed by hand": {
			func(t *testing.T) *Actual {
				a := open(t)
				a.Listeners[0].Attributes[slb.ACLStatus], a.Listeners[0].Attributes[slb.ACLID] = "on", "acl-by-hand"
				return a
			},
			simple(), nil,
		},
		"somebody else's list of that name": {
			func(t *testing.T) *Actual {
				a := closed(t)
				a.ACL.Tags = map[string]string{ownership.TagClusterID: "another"}
				return a
			},
			restricted(simple(), two), nil,
		},
		"left by somebody else": {
			func(t *testing.T) *Actual {
				a := closed(t)
				a.ACL.Tags = nil
				return a
			},
			simple(), []string{"set listener tcp/80: ACLStatus=off", "untag load balancer"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var a *Actual
			if c.actual != nil {
				a = c.actual(t)
			}
			p := Make(c.wanted, a)
			got := lines(p)
			if len(got) != len(c.want) {
				t.Fatalf("steps:\n%s", p)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("step %d is %q, not %q", i, got[i], c.want[i])
				}
			}
			if foreign := strings.HasPrefix(name, "somebody"); foreign != (len(p.Problems) > 0) {
				t.Errorf("problems %q", p.Problems)
			}
		})
	}
}

func TestATakenOverListenerIsClosedOnce(t *testing.T) {
	a := made(t)
	a.Instance.ID, a.Instance.Tags[ownership.TagTakenOver] = "lb-1", "c1"
	w := restricted(simple(), ranges(0, 1))
	w.Instance.Tags[ownership.TagTakenOver] = "c1"
	w.Listeners[0].Asked = maps.Clone(w.Listeners[0].Attributes)
	run(t, Make(w, a), a)
	if got := a.Listeners[0].Attributes[slb.ACLID]; got != a.ACL.ID {
		t.Errorf("the listener has %q", got)
	}
	if again := Make(w, a); !again.Empty() {
		t.Errorf("a second plan:\n%s", again)
	}
}

// TestAListIsNeverEmptyNorOverfullOnTheWay: an empty white list lets everybody in.
func TestAListIsNeverEmptyNorOverfullOnTheWay(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	some := func() []netip.Prefix {
		first := r.IntN(320)
		return ranges(first, first+1+r.IntN(slb.MaxACLEntries))
	}
	for i := range 500 {
		a := made(t)
		have, want := some(), some()
		if i%10 == 0 {
			have, want = ranges(0, 300), ranges(300, 600)
		}
		a.Instance.ID, a.Instance.Tags[ownership.TagACL] = "lb-1", aclName
		a.ACL = &slb.ACL{ID: "acl-1", Name: aclName, Tags: ownTags, Entries: have}
		for n, s := range Make(restricted(simple(), want), a).Steps {
			s.Apply(a, "")
			if got := len(a.ACL.Entries); got == 0 || got > slb.MaxACLEntries || len(s.ACL.Entries) > slb.ACLEntriesPerCall {
				t.Fatalf("case %d: after step %d (%s of %d) the list has %d entries", i, n, s.Kind, len(s.ACL.Entries), got)
			}
		}
		byText := func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) }
		slices.SortFunc(a.ACL.Entries, byText)
		slices.SortFunc(want, byText)
		if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(a.ACL.Entries)); d != "" {
			t.Fatalf("case %d: %s", i, d)
		}
	}
}
