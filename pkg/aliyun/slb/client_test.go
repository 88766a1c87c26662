package slb

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// newLB makes a load balancer without protection.
func newLB(t *testing.T, c *Client, name string, tags map[string]string) LoadBalancer {
	t.Helper()
	lb, err := c.Create(t.Context(), Create{
		Name: name, AddressType: Internet, InstanceChargeType: "PayByCLCU", InternetChargeType: "paybytraffic",
		VPCID: aliyunsim.SmallVPC, Tags: tags, ClientToken: name,
	})
	if err != nil {
		t.Fatal(err)
	}
	return lb
}

func TestALoadBalancerIsCreatedReadAndDeleted(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	want := Create{
		Name: "web", AddressType: Intranet, IPVersion: IPv4, VPCID: aliyunsim.SmallVPC, VSwitchID: aliyunsim.SmallVSwitchH,
		InternetChargeType: "paybytraffic", InstanceChargeType: "PayByCLCU", DeleteProtection: true,
		ModificationProtection: "ConsoleProtection", ModificationReason: "managed", Tags: map[string]string{"a": "1", "b": "2"}, ClientToken: "t",
	}
	made, err := c.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if made.ID == "" || made.Address == "" || made.VSwitchID != aliyunsim.SmallVSwitchH || made.IPVersion != IPv4 {
		t.Errorf("created %+v", made)
	}
	got, err := c.Get(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "web" || !got.DeleteProtection || got.ModificationProtection != "ConsoleProtection" || got.ModificationReason != "managed" ||
		got.AddressType != Intranet || got.Address != made.Address || got.InstanceChargeType != "PayByCLCU" || got.Status != "active" {
		t.Errorf("read %+v", got)
	}
	listed, err := c.List(t.Context(), Filter{IDs: []string{made.ID}})
	if err != nil || len(listed) != 1 {
		t.Fatalf("listed %+v, %v", listed, err)
	}
	if d := cmp.Diff(got.Tags, listed[0].Tags); d != "" || listed[0].InternetChargeType != got.InternetChargeType {
		t.Errorf("list and get disagree: %+v, %+v", listed[0], got)
	}
	if err := c.Delete(t.Context(), made.ID); !errors.Is(err, apierror.ErrConflict) {
		t.Errorf("deletion of a protected one: %v", err)
	}
	if err := c.SetDeleteProtection(t.Context(), made.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), made.ID); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("second deletion: %v", err)
	}
	if _, err := c.Get(t.Context(), made.ID); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("reading a deleted one: %v", err)
	}
}

