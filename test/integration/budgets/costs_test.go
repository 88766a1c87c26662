package budgets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

// quietFor is how long no call means that the work is done; node events are
// gathered for a second before they are acted on.
const quietFor = 2500 * time.Millisecond

// costs is a cluster whose calls are counted, with profile std.
type costs struct {
	*rig.Rig
	log        *tally.Log
	controller *rig.Controller
	args       []string
}

// newCosts returns a region with so many servers and no Nodes. All Nodes of the
// tests fit into a load balancer: what a subset costs is a test of its own.
func newCosts(t *testing.T, servers int, region func(*aliyunsim.Options)) *costs {
	t.Helper()
	c := &costs{log: &tally.Log{}, args: []string{"--backends-per-load-balancer=200", "--attachments-per-server=1000", "-v=2"}}
	c.Rig = rig.New(t, rig.Options{
		Servers: servers, Profile: "std", NoNodes: true,
		Region: func(o *aliyunsim.Options) {
			o.Observe = c.log.Observe
			if region != nil {
				region(o)
			}
		},
	})
	return c
}

// spends runs work and waits until it is quiet; there may have been so many
// calls, and no read that waits more than one a second.
func (c *costs) spends(t *testing.T, budget int, work func()) tally.Tally {
	t.Helper()
	c.T = t
	from := c.log.Mark()
	work()
	c.settle()
	return c.spent(t, from, budget, nil)
}

// spent compares the calls since a mark with the budget.
func (c *costs) spent(t *testing.T, from tally.Mark, budget int, matches func(*journal.Entry) bool) tally.Tally {
	t.Helper()
	calls := c.log.Since(from, tally.Standard, matches)
	if err := within(calls, budget); err != nil {
		t.Error(err)
	} else {
		t.Logf("%d calls of %d:\n%s", calls.Total(), budget, calls)
	}
	return calls
}

