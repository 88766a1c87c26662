package loadbalancer

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

const (
	callCreateGroup = "CreateVServerGroup"
	callSetTCP      = "SetLoadBalancerTCPListenerAttribute"
)

func TestOneBadAnswerToAnyCallIsSurvived(t *testing.T) {
	actions := []string{
		callList, callCreate, callAdd, callCreateTCP, callStart, callListeners, callCreateGroup, callSetTCP, callRemove, callUnprotect, callDelete,
	}
	kinds := map[string]fault.Rule{
		"lost reply":    {Kind: fault.DropReply},
		"reset":         {Kind: fault.Reset},
		"throttled":     {Kind: fault.Throttle},
		"server error":  {Kind: fault.ServerError},
		"not JSON":      {Kind: fault.NonJSON},
		"busy":          {Kind: fault.ServerError, Status: http.StatusConflict, Code: "BackendServer.configuring"},
		"unknown error": {Kind: fault.ServerError, Status: http.StatusBadRequest, Code: "Something.New"},
	}
	for name, rule := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actions := actions
			r := newRig(t, "instant", 3)
			c := r.start(func(o *Options) { o.DeleteOrphans = true }).surveyed()
			if name == "unknown error" { // each costs a pass, and pauses grow
				actions = actions[1:4]
			}
			for _, action := range actions {
				rule.Action, rule.Count = action, 1
				r.sim.Fault(rule)
			}
			s := newService(1)
			r.create(s)
			r.eventually("it is created", func() bool { return r.address(s) != "" && whole(3)(r, s) == nil })
			r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 32111 })
			r.eventually("its node port changes", func() bool { return whole(3)(r, s) == nil })
			r.remove(s)
			// The service controller itself waits 5 s after a failed deletion.
			r.eventually("it is deleted", func() bool { return nothingLeft(r, s) == nil })
			c.stop()
		})
	}
}

func TestAddressIsToldOnlyWhenAllListenersRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.ListenerTransition = 1500 * time.Millisecond })
	r.start()
	s := newService(1, withPorts(4))
	r.create(s)
	r.eventually("listeners are on their way", func() bool {
		return r.sim.Counts()[callStart] == 4
	})
	if r.address(s) != "" {
		t.Error("the address is told while listeners start")
	}
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	if err := whole(3)(r, s); err != nil {
		t.Errorf("when the address was told: %v", err)
	}
}

func TestManyThrottledCallsAreSurvivedWithoutFalseSuccess(t *testing.T) {
	t.Parallel()
	const services = 10
	r := newRig(t, "instant", 3)
	r.sim.Fault(fault.Rule{Kind: fault.Throttle, Probability: 0.2})
	r.start()
	all := make([]*corev1.Service, 0, services)
	for n := range services {
		s := newService(n+1, withPorts(2))
		all = append(all, s)
		r.create(s)
	}
	for _, s := range all {
		r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	}
	r.settle()
	if n := r.total(); n > services*20 {
		t.Errorf("%d calls for %d Services", n, services)
	}
	r.sim.ClearFaults()
	for _, s := range all {
		if err := whole(3)(r, s); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

func TestListingsThatShowNothingProveNothing(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"empty": {Kind: fault.EmptyList, Action: "Describe*"}, "forbidden": {Kind: fault.Deny, Action: "Describe*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			s := newService(1)
			c := r.living(s, audited)
			lb := r.only(s).Instance
			id := r.sim.Fault(rule)
			r.changeNode(1, func(n *corev1.Node) { n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: taintToBeDeleted}) })
			wait := time.NewTimer(3 * time.Second)
			<-wait.C
			c.stop()
			r.start(audited)
			wait.Reset(3 * time.Second)
			<-wait.C
			r.sim.ClearFault(id)
			r.eventually("all is well", func() bool { return whole(3)(r, s) == nil })
			if got := r.only(s).Instance.ID; got != lb.ID || r.sim.Counts()[callCreate] != 1 || r.sim.Counts()[callDelete] > 0 || r.address(s) != lb.Address {
				t.Errorf("load balancer %s became %s; calls %v", lb.ID, got, r.sim.CountsByCode())
			}
		})
	}
}

