package chaos

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// lease reads the election's lease.
func (w *world) lease() *coordinationv1.Lease {
	w.T.Helper()
	l, err := w.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(w.T.Context(), "cloud-controller-manager", metav1.GetOptions{})
	if err != nil {
		w.T.Fatal(err)
	}
	return l
}

func holder(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// pair starts a leader and a replica that waits for its lease, both warm.
func (w *world) pair(flags ...string) (leader, standby *rig.Controller) {
	w.T.Helper()
	leader = w.startAs(keyA, flags...)
	w.awaitWorking(leader)
	w.await(longEnough, "every Node is whole", w.nodesWhole)
	standby = w.startAs(keyB, flags...)
	standby.WaitReady()
	w.settle()
	if writes := w.writesOf(keyB, 0); len(writes) > 0 {
		w.T.Fatalf("the replica without the lease has written: %v", writes)
	}
	return leader, standby
}

// awaitTakeover waits until somebody else than before holds the lease, and
// returns how long after start that was.
func (w *world) awaitTakeover(before string, start time.Time, limit time.Duration) time.Duration {
	w.T.Helper()
	var taken time.Time
	w.await(limit, "the lease has another holder", func() string {
		l := w.lease()
		if now := holder(l); now == "" || now == before {
			return "held by " + now
		}
		taken = l.Spec.AcquireTime.Time
		return ""
	})
	return taken.Sub(start)
}

// callsOf are the calls of a key after a number in the journal.
func (w *world) callsOf(key string, after int64) []journal.Entry {
	var calls []journal.Entry
	for _, e := range w.Sim.Journal() {
		if e.Key == key && e.Seq > after {
			calls = append(calls, e)
		}
	}
	return calls
}

// writesOf are the changing ones among them, a line each.
func (w *world) writesOf(key string, after int64) []string {
	var lines []string
	for _, e := range w.callsOf(key, after) {
		if e.Mutating {
			lines = append(lines, fmt.Sprintf("%d %s %s %v", e.Seq, e.Action, e.Code, e.Params))
		}
	}
	return lines
}

// lastCall is the number of the latest call.
func (w *world) lastCall() int64 {
	calls := w.Sim.Journal()
	if len(calls) == 0 {
		return 0
	}
	return calls[len(calls)-1].Seq
}