// within says what of the calls is too much.
func within(calls tally.Tally, budget int) error {
	var problems []error
	if n := calls.Total(); n > budget {
		problems = append(problems, fmt.Errorf("%d calls, at most %d are allowed", n, budget))
	}
	if n := tally.Sum(calls.Waiting); n > calls.Allowance {
		problems = append(problems, fmt.Errorf("%d reads that wait, at most %d are allowed", n, calls.Allowance))
	}
	if n := tally.Sum(calls.Refused); n > 0 {
		problems = append(problems, fmt.Errorf("%d calls were refused and repeated, although nobody else is at work", n))
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%s", errors.Join(problems...), calls)
}

// joins adds Nodes and waits until they are routed and serve; it says what of
// the calls was too much.
func (c *costs) joins(first, last, budget int) error {
	c.T.Helper()
	from := c.log.Mark()
	c.atOnce(func() { c.AddNodes(first, last) })
	c.routed()
	c.weights(last, 100)
	c.settle()
	calls := c.log.Since(from, tally.Standard, nil)
	c.T.Logf("%d calls of %d:\n%s", calls.Total(), budget, calls)
	return within(calls, budget)
}

// settle waits until there is no call for a while.
func (c *costs) settle() {
	c.T.Helper()
	from := c.log.Mark()
	start := time.Now()
	c.Eventually(2*time.Minute, "no calls are made any more", func() (bool, string) {
		idle := min(c.log.Idle(), time.Since(start))
		return idle > quietFor, c.log.Since(from, tally.Standard, nil).String()
	})
}

// start starts the controller, further arguments last, and waits until it leads.
func (c *costs) start(args ...string) {
	c.T.Helper()
	c.controller = c.StartController(append(c.args, args...)...)
	c.Eventually(30*time.Second, "the controller leads", func() (bool, string) {
		lease, err := c.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(c.T.Context(), "cloud-controller-manager", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		holder := lease.Spec.HolderIdentity
		return holder != nil && *holder != "", "nobody holds the lease"
	})
}

// serves creates Services and waits until all have addresses.
func (c *costs) serves(names []string, ports ...corev1.ServicePort) {
	c.T.Helper()
	for _, name := range names {
		c.CreateService(name, nil, ports...)
	}
	for _, name := range names {
		c.AwaitAddress(name, time.Minute)
	}
}

// gone deletes Services and waits until they are no more.
func (c *costs) gone(names ...string) {
	c.T.Helper()
	for _, name := range names {
		c.DeleteService(name)
	}
	c.Eventually(time.Minute, "the Services are gone", func() (bool, string) {
		for _, name := range names {
			_, err := c.Client.CoreV1().Services(c.Namespace).Get(c.T.Context(), name, metav1.GetOptions{})
			if !apierrors.IsNotFound(err) {
				return false, name + " is left\n" + c.Events(name)
			}
		}
		return true, ""
	})
}

// weights waits until a server has a weight in all load balancers; -1 means that
// it is in none.
func (c *costs) weights(number, weight int) {
	c.T.Helper()
	c.Eventually(30*time.Second, fmt.Sprintf("server %d has weight %d in every load balancer", number, weight), func() (bool, string) {
		for _, lb := range c.LoadBalancers() {
			is := -1
			for _, b := range lb.Backends {
				if b.ServerID == rig.ServerID(number) {
					is = b.Weight
				}
			}
			if is != weight {
				return false, lb.String()
			}
		}
		return true, ""
	})
}

// routed waits until every Node is initialised and its network available.
func (c *costs) routed() {
	c.T.Helper()
	c.Eventually(time.Minute, "every Node is initialised and routed", func() (bool, string) {
		list, err := c.Client.CoreV1().Nodes().List(c.T.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			n := &list.Items[i]
			available := false
			for _, condition := range n.Status.Conditions {
				available = available || (condition.Type == corev1.NodeNetworkUnavailable && condition.Status == corev1.ConditionFalse)
			}
			if n.Spec.ProviderID == "" || !available {
				return false, fmt.Sprintf("%s: provider ID %q, Pod CIDR %q, conditions %v", n.Name, n.Spec.ProviderID, n.Spec.PodCIDR, n.Status.Conditions)
			}
		}
		return true, ""
	})
}

// atOnce lets the controller see at one moment what takes a while to do.
func (c *costs) atOnce(do func()) {
	c.T.Helper()
	c.controller.Freeze()
	defer c.controller.Thaw()
	do()
}

// remove deletes the Nodes numbered first to last.
func (c *costs) remove(first, last int) {
	c.T.Helper()
	for number := first; number <= last; number++ {
		if err := c.Fleet.Remove(c.T.Context(), rig.NodeName(number)); err != nil {
			c.T.Fatal(err)
		}
	}
}

// left checks what it has cost that nodes have gone: one call for each server
// group, and their routes together, looked at right before they are deleted.
func (c *costs) left(t *testing.T, from tally.Mark, size tally.Size) {
	t.Helper()
	c.spent(t, from, size.NodesLeave(), ofSLB)
	c.spent(t, from, 2*size.T, ofVPC)
	c.spent(t, from, 0, ofECS)
}

// taint gives a Node the taint of the cluster autoscaler before it deletes it.
func (c *costs) taint(ctx context.Context, number int) {
	c.T.Helper()
	_, err := c.Client.CoreV1().Nodes().Patch(ctx, rig.NodeName(number), types.StrategicMergePatchType,
		[]byte(`{"spec":{"taints":[{"key":"ToBeDeletedByClusterAutoscaler","value":"1","effect":"NoSchedule"}]}}`), metav1.PatchOptions{})
	if err != nil {
		c.T.Fatal(err)
	}
}

func ofSLB(e *journal.Entry) bool { return strings.EqualFold(string(e.Product), "slb") }

func ofVPC(e *journal.Entry) bool { return strings.EqualFold(string(e.Product), "vpc") }

func ofECS(e *journal.Entry) bool { return strings.EqualFold(string(e.Product), "ecs") }

// names are service-first to service-last.
func names(first, last int) []string {
	var all []string
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprintf("service-%d", i))
	}
	return all
}

// watch lets time go by.
func (c *costs) watch(while time.Duration) {
	c.T.Helper()
	c.Never(while, "the controller has ended", func() (bool, string) {
		ended := c.controller.Ended()
		return ended != "", ended
	})
}
