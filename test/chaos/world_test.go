package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// The access keys of two replicas, so that the journal tells them apart.
const (
	keyA = "test-replica-a"
	keyB = "test-replica-b"
)

func secretOf(key string) string { return key + "-confidential" }

// alone is how a replica without rivals starts: it need not wait for a lease.
const alone = "--leader-elect=false"

// quickLease are flags of an election that takes seconds.
var quickLease = []string{"--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s", "--leader-elect-retry-period=500ms"}

// world is a rig whose replicas' logs are read at the end: no secret, no data
// race and no panic is in any of them.
type world struct {
	*rig.Rig
	secrets  *secrets
	replicas []*rig.Controller
}

func newWorld(t *testing.T, options rig.Options) *world {
	t.Helper()
	change := options.Region
	options.Region = func(o *aliyunsim.Options) {
		keys := ""
		for _, key := range []string{keyA, keyB} {
			keys += fmt.Sprintf("- {id: %s, secret: %s}\n", key, secretOf(key))
		}
		o.Seed = strings.Replace(o.Seed, "keys:\n", "keys:\n"+keys, 1)
		if change != nil {
			change(o)
		}
	}
	w := &world{Rig: rig.New(t, options)}
	w.secrets = overhear(w.Sim)
	t.Cleanup(w.readLogs)
	return w
}

// start starts a replica with the region's own key.
func (w *world) start(args ...string) *rig.Controller {
	w.T.Helper()
	return w.keep(w.StartController(args...))
}

// startAs starts a replica with a key of its own.
func (w *world) startAs(key string, args ...string) *rig.Controller {
	w.T.Helper()
	return w.keep(w.StartControllerWith(rig.ControllerConfig{
		NoKey: true, Args: args, Env: []string{"ALIYUN_ACCESS_KEY=" + key, "ALIYUN_ACCESS_KEY_SECRET=" + secretOf(key)},
	}))
}

func (w *world) keep(c *rig.Controller) *rig.Controller {
	w.replicas = append(w.replicas, c)
	return c
}

// startWhole starts a replica without rivals and waits until it has nothing left
// to do for its Nodes and has looked at all load balancers.
func (w *world) startWhole(args ...string) *rig.Controller {
	w.T.Helper()
	c := w.start(append([]string{alone}, args...)...)
	w.awaitWorking(c)
	w.await(60*time.Second, "every Node is whole", w.nodesWhole)
	return c
}

// awaitWorking waits until a replica has looked at all load balancers.
func (w *world) awaitWorking(c *rig.Controller) {
	w.T.Helper()
	w.await(30*time.Second, "the replica has surveyed the load balancers", func() string {
		if strings.Contains(c.Output(), "Surveyed load balancers") {
			return ""
		}
		return c.Ended() + "\n" + c.Tail(3)
	})
}

// await waits until problem finds none.
func (w *world) await(limit time.Duration, what string, problem func() string) time.Duration {
	w.T.Helper()
	return w.Eventually(limit, what, func() (bool, string) {
		p := problem()
		return p == "", p
	})
}

// lastWrite is the number of the latest changing call, and whether one is being
// handled.
func (w *world) lastWrite() (seq int64, pending bool) {
	for _, e := range w.Sim.Journal() {
		if e.Mutating {
			seq = max(seq, e.Seq)
			pending = pending || e.Code == journal.Pending
		}
	}
	return seq, pending
}

// settle waits until nothing was written for a while.
func (w *world) settle() {
	w.T.Helper()
	const quiet = 400 * time.Millisecond
	last, since := int64(-1), time.Now()
	w.await(30*time.Second, "the controllers come to rest", func() string {
		seq, pending := w.lastWrite()
		if seq != last || pending {
			last, since = seq, time.Now()
		}
		if time.Since(since) < quiet {
			return fmt.Sprintf("the last write is call %d", seq)
		}
		return ""
	})
}

// closed reports whether a channel is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
