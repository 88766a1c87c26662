package instances

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	cloudprovider "k8s.io/cloud-provider"
	cloudproviderapi "k8s.io/cloud-provider/api"
	testclock "k8s.io/utils/clock/testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

const region = "cn-hangzhou"

// answers is a Servers and a Cloud that says what it is told to.
type answers struct {
	mu     sync.Mutex
	server ecs.Server
	err    error
	maxAge time.Duration

	exists     bool
	existsErr  error
	existCalls int
	lookups    int
}

func (a *answers) Get(_ context.Context, _ *corev1.Node, maxAge time.Duration) (ecs.Server, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.maxAge = maxAge
	a.lookups++
	return a.server, a.err
}

func (a *answers) GetAmong(ctx context.Context, node *corev1.Node, maxAge time.Duration, _ func(*corev1.Node) bool) (ecs.Server, error) {
	return a.Get(ctx, node, maxAge)
}

func (a *answers) ServerExists(context.Context, string) (bool, error) {
	a.existCalls++
	return a.exists, a.existsErr
}

var start = time.Unix(1_000_000, 0)

type unit struct {
	*Instances
	answers *answers
	clock   *testclock.FakePassiveClock
	events  *record.FakeRecorder
}

func newUnit(a *answers) unit {
	u := unit{answers: a, clock: testclock.NewFakePassiveClock(start), events: record.NewFakeRecorder(10)}
	u.Instances = New(Options{Region: region, Servers: a, Cloud: a, Events: event.New(u.events), Clock: u.clock})
	return u
}

// node is an initialised Node with a provider ID, an hour old and not Ready for
// two minutes.
func node(changes ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", UID: "uid-1", CreationTimestamp: metav1.NewTime(start.Add(-time.Hour))},
		Spec:       corev1.NodeSpec{ProviderID: "cn-hangzhou.i-1"},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(start.Add(-2 * time.Minute)),
		}}},
	}
	for _, c := range changes {
		c(n)
	}
	return n
}

func tainted(n *corev1.Node) {
	n.Spec.Taints = []corev1.Taint{{Key: cloudproviderapi.TaintExternalCloudProvider, Effect: corev1.TaintEffectNoSchedule}}
}

func noProviderID(n *corev1.Node) { n.Spec.ProviderID = "" }

func addressed(addresses ...corev1.NodeAddress) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Status.Addresses = addresses }
}

func provided(ip string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Annotations = map[string]string{cloudproviderapi.AnnotationAlphaProvidedIPAddr: ip}
	}
}

func address(kind corev1.NodeAddressType, ip string) corev1.NodeAddress {
	return corev1.NodeAddress{Type: kind, Address: ip}
}