func TestLateListingsDoNotLeadToASecondLoadBalancer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) {
		k.TagLag, k.ListLag, k.GetLag, k.DeleteLag = 1500*time.Millisecond, time.Second, 500*time.Millisecond, 2*time.Second
	})
	lag := func(o *Options) { o.IndexLag = 2 * time.Second }
	r.sim.Fault(fault.Rule{Kind: fault.DropReply, Action: callCreate, Count: 2})
	c := r.start(lag)
	s := newService(1)
	r.create(s)
	r.eventually("it is created", func() bool { return r.sim.CountsByCode()[callCreate]["DroppedReply"] > 0 })
	c.stop() // dies while it does not know of the load balancer
	r.start(lag)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
	r.eventually("the address is gone", func() bool { return r.address(s) == "" })
	r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer })
	r.eventually("it has an address again", func() bool { return r.address(s) != "" })
	r.eventually("there is one load balancer", func() bool { return whole(3)(r, s) == nil })
	r.settle()
	if n := len(r.all(s)); n != 1 {
		t.Errorf("%d load balancers", n)
	}
}

func TestServiceChangedWhileItsCreationIsInDoubtGetsOneLoadBalancer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.TagLag, k.ListLag = time.Second, time.Second })
	r.start(func(o *Options) { o.IndexLag = 1500 * time.Millisecond }).surveyed()
	rule := r.sim.Fault(fault.Rule{Kind: fault.DropReply, Action: callCreate})
	s := newService(1)
	r.create(s)
	r.eventually("the creation is in doubt", func() bool { return r.sim.CountsByCode()[callCreate]["DroppedReply"] > 0 })
	r.change(s, func(s *corev1.Service) { s.Annotations = map[string]string{annotation.Prefix + "name": "another"} })
	r.sim.ClearFault(rule)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.eventually("it has its name", func() bool { lb, err := r.look(s); return err == nil && lb.Instance.Name == "another" })
	if n := len(r.all(s)); n != 1 {
		t.Errorf("%d load balancers", n)
	}
}

func TestTokenThatWasUsedForSomethingElseIsReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: "IdempotentParameterMismatch", Action: callCreate, Count: 1})
	s := newService(1)
	r.living(s)
	if err := whole(3)(r, s); err != nil {
		t.Error(err)
	}
}

func TestCreationThatIsDeniedIsToldAsTheAPITellsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: "OperationDenied.ForSale", Action: callCreate})
	r.start()
	s := newService(1)
	r.create(s)
	r.eventually("the owner is told why", func() bool {
		return strings.Contains(strings.Join(r.recorded(event.LoadBalancerWaiting), " "), "OperationDenied.ForSale")
	})
}

func TestServerThatTheAPIRefusesHarmsItselfOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 30)
	r.sim.Do(func(region *aliyunsim.Region) {
		for _, id := range []string{"i-7", "i-21"} {
			if err := region.ECS.Stop(region.Now(), id); err != nil {
				t.Error(err)
			}
		}
	})
	s := newService(1)
	r.living(s)
	if err := whole(28)(r, s); err != nil {
		t.Error(err)
	}
	told := strings.Join(r.recorded(event.LoadBalancerBackendRejected), " ")
	if !strings.Contains(told, "i-7") || !strings.Contains(told, "i-21") {
		t.Errorf("events %q", r.events)
	}
}

func TestServerThatIsRefusedDoesNotKeepAListenerFromMoving(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s)
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.ECS.Stop(region.Now(), "i-2"); err != nil {
			t.Error(err)
		}
	})
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 32111 })
	r.eventually("the listener has moved", func() bool { return whole(2)(r, s) == nil })
	if told := strings.Join(r.recorded(event.LoadBalancerBackendRejected), " "); !strings.Contains(told, "i-2") {
		t.Errorf("events %q", r.events)
	}
}

