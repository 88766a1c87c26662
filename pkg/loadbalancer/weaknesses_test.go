package loadbalancer

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2/textlogger"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// weaknesses are those of the official controller that concern load balancers, and
// one that concerns routes, by
// their number in the study of it, each with the test that shows that they are not
// ours.
var weaknesses = []struct {
	number int
	what   string
	test   string
}{
	{4, "one Node without a provider ID freezes the backends of all Services", "TestWeakness4OneBadNodeFreezesNoBackends"},
	{5, "a server group that cannot be read looks empty", "TestWeakness5GroupThatCannotBeReadIsNotEmpty"},
	{7, "a Service that wants no load balancer any more leaks it on a restart", "TestWeakness7LoadBalancerGivenUpWhileNobodyLookedIsDeleted"},
	{8, "a public Service cannot be deleted where public ones are not allowed", "TestWeakness8DeletionIsPossibleWherePublicOnesAreNotAllowed"},
	{9, "a listener deleted by hand stays away", "TestChangesByHandAreSetRight"},
	{11, "a domain's certificate cannot be changed", "TestCertificatesRotateWithoutAnInterruption"},
	{12, "a preserved load balancer loses its listeners and groups", "TestPreservedLoadBalancerKeepsEverythingButOurMarks"},
	{13, "tags of others are removed", "TestListenersAndTagsOfOthersStay"},
	{14, "each change of endpoints and Nodes is read live", "TestWeakness14To18ChangesCostKubernetesNothing"},
	{15, "a Service is synced for each Node that joins", "TestWeakness15NodesThatJoinTogetherAreOnePass"},
	{16, "throttled calls fail the whole Service", "TestManyThrottledCallsAreSurvivedWithoutFalseSuccess"},
	{17, "all Pods of the cluster are kept in memory", "TestWeakness14To18ChangesCostKubernetesNothing"},
	{18, "each sync patches the Service", "TestWeakness14To18ChangesCostKubernetesNothing"},
	{19, "a deletion reads everything before", "TestCreateAndDeleteKeepTheirBudgets"},
	{20, "an empty list of routes costs a look-up for each Node", "TestBudgetOfFiftyNewNodes"},
	{26, "taints are not seen", "TestDrainingServerGetsWeightZeroUnlessItIsTheLast"},
	{27, "the label of control planes is unknown", "TestExcludedNodesAreNoBackends"},
	{28, "a client token is used again with another vSwitch", "TestWeakness28EachVSwitchHasItsOwnClientToken"},
	{34, "a member on another port is changed over and over", "TestWeakness34MemberOnAnotherPortIsTakenOutOnce"},
	{35, "each sync prints the Service to the log", "TestWeakness35ServicesAreNotPrintedToTheLog"},
}

func TestEachWeaknessHasATest(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../routes/budget_test.go")
	tests := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file) // #nosec G304 -- our own sources
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(content), -1) {
			tests[match[1]] = true
		}
	}
	for _, w := range weaknesses {
		if !tests[w.test] {
			t.Errorf("weakness %d (%s): there is no %s", w.number, w.what, w.test)
		}
	}
}

func TestWeakness4OneBadNodeFreezesNoBackends(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.changeNode(2, func(n *corev1.Node) { n.Spec.ProviderID = "" })
	s := newService(1)
	r.living(s)
	if got := r.weights(s); got != "i-1=100 i-3=100" {
		t.Errorf("backends %s", got)
	}
	r.removeNode(3)
	r.eventually("the server has left", func() bool { return r.weights(s) == "i-1=100" })
}

func TestWeakness5GroupThatCannotBeReadIsNotEmpty(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	c := r.living(s)
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 32111 })
	r.eventually("the listener has moved to a group", func() bool { return whole(3)(r, s) == nil && len(r.only(s).Groups) == 1 })
	c.stop()
	const read = "DescribeVServerGroupAttribute"
	rule := r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusForbidden, Code: "Forbidden.RAM", Action: read})
	calls := &tally{calls: map[string]int{}}
	r.start(audited, calls.counted(r))
	r.eventually("the group was asked for", func() bool { return r.sim.CountsByCode()[read]["Forbidden.RAM"] > 2 })
	r.sim.ClearFault(rule)
	known := r.sim.CountsByCode()[read]["OK"]
	r.eventually("two audits have read it", func() bool { return r.sim.CountsByCode()[read]["OK"] >= known+2 })
	calls.mu.Lock()
	defer calls.mu.Unlock()
	for action := range calls.calls {
		if !strings.HasPrefix(action, "Describe") {
			t.Errorf("%s was called: %v", action, calls.calls)
		}
	}
}

func TestWeakness7LoadBalancerGivenUpWhileNobodyLookedIsDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 1)
	s := newService(1)
	r.living(s).stop()
	r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
	r.start()
	r.eventually("the load balancer is deleted", func() bool { return len(r.all(s)) == 0 })
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
}