func TestALostReplyOfACreationMakesNoSecondLoadBalancer(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Fault(fault.Rule{Action: "CreateLoadBalancer", Kind: fault.DropReply, Count: 1})
	lb := newLB(t, c, "once", nil)
	all, err := c.List(t.Context(), Filter{})
	if err != nil || len(all) != 1 || all[0].ID != lb.ID {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestTagsAreAllRecheckedAndPagesAreComplete(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Knobs(func(k *api.Knobs) { k.LoadBalancersPerAccount = 1000 })
	for i := range 105 {
		tags := map[string]string{"cluster": "c1", "service": strconv.Itoa(i)}
		if i == 0 {
			tags = map[string]string{"cluster": "c2", "service": "7"}
		}
		newLB(t, c, fmt.Sprintf("lb-%d", i), tags)
	}
	sim.ResetCounters()
	got, err := c.List(t.Context(), Filter{Tags: map[string]string{"cluster": "c1"}})
	if err != nil || len(got) != 104 {
		t.Fatalf("%d load balancers, %v", len(got), err)
	}
	if n := sim.Counts()["DescribeLoadBalancers"]; n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
	one, err := c.List(t.Context(), Filter{Tags: map[string]string{"cluster": "c1", "service": "7"}})
	if err != nil || len(one) != 1 || one[0].Name != "lb-7" {
		t.Errorf("two tags: %+v, %v", one, err)
	}
	ids := make([]string, 0, 25)
	for _, lb := range got[:25] {
		ids = append(ids, lb.ID)
	}
	sim.ResetCounters()
	some, err := c.List(t.Context(), Filter{IDs: append(ids, "lb-missing")})
	if err != nil || len(some) != 25 || sim.Counts()["DescribeLoadBalancers"] != 3 {
		t.Errorf("by id: %d, %v, calls %v", len(some), err, sim.Counts())
	}
}

func TestSettingsOfALoadBalancerAreChanged(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	lb := newLB(t, c, "old", map[string]string{"drop": "1"})
	for name, change := range map[string]func() error{
		"name":       func() error { return c.SetName(t.Context(), lb.ID, "new") },
		"protection": func() error { return c.SetModificationProtection(t.Context(), lb.ID, "ConsoleProtection", "why") },
		"tag":        func() error { return c.Tag(t.Context(), lb.ID, map[string]string{"keep": "2"}) },
		"untag":      func() error { return c.Untag(t.Context(), lb.ID, "drop") },
	} {
		if err := change(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := c.Get(t.Context(), lb.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"keep": "2"}, got.Tags); d != "" || got.Name != "new" || got.ModificationReason != "why" {
		t.Errorf("%s got %+v", d, got)
	}
	if err := c.SetModificationProtection(t.Context(), lb.ID, "NonProtection", "ignored"); err != nil {
		t.Error(err)
	}
}

func TestAPayBySpecLoadBalancerIsModified(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	lb, err := c.Create(t.Context(), Create{
		Name: "spec", AddressType: Internet, InstanceChargeType: "PayBySpec", Spec: "slb.s1.small",
		InternetChargeType: "paybybandwidth", Bandwidth: 10, ClientToken: "spec",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ModifyInternetSpec(t.Context(), lb.ID, "", 20); err != nil {
		t.Error(err)
	}
	if err := c.ModifyInstanceSpec(t.Context(), lb.ID, "slb.s2.small"); err != nil {
		t.Error(err)
	}
	got, err := c.Get(t.Context(), lb.ID)
	if err != nil || got.Bandwidth != 20 || got.Spec != "slb.s2.small" || got.InternetChargeType != "paybybandwidth" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTheDefaultGroupTellsItselfAfterEachChange(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	lb := newLB(t, c, "web", nil)
	weights := func(backends []Backend) map[string]int {
		out := map[string]int{}
		for _, b := range backends {
			out[b.ServerID] = b.Weight
		}
		return out
	}
	after, err := c.AddBackends(t.Context(), lb.ID, []Backend{{ServerID: "i-1", Weight: 100}, {ServerID: "i-2", Weight: 0}})
	if d := cmp.Diff(map[string]int{"i-1": 100, "i-2": 0}, weights(after)); d != "" || err != nil {
		t.Errorf("added: %s %v", d, err)
	}
	after, err = c.SetBackends(t.Context(), lb.ID, []Backend{{ServerID: "i-2", Weight: 50}})
	if d := cmp.Diff(map[string]int{"i-1": 100, "i-2": 50}, weights(after)); d != "" || err != nil {
		t.Errorf("set: %s %v", d, err)
	}
	after, err = c.RemoveBackends(t.Context(), lb.ID, []Backend{{ServerID: "i-1"}, {ServerID: "i-3"}})
	if d := cmp.Diff(map[string]int{"i-2": 50}, weights(after)); d != "" || err != nil {
		t.Errorf("removed: %s %v", d, err)
	}
	got, err := c.Get(t.Context(), lb.ID)
	if d := cmp.Diff(map[string]int{"i-2": 50}, weights(got.Backends)); d != "" || err != nil {
		t.Errorf("read: %s %v", d, err)
	}
	if _, err := c.AddBackends(t.Context(), lb.ID, make([]Backend, MaxBackends+1)); err == nil {
		t.Error("too many backends are sent")
	}
}

func TestAServerGroupIsMadeFilledAndDeleted(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	lb := newLB(t, c, "web", nil)
	group, err := c.CreateGroup(t.Context(), lb.ID, "k8s/80", []Backend{{ServerID: "i-1", Port: 30080, Weight: 100}})
	if err != nil || group.ID == "" {
		t.Fatalf("%+v, %v", group, err)
	}
	if err := c.AddGroupBackends(t.Context(), group.ID, []Backend{{ServerID: "i-2", Port: 30080, Weight: 0}}); err != nil {
		t.Fatal(err)
	}
	if err := c.SetGroupBackends(t.Context(), group.ID, []Backend{{ServerID: "i-2", Port: 30080, Weight: 30}}); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveGroupBackends(t.Context(), group.ID, []Backend{{ServerID: "i-1", Port: 30080}, {ServerID: "i-3", Port: 1}}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Group(t.Context(), group.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := Group{ID: group.ID, Name: "k8s/80", Backends: []Backend{{ServerID: "i-2", Port: 30080, Weight: 30, Type: "ecs"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	all, err := c.Groups(t.Context(), lb.ID)
	if err != nil || len(all) != 1 || all[0].Name != "k8s/80" {
		t.Errorf("groups %+v, %v", all, err)
	}
	if err := c.DeleteGroup(t.Context(), group.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Group(t.Context(), group.ID); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("reading a deleted group: %v", err)
	}
}

func TestHealthIsReadForEachListenerAndBackend(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	lb := newLB(t, c, "web", nil)
	if _, err := c.AddBackends(t.Context(), lb.ID, []Backend{{ServerID: "i-1", Weight: 100}, {ServerID: "i-2", Weight: 100}}); err != nil {
		t.Fatal(err)
	}
	key := ListenerKey{TCP, 80}
	if err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: key, BackendPort: 30080}); err != nil {
		t.Fatal(err)
	}
	health, err := c.Health(t.Context(), lb.ID)
	if err != nil || len(health) != 2 {
		t.Fatalf("%+v, %v", health, err)
	}
	if !slices.ContainsFunc(health, func(h Health) bool { return h.ListenerKey == key && h.ServerID == "i-1" && h.Status != "" }) {
		t.Errorf("health %+v", health)
	}
}
