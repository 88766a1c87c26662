package plan

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// adopting is a wanted load balancer of somebody else; now and then it names one
// of that one's groups.
func adopting(r *rand.Rand, a *Actual) build.Wanted {
	w := randomWanted(r)
	w.Adoption = &build.Adoption{ID: "lb-1", Override: r.IntN(3) == 0, Weight: r.IntN(120) - 20}
	if r.IntN(2) == 0 {
		w.Adoption.Living = map[types.UID]bool{testUID: true}
	}
	for i := range w.Listeners {
		if len(a.Groups) > 0 && r.IntN(3) == 0 {
			w.Listeners[i].GroupID = a.Groups[r.IntN(len(a.Groups))].ID
		}
	}
	return w
}

// foreign is what of a load balancer is not the Service's: no plan may change it.
func foreign(a *Actual, taken func(slb.ListenerKey) bool) *Actual {
	out := a.Clone()
	out.Listeners = slices.DeleteFunc(out.Listeners, func(l slb.Listener) bool {
		return strings.HasPrefix(l.Attributes[slb.Description], ownMark) || taken(l.ListenerKey)
	})
	for i := range out.Listeners {
		if out.Listeners[i].GroupID == "" {
			out.Listeners[i].GroupID = "default"
		}
	}
	out.Groups = slices.DeleteFunc(out.Groups, func(g slb.Group) bool { return build.OwnGroup(g.Name, testUID) })
	for i := range out.Groups {
		out.Groups[i].Backends = slices.DeleteFunc(out.Groups[i].Backends, func(b slb.Backend) bool { return b.Description == build.MemberDescription(testUID) })
	}
	return out
}

func TestPlansOnALoadBalancerOfOthersChangeNothingOfTheirs(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 800 {
		a := randomActual(r)
		w := adopting(r, a)
		if i%4 == 0 {
			w = build.Wanted{UID: testUID, ClusterID: testCluster, Adoption: &build.Adoption{ID: "lb-1", Weight: -1}}
		}
		taken := func(key slb.ListenerKey) bool {
			return w.Adoption.Override && slices.ContainsFunc(w.Listeners, func(l build.Listener) bool { return l.ListenerKey == key })
		}
		before := foreign(a, taken)
		first := Make(w, a)
		run(t, first, a)
		if diff := cmp.Diff(before, foreign(a, taken), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("case %d: somebody else's is changed: %s\n%s", i, diff, first)
		}
		if second := Make(w, a); len(second.Steps) > 0 {
			t.Fatalf("case %d: a second plan is not empty:\n%s\nafter the first:\n%s", i, second, first)
		}
		if len(w.Listeners) > 0 {
			continue
		}
		for _, l := range a.Listeners {
			if strings.HasPrefix(l.Attributes[slb.Description], ownMark) {
				t.Fatalf("case %d: listener %s is left", i, l.ListenerKey)
			}
		}
	}
}
