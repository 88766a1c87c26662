package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// holdings are the identities of everything that an outage must not touch.
func (w *world) holdings(services ...string) string {
	w.T.Helper()
	list, err := w.Client.CoreV1().Nodes().List(w.T.Context(), metav1.ListOptions{})
	if err != nil {
		w.T.Fatal(err)
	}
	var lines []string
	for i := range list.Items {
		lines = append(lines, fmt.Sprintf("Node %s %s", list.Items[i].Name, list.Items[i].UID))
	}
	for _, r := range w.Routes() {
		lines = append(lines, fmt.Sprintf("route %s %s to %s %s", r.ID, r.Destination, r.NextHop, r.Status))
	}
	for _, name := range services {
		lines = append(lines, "Service "+name+": "+describe(w.balancersOf(w.Service(name).UID)))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%q", lines)
}

// blackout makes every list of the region empty, or refused.
func (w *world) blackout(kind fault.Kind) (end func()) {
	reading := false
	rules := []int{w.Sim.Fault(fault.Rule{Mutating: &reading, Kind: kind})}
	return func() {
		for _, id := range rules {
			w.Sim.ClearFault(id)
		}
	}
}

// loseKubelet makes a Node NotReady at once.
func (w *world) loseKubelet(name string) {
	w.T.Helper()
	if err := w.Fleet.Kill(name); err != nil {
		w.T.Fatal(err)
	}
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","lastTransitionTime":%q}]}}`,
		time.Now().UTC().Format(time.RFC3339))
	_, err := w.Client.CoreV1().Nodes().Patch(w.T.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	if err != nil {
		w.T.Fatal(err)
	}
}

// stage is a part of an outage; a fresh controller comes in the middle of it.
type stage struct {
	kind   fault.Kind
	length time.Duration
}

// outage lets stages follow each other, with Nodes that die, a Service that is
// created and one that is deleted in each, and watches that nothing else is
// touched. Then the region answers again, and all must be as it was.
func (w *world) outage(stages ...stage) {
	w.T.Helper()
	controller := w.startWhole()
	kept := []string{"kept-1", "kept-2"}
	for _, name := range kept {
		w.living(name, 5, rig.Port(80))
	}
	doomed := map[string]types.UID{}
	for i := range stages {
		name := fmt.Sprintf("doomed-%d", i)
		doomed[name] = w.living(name, 5, rig.Port(80))
	}
	w.settle()
	before := w.holdings(kept...)
	touched := func() (bool, string) {
		now := w.holdings(kept...)
		return now != before, "before: " + before + "\nnow:    " + now
	}
	for i, s := range stages {
		end := w.blackout(s.kind)
		w.loseKubelet(rig.NodeName(i + 1))
		w.CreateService(fmt.Sprintf("late-%d", i), nil, rig.Port(80))
		w.Never(s.length/2, fmt.Sprintf("during %s something was touched", s.kind), touched)
		controller.Kill()
		w.DeleteService(fmt.Sprintf("doomed-%d", i))
		controller = w.start(alone)
		w.Never(s.length/2, fmt.Sprintf("during %s, after a restart, something was touched", s.kind), touched)
		end()
	}
	took := w.await(5*time.Minute, "everything recovers", func() string {
		if changed, state := touched(); changed {
			return state
		}
		for name, uid := range doomed {
			if problem := w.serviceGone(name, uid); problem != "" {
				return problem
			}
		}
		for i := range stages {
			if problem := w.serviceWhole(fmt.Sprintf("late-%d", i), servers(1, 5)...); problem != "" {
				return problem
			}
		}
		return w.nodesWhole()
	})
	w.settle()
	if all := w.LoadBalancers(); len(all) != len(kept)+len(stages) {
		w.T.Errorf("%d load balancers, not %d: %s", len(all), len(kept)+len(stages), describe(all))
	}
	for _, name := range kept {
		if problem := w.serviceWhole(name, servers(1, 5)...); problem != "" {
			w.T.Error(problem)
		}
	}
	for i := range stages {
		n, err := w.Client.CoreV1().Nodes().Get(w.T.Context(), rig.NodeName(i+1), metav1.GetOptions{})
		if err != nil || condition(n, corev1.NodeReady) == corev1.ConditionTrue {
			w.T.Errorf("the Node that died is %v (%v), so the test saw nothing", n, err)
		}
	}
	w.T.Logf("outage of %v survived; recovered %s after its end", stages, took.Round(100*time.Millisecond))
}

func TestOutageOfListsLosesAndDoublesNothing(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 5})
	w.outage(stage{fault.EmptyList, 22 * time.Second}, stage{fault.Deny, 22 * time.Second})
}
