package routes

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// nic reads the server's only interface.
func (r *rig) nic(server string) ecs.Interface {
	r.t.Helper()
	nics, err := r.ecs.Interfaces(r.t.Context(), ecs.InterfaceFilter{ServerIDs: []string{server}})
	if err != nil || len(nics) != 1 {
		r.t.Fatal(nics, err)
	}
	return nics[0]
}

// switchOn switches the check of the server's interface on, as a person would.
func (r *rig) switchOn(server string) {
	r.t.Helper()
	if err := r.ecs.SetSourceDestCheck(r.t.Context(), r.nic(server).ID, true); err != nil {
		r.t.Fatal(err)
	}
}

// wasUnavailable reports whether the Node was ever said to be unavailable for its
// source/destination check.
func (r *rig) wasUnavailable(name string) bool {
	for _, a := range r.client.Actions() {
		p, ok := a.(clienttesting.PatchAction)
		if ok && p.GetName() == name && bytes.Contains(p.GetPatch(), []byte(reasonCheckOn)) {
			return true
		}
	}
	return false
}

func TestACheckSwitchedOnByHandIsToldAndOffAgainAfterOneAudit(t *testing.T) {
	r := newRig(t, 3)
	r.addNodes(1, 3)
	r.start()
	r.ready(1, 3)
	r.quiet()
	r.switchOn("i-2")
	r.client.ClearActions()
	r.sim.ResetCounters()
	if err := r.controller.recheck(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.eventually("the node was unavailable", func() bool { return r.wasUnavailable("node-2") })
	r.ready(2, 2)
	r.within(map[string]int{"DescribeNetworkInterfaces": 1, "ModifyNetworkInterfaceAttribute": 1})
	nic := r.nic("i-2")
	if nic.SourceDestCheck {
		t.Error("the check is on")
	}
	if !r.events.has("node-2 SourceDestCheckOn", nic.ID) || r.events.has("node-1") || r.events.has("node-3") {
		t.Errorf("events %q", r.events.all())
	}
	if r.wasUnavailable("node-1") || r.wasUnavailable("node-3") {
		t.Error("other nodes were unavailable")
	}
}

func TestANodeStaysUnavailableWhileItsCheckCannotBeSwitchedOffAgain(t *testing.T) {
	r := newRig(t, 1)
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	r.switchOn("i-1")
	id := r.sim.Fault(fault.Rule{Action: "ModifyNetworkInterfaceAttribute", Kind: fault.Deny})
	if err := r.controller.recheck(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.eventually("the failure is told", func() bool { return r.events.has("node-1 SourceDestCheckOn", "ecs:ModifyNetworkInterfaceAttribute") })
	if c := r.condition("node-1"); c.Status != corev1.ConditionTrue || c.Reason != reasonCheckOn {
		t.Errorf("condition %+v", c)
	}
	r.sim.ClearFault(id)
	r.ready(1, 1)
}

func TestACheckSwitchedOnThatIsToBeLeftOnIsTold(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: strings.Replace(aliyunsim.SmallRegion(1), "name: node-1,", "name: node-1, sourceDestCheck: false,", 1)})
	r.addNodes(1, 1)
	r.start(func(o *Options) { o.KeepSourceDestCheck = true; o.Period = 200 * time.Millisecond })
	r.ready(1, 1)
	r.switchOn("i-1")
	r.eventually("the node is unavailable", func() bool { return r.condition("node-1").Status == corev1.ConditionTrue })
	r.eventually("it is told", func() bool { return r.events.has("node-1 SourceDestCheckOn", "--skip-disable-source-dest-check") })
	if !r.nic("i-1").SourceDestCheck {
		t.Error("the check was switched off")
	}
}

func TestAReadingWithoutAnyInterfaceIsAnErrorAndForgetsNothing(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	r.quiet()
	id := r.sim.Fault(fault.Rule{Action: "DescribeNetworkInterfaces", Kind: fault.EmptyList})
	if err := r.controller.recheck(t.Context()); !errors.Is(err, apierror.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	r.sim.ClearFault(id)
	r.sim.ResetCounters()
	r.controller.everybody()
	r.quiet()
	r.within(nil)
}

func TestTheCheckOfANodeWithAnIPv6AddressAloneIsReadAgain(t *testing.T) {
	seed := strings.Replace(aliyunsim.SmallRegion(2), "cidr: 192.168.0.0/16", "cidr: 192.168.0.0/16\n  ipv6CIDR: fd00:aaaa::/56", 1)
	seed = strings.Replace(seed, "cidr: 192.168.0.0/20", "cidr: 192.168.0.0/20\n  ipv6CIDR: fd00:aaaa::/64", 1)
	seed = strings.Replace(seed, "name: node-1,", "name: node-1, ipv6: 'fd00:aaaa::15',", 1)
	r := newRigWith(t, aliyunsim.Options{Seed: seed})
	six := node(1)
	six.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "fd00:aaaa:0::15"}}
	r.add(six)
	r.addNodes(2, 2)
	r.start()
	r.ready(1, 2)
	r.quiet()
	r.switchOn("i-1")
	r.sim.ResetCounters()
	if err := r.controller.recheck(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.eventually("it is told", func() bool { return r.events.has("node-1 SourceDestCheckOn") })
	r.quiet()
	r.within(map[string]int{"DescribeNetworkInterfaces": 2, "ModifyNetworkInterfaceAttribute": 1})
	if r.nic("i-1").SourceDestCheck {
		t.Error("the check is on")
	}
}

// An interface that was found beside others is not believed for ever.
func TestAnInterfaceThatNobodyAskedForInAPeriodIsReadAgain(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.prepare(func(ctx context.Context, c *Controller) error { c.RunEngine(ctx); return nil })
	for _, step := range []func() error{
		func() error { return r.controller.checker.check(t.Context(), node(1), "i-1") }, // finds that of node-2 too
		func() error { return r.controller.recheck(t.Context()) },
		func() error { return r.controller.checker.check(t.Context(), node(2), "i-2") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.sim.Counts()["DescribeNetworkInterfaces"]; n != 3 {
		t.Errorf("%d readings", n)
	}
}
