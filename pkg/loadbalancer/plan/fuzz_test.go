package plan

import (
	"math/rand/v2"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// FuzzPlan makes pairs of load balancers out of the seeds, and carries out the
// plan on the model: it becomes what was wanted, and then there is nothing to do.
func FuzzPlan(f *testing.F) {
	f.Add(uint64(1), uint64(2), false)
	f.Add(uint64(3), uint64(4), true)
	f.Fuzz(func(t *testing.T, one, two uint64, fresh bool) {
		r := rand.New(rand.NewPCG(one, two))
		w := randomWanted(r)
		var a *Actual
		if !fresh {
			a = randomActual(r)
		}
		first := Make(w, a)
		if a == nil {
			a = &Actual{}
		}
		before := a.Clone()
		run(t, first, a)
		if second := Make(w, a); !second.Empty() {
			t.Fatalf("a second plan is not empty:\n%s\nafter the first:\n%s", second, first)
		}
		check(t, w, before, a)
	})
}

// TestWeightsOfOthersAreNeverSet: with KeepWeights servers join and leave, and
// those that stay keep the weight that they have.
func TestWeightsOfOthersAreNeverSet(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 1000 {
		w, a := randomWanted(r), randomActual(r)
		w.KeepWeights = true
		had := map[string]int{}
		for _, b := range a.Backends {
			had[b.ServerID] = b.Weight
		}
		first := Make(w, a)
		for _, s := range first.Steps {
			if s.Kind == SetBackends || s.Kind == SetGroupBackends {
				t.Fatalf("case %d: %s", i, s)
			}
		}
		run(t, first, a)
		if second := Make(w, a); !second.Empty() {
			t.Fatalf("case %d: a second plan is not empty:\n%s", i, second)
		}
		wanted := map[string]slb.Backend{}
		for _, b := range w.Backends {
			wanted[b.ServerID] = b
		}
		for _, b := range a.Backends {
			weight, stayed := had[b.ServerID]
			if !stayed {
				weight = wanted[b.ServerID].Weight
			}
			if b.Weight != weight {
				t.Fatalf("case %d: %s has weight %d, not %d", i, b.ServerID, b.Weight, weight)
			}
		}
	}
}