func TestNoAddressIsToldWhileNoServerIsAccepted(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	power := func(change func(region *aliyunsim.Region, id string) error) {
		r.sim.Do(func(region *aliyunsim.Region) {
			for _, id := range []string{"i-1", "i-2"} {
				if err := change(region, id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	power(func(region *aliyunsim.Region, id string) error { return region.ECS.Stop(region.Now(), id) })
	r.start()
	s := newService(1)
	r.create(s)
	r.eventually("servers are refused", func() bool { return len(r.sim.CountsByCode()[callAdd]) > 0 })
	r.failed(s)
	if r.address(s) != "" {
		t.Error("an address is told although no server serves")
	}
	power(func(region *aliyunsim.Region, id string) error { return region.ECS.Start(region.Now(), id) })
	// One that was refused while the other one had started is tried again later.
	r.eventually("all is well", func() bool { return whole(2)(r, s) == nil || whole(1)(r, s) == nil })
}

func TestFullVSwitchIsReplacedByTheNextOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	full := r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: noAddress, Action: callCreate})
	intranet := func(s *corev1.Service) { s.Annotations[annotation.Prefix+"address-type"] = "intranet" }
	c := r.start(func(o *Options) { o.Location.VSwitchIDs = []string{aliyunsim.SmallVSwitchH, aliyunsim.SmallVSwitchI} })
	s := newService(1, intranet)
	r.create(s)
	r.eventually("both are tried", func() bool { return r.sim.CountsByCode()[callCreate][noAddress] >= 2 })
	if _, err := c.EnsureLoadBalancer(t.Context(), "kubernetes", s, nil); err == nil || !strings.Contains(err.Error(), aliyunsim.SmallVSwitchI+" has no free address") {
		t.Errorf("error = %v", err)
	}
	r.sim.ClearFault(full)
	r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: noAddress, Action: callCreate, Count: 1})
	other := newService(2, intranet)
	r.create(other)
	r.eventually("there is an address", func() bool { return r.address(other) != "" })
	r.eventually("so has the first", func() bool { return r.address(s) != "" })
	if one, two := r.only(s).Instance.VSwitchID, r.only(other).Instance.VSwitchID; one == two {
		t.Errorf("both are in %s", one)
	}
}

func TestFullServersAreLeftOutWithoutAsking(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 4)
	r.sim.Knobs(func(k *api.Knobs) { k.AttachmentsPerServer = 2 })
	r.start(func(o *Options) { o.Settings.AttachmentsPerServer, o.Settings.BackendsPerLoadBalancer = 2, 2 })
	for n := 1; n <= 4; n++ { // 4 load balancers of 2 servers fill 4 servers twice
		s := newService(n)
		r.create(s)
		r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
		if err := whole(2)(r, s); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	s := newService(5)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	if codes := r.sim.CountsByCode()[callAdd]; len(codes) != 1 {
		t.Errorf("servers were refused: %v", codes)
	}
	if told := strings.Join(r.recorded(event.LoadBalancerNotAsAsked), " "); !strings.Contains(told, "4 servers are not used") {
		t.Errorf("events %q", r.events)
	}
}

func TestTwoClustersDoNotTouchEachOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s, audited, func(o *Options) { o.DeleteOrphans = true })
	before := r.only(s)
	stranger := &rig{t: t, sim: r.sim, kube: newRig(t, "instant", 0).kube, eyes: r.eyes, window: r.window}
	stranger.start(audited, func(o *Options) { o.ClusterID, o.DeleteOrphans = "another-cluster", true })
	other := newService(2)
	stranger.create(other)
	stranger.eventually("the other Service has an address", func() bool { return stranger.address(other) != "" })
	r.settleFor(3 * time.Second)
	after := r.only(s)
	if after.Instance.ID != before.Instance.ID || len(r.all(other)) != 1 {
		t.Errorf("load balancers %s and %v", after.Instance.ID, r.all(other))
	}
	for _, one := range []*rig{r, stranger} {
		if ready := one.recorded(event.LoadBalancerReady); len(ready) != 1 || len(one.events) != 1 {
			t.Errorf("events %q", one.events)
		}
	}
}

func TestStoppingReleasesEverybody(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.ListenerTransition = time.Hour })
	c := r.start()
	s := newService(1)
	r.create(s)
	r.eventually("it waits for its listener", func() bool { return r.sim.Counts()[callListeners] > 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		c.stop()
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		t.Error("the controller does not stop")
	}
	if _, err := c.EnsureLoadBalancer(t.Context(), "kubernetes", s, nil); err == nil {
		t.Error("an Ensure after the end succeeded")
	}
}