func TestWeakness8DeletionIsPossibleWherePublicOnesAreNotAllowed(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 1)
	s := newService(1)
	r.living(s).stop()
	r.start(func(o *Options) { o.Settings.AllowInternet = false }).surveyed()
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if left := r.all(s); len(left) > 0 {
		t.Errorf("load balancers are left: %v", left)
	}
}

// TestWeakness14To18ChangesCostKubernetesNothing: what is known by the informers is
// not read, no Pods are watched, and nothing is written that is so.
func TestWeakness14To18ChangesCostKubernetesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	c := r.living(s)
	r.settle()
	first := len(r.kube.Actions())
	r.endpoints(s, 1, 2)
	r.changeNode(3, func(n *corev1.Node) { n.Labels[corev1.LabelNodeExcludeBalancers] = "" })
	r.eventually("the server has left", func() bool { return r.weights(s) == "i-1=100 i-2=100" })
	if _, err := c.EnsureLoadBalancer(t.Context(), "kubernetes", r.service(s), nil); err != nil {
		t.Error(err)
	}
	own := []string{"update endpointslices", "create endpointslices", "get nodes", "update nodes", "get services"} // the test's
	for _, a := range r.kube.Actions()[first:] {
		if what := a.GetVerb() + " " + a.GetResource().Resource; !slices.Contains(own, what) && a.GetResource().Resource != "events" {
			t.Errorf("the controllers did: %s", what)
		}
	}
	for _, a := range r.kube.Actions() {
		if a.GetResource().Resource == "pods" {
			t.Errorf("%s pods", a.GetVerb())
		}
	}
}

func TestWeakness15NodesThatJoinTogetherAreOnePass(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 40)
	r.window = nodewatch.DefaultWindow
	for n := 2; n <= 40; n++ {
		r.removeNode(n)
	}
	s := newService(1)
	calls := &tally{calls: map[string]int{}}
	r.living(s, calls.counted(r))
	spent := calls.of(r, func() {
		for n := 2; n <= 40; n++ {
			r.addNode(n)
		}
	}, func() bool { return len(r.only(s).Backends) == 40 })
	if len(spent) != 1 || spent[callAdd] != 2 { // a call takes 20 servers
		t.Errorf("calls %v", spent)
	}
}

func TestWeakness28EachVSwitchHasItsOwnClientToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 1)
	r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: noAddress, Action: callCreate, Count: 1})
	s := newService(1, func(s *corev1.Service) {
		s.Annotations["service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"] = "intranet"
	})
	r.living(s, func(o *Options) { o.Location.VSwitchIDs = append(o.Location.VSwitchIDs, aliyunsim.SmallVSwitchI) })
	tokens := map[string]bool{}
	for _, e := range r.sim.Journal() {
		if e.Action == callCreate {
			tokens[fmt.Sprint(e.Params["VSwitchId"], " ", e.Params["ClientToken"])] = true
		}
	}
	if len(tokens) != 2 {
		t.Errorf("creations %v", tokens)
	}
}

func TestWeakness34MemberOnAnotherPortIsTakenOutOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	s := newService(1)
	r.living(s, audited)
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 32111 })
	r.eventually("the listener has moved to a group", func() bool { return whole(2)(r, s) == nil && len(r.only(s).Groups) == 1 })
	group := r.only(s).Groups[0]
	other := group.Backends[0]
	other.Port++
	const remove = "RemoveVServerGroupBackendServers"
	before := r.sim.Counts()[remove]
	if err := r.eyes.AddGroupBackends(t.Context(), group.ID, append(group.Backends[:0:0], other)); err != nil {
		t.Fatal(err)
	}
	r.eventually("it is taken out", func() bool { return len(r.recorded(event.LoadBalancerDriftRepaired)) > 0 && whole(2)(r, s) == nil })
	audits := r.sim.Counts()[callGet]
	r.eventually("further audits have seen the group", func() bool { return r.sim.Counts()[callGet] > audits+3 })
	if n := r.sim.Counts()[remove] - before; n != 1 {
		t.Errorf("%d calls of %s", n, remove)
	}
}

func TestWeakness35ServicesAreNotPrintedToTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	var log logged
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Verbosity(usualVerbosity), textlogger.Output(&log)))
	r.logger = &logger
	const secret = "not-for-the-log"
	s := newService(1, func(s *corev1.Service) { s.Annotations[corev1.LastAppliedConfigAnnotation] = secret })
	c := r.living(s)
	// The last of the creation's events is written some time after it.
	r.eventually("the creation is logged", func() bool { return strings.Contains(log.String(), "EnsuredLoadBalancer") })
	created := log.String()
	if !strings.Contains(created, "Created load balancer") {
		t.Fatalf("nothing is logged: %s", created)
	}
	for range 10 {
		if _, err := c.EnsureLoadBalancer(t.Context(), "kubernetes", r.service(s), nil); err != nil {
			t.Fatal(err)
		}
	}
	if more := log.String()[len(created):]; more != "" {
		t.Errorf("syncs that change nothing are logged: %s", more)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, secret) || len(line) > 1000 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
}

// usualVerbosity is the highest with which controllers usually run.
const usualVerbosity = 2

// logged gathers a log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