func TestMetadataOfAServer(t *testing.T) {
	u := newUnit(&answers{server: ecs.Server{
		ID: "i-1", Type: "ecs.g7.large", Zone: "cn-hangzhou-h", PrivateIPs: []string{"10.0.0.1", "10.0.0.77"},
		ElasticIP: "203.0.113.1", PublicIPs: []string{"203.0.113.2"}, IPv6s: []string{"2001:db8::1"},
		ChargeType: "PostPaid", SpotStrategy: "SpotAsPriceGo",
	}})
	got, err := u.InstanceMetadata(t.Context(), node(tainted, noProviderID))
	if err != nil {
		t.Fatal(err)
	}
	want := &cloudprovider.InstanceMetadata{
		ProviderID: "cn-hangzhou.i-1", InstanceType: "ecs.g7.large", Zone: "cn-hangzhou-h", Region: region,
		NodeAddresses: []corev1.NodeAddress{
			address(corev1.NodeInternalIP, "10.0.0.1"), address(corev1.NodeInternalIP, "2001:db8::1"), address(corev1.NodeExternalIP, "203.0.113.1"),
		},
		AdditionalLabels: map[string]string{
			"node.alibabacloud.com/instance-charge-type": "PostPaid", "node.alibabacloud.com/spot-strategy": "SpotAsPriceGo",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestProviderIDThatTheNodeHasIsKept(t *testing.T) {
	u := newUnit(&answers{server: ecs.Server{ID: "i-1"}})
	got, err := u.InstanceMetadata(t.Context(), node(func(n *corev1.Node) { n.Spec.ProviderID = "aliyun://cn-hangzhou.i-1" }))
	if err != nil || got.ProviderID != "aliyun://cn-hangzhou.i-1" {
		t.Errorf("metadata %+v, %v", got, err)
	}
}

func TestAddressesPreferWhatTheNodeUses(t *testing.T) {
	server := ecs.Server{PrivateIPs: []string{"10.0.0.1", "10.0.0.77"}, IPv6s: []string{"2001:db8::1", "2001:db8::77"}, PublicIPs: []string{"203.0.113.2"}}
	external := address(corev1.NodeExternalIP, "203.0.113.2")
	for name, test := range map[string]struct {
		node *corev1.Node
		want []corev1.NodeAddress
	}{
		"nothing known": {node(), []corev1.NodeAddress{
			address(corev1.NodeInternalIP, "10.0.0.1"), address(corev1.NodeInternalIP, "2001:db8::1"), external}},
		"second address": {node(addressed(address(corev1.NodeInternalIP, "10.0.0.77"))), []corev1.NodeAddress{
			address(corev1.NodeInternalIP, "10.0.0.77"), address(corev1.NodeInternalIP, "2001:db8::1"), external}},
		"IPv6 first": {node(provided("2001:db8::77,10.0.0.1")), []corev1.NodeAddress{
			address(corev1.NodeInternalIP, "2001:db8::77"), address(corev1.NodeInternalIP, "10.0.0.1"), external}},
		"lost address": {node(addressed(address(corev1.NodeInternalIP, "10.0.0.5"))), []corev1.NodeAddress{
			address(corev1.NodeInternalIP, "10.0.0.1"), address(corev1.NodeInternalIP, "2001:db8::1"), external}},
	} {
		if diff := cmp.Diff(test.want, addresses(test.node, &server)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestUnchangedAddressesAreNotReturned(t *testing.T) {
	u := newUnit(&answers{server: ecs.Server{ID: "i-1", PrivateIPs: []string{"10.0.0.1"}, IPv6s: []string{"2001:db8::1"}}})
	same := []corev1.NodeAddress{
		address(corev1.NodeInternalIP, "10.0.0.1"), address(corev1.NodeInternalIP, "2001:db8::1"), address(corev1.NodeHostName, "n1"),
	}
	for name, test := range map[string]struct {
		node *corev1.Node
		want int
	}{
		"same":                          {node(addressed(same...)), 0},
		"other order":                   {node(addressed(same[1], same[2], same[0])), 0},
		"only the provided family":      {node(addressed(same[0], same[2]), provided("10.0.0.1")), 0},
		"one missing":                   {node(addressed(same[0], same[2])), 2},
		"one too many":                  {node(addressed(append(same, address(corev1.NodeExternalIP, "203.0.113.1"))...)), 2},
		"provided address is not there": {node(addressed(same...), provided("10.0.0.9")), 2},
		"not initialised":               {node(addressed(same...), tainted), 2},
	} {
		got, err := u.InstanceMetadata(t.Context(), test.node)
		if err != nil || len(got.NodeAddresses) != test.want {
			t.Errorf("%s: addresses %v, %v", name, got.NodeAddresses, err)
		}
	}
}

func TestForeignNodeIsLeftAlone(t *testing.T) {
	u := newUnit(&answers{err: servers.ErrForeign})
	if got, err := u.InstanceMetadata(t.Context(), node(tainted)); got != nil || err != nil {
		t.Errorf("uninitialised: %+v, %v", got, err)
	}
	if got, err := u.InstanceMetadata(t.Context(), node()); err != nil || got == nil || len(got.NodeAddresses) != 0 {
		t.Errorf("initialised: %+v, %v", got, err)
	}
	if exists, err := u.InstanceExists(t.Context(), node()); !exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
	if shutdown, err := u.InstanceShutdown(t.Context(), node()); shutdown || err != nil {
		t.Errorf("shutdown: %v, %v", shutdown, err)
	}
}

func TestUninitialisedNodeIsToldWhyOnce(t *testing.T) {
	for name, test := range map[string]struct {
		err    func(try int) error
		reason string
	}{
		"absent":   {func(int) error { return &servers.AbsentError{} }, "Warning ServerNotFound "},
		"unproven": {func(try int) error { return fmt.Errorf("next try in %d s: %w", try, servers.ErrUnproven) }, "Warning ServerNotFound "},
		"denied": {func(try int) error {
			return apierror.New("Ecs", "DescribeInstances", "Forbidden.RAM", "no", strconv.Itoa(try), 403)
		}, "Warning ServerLookupDenied "},
	} {
		u := newUnit(&answers{})
		for try := range 3 {
			u.answers.err = test.err(try)
			if got, err := u.InstanceMetadata(t.Context(), node(tainted)); got != nil || !errors.Is(err, u.answers.err) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			if got, err := u.InstanceMetadata(t.Context(), node()); got != nil || !errors.Is(err, u.answers.err) {
				t.Errorf("%s, initialised: %+v, %v", name, got, err)
			}
		}
		if len(u.events.Events) != 1 {
			t.Fatalf("%s: %d events", name, len(u.events.Events))
		}
		if got := <-u.events.Events; !strings.HasPrefix(got, test.reason) {
			t.Errorf("%s: event %q", name, got)
		}
	}
}

func TestShutdownMeansStoppedOrStopping(t *testing.T) {
	for status, want := range map[ecs.Status]bool{
		ecs.Stopped: true, ecs.Stopping: true, ecs.Running: false, ecs.Starting: false, ecs.Pending: false,
	} {
		u := newUnit(&answers{server: ecs.Server{ID: "i-1", Status: status}})
		if got, err := u.InstanceShutdown(t.Context(), node()); got != want || err != nil {
			t.Errorf("%s: %v, %v", status, got, err)
		}
	}
}

func TestNodeWithoutProviderIDIsNeverGivenUpAndCostsNothing(t *testing.T) {
	u := newUnit(&answers{err: &servers.AbsentError{Server: "i-1", First: start.Add(-time.Hour), Last: start}})
	if exists, err := u.InstanceExists(t.Context(), node(noProviderID)); !exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
	if shutdown, err := u.InstanceShutdown(t.Context(), node(noProviderID)); shutdown || err != nil {
		t.Errorf("shutdown: %v, %v", shutdown, err)
	}
	if u.answers.lookups != 0 || u.answers.existCalls != 0 {
		t.Errorf("%d look-ups, %d calls", u.answers.lookups, u.answers.existCalls)
	}
}

func TestProofNeedsEveryPart(t *testing.T) {
	absent := func(row time.Duration) error {
		return &servers.AbsentError{Server: "i-1", First: start.Add(-row), Last: start}
	}
	ready := func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionTrue }
	young := func(n *corev1.Node) { n.CreationTimestamp = metav1.NewTime(start.Add(-proofNodeAge + time.Second)) }
	for name, test := range map[string]struct {
		answers *answers
		node    *corev1.Node
		exists  bool
		failed  bool
		calls   int
	}{
		"all parts":           {&answers{err: absent(time.Minute)}, node(), false, false, 1},
		"row too short":       {&answers{err: absent(59 * time.Second)}, node(), true, false, 0},
		"one listing":         {&answers{err: absent(0)}, node(), true, false, 0},
		"young Node":          {&answers{err: absent(time.Minute)}, node(young), true, false, 0},
		"Ready Node":          {&answers{err: absent(time.Minute)}, node(ready), true, false, 0},
		"still known by ID":   {&answers{err: absent(time.Minute), exists: true}, node(), true, false, 1},
		"ID cannot be asked":  {&answers{err: absent(time.Minute), existsErr: errors.New("throttled")}, node(), true, true, 1},
		"listing failed":      {&answers{err: errors.New("throttled")}, node(), true, true, 0},
		"listing proved none": {&answers{err: servers.ErrUnproven}, node(), true, true, 0},
		"refused":             {&answers{err: &servers.RefusedError{}}, node(), true, false, 0},
		"found":               {&answers{server: ecs.Server{ID: "i-1"}}, node(), true, false, 0},
	} {
		u := newUnit(test.answers)
		exists, err := u.InstanceExists(t.Context(), test.node)
		if exists != test.exists || (err != nil) != test.failed || u.answers.existCalls != test.calls {
			t.Errorf("%s: exists %v, error %v, %d calls", name, exists, err, u.answers.existCalls)
		}
		if _, proven := u.takeProof("n1"); proven == test.exists {
			t.Errorf("%s: proven %v", name, proven)
		}
	}
}

func TestWithheldNodeIsToldOfAndLeftAloneForAMinute(t *testing.T) {
	denied := apierror.New("Ecs", "DescribeInstanceAttribute", "Forbidden.RAM", "no", "r", 403)
	for name, a := range map[string]*answers{
		"known by ID": {exists: true},
		"denied":      {existsErr: denied},
	} {
		a.err = &servers.AbsentError{Server: "i-1", First: start.Add(-time.Hour), Last: start}
		u := newUnit(a)
		for range 3 {
			exists, _ := u.InstanceExists(t.Context(), node())
			if !exists {
				t.Fatalf("%s: the Node was given up", name)
			}
			if _, err := u.InstanceShutdown(t.Context(), node()); err != nil {
				t.Error(err)
			}
		}
		if a.existCalls != 1 || a.lookups != 1 || len(u.events.Events) != 1 {
			t.Errorf("%s: %d calls, %d look-ups, %d events", name, a.existCalls, a.lookups, len(u.events.Events))
		}
		u.clock.SetTime(start.Add(withheldFor))
		_, _ = u.InstanceExists(t.Context(), node())
		if a.existCalls != 2 {
			t.Errorf("%s: %d calls after the pause", name, a.existCalls)
		}
	}
}

func TestNotReadyNodesAreAskedAboutLessAndLessOften(t *testing.T) {
	u := newUnit(&answers{server: ecs.Server{ID: "i-1"}})
	for since, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, time.Minute: 10 * time.Second, 3 * time.Minute: 30 * time.Second, time.Hour: time.Minute,
	} {
		n := node(func(n *corev1.Node) {
			n.Status.Conditions[0].LastTransitionTime = metav1.NewTime(start.Add(-since))
		})
		if _, err := u.InstanceExists(t.Context(), n); err != nil || u.answers.maxAge != want {
			t.Errorf("not Ready for %s: age %s, want %s (%v)", since, u.answers.maxAge, want, err)
		}
	}
}

func TestInitialAnswersAreYoungerThanPeriodicOnes(t *testing.T) {
	u := newUnit(&answers{server: ecs.Server{ID: "i-1"}})
	for _, test := range []struct {
		node *corev1.Node
		want time.Duration
	}{{node(tainted), time.Minute}, {node(), 9 * time.Minute}} {
		if _, err := u.InstanceMetadata(t.Context(), test.node); err != nil || u.answers.maxAge != test.want {
			t.Errorf("age %s, want %s (%v)", u.answers.maxAge, test.want, err)
		}
	}
}
