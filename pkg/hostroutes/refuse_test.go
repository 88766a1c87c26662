package hostroutes

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

func TestR37BadRangesAreNeverRoutedAndEventsNameTheirNodes(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	nodes := []plan.Node{one.node}
	for i, text := range []string{"0.0.0.0/0", "10.2.3.0/255.255.255.0", "128.0.0.0/1", "10.2.1.0/24", "10.99.0.0/24", "10.3.0.0/24", "10.2.2.128/25"} {
		n := node(10 + i)
		n.PodCIDRs = []string{text}
		nodes = append(nodes, n)
	}
	nodes = append(nodes, node(2))
	cfg := one.config(newCluster(nodes...))
	cfg.Settings.ServiceCIDRs = append(cfg.Settings.ServiceCIDRs, mustPrefix("10.3.0.0/16"))
	before := one.routes(false)
	agent := one.start(cfg)
	within(t, 5*time.Second, "the good route", func() bool { return one.routed() == 1 && len(agent.passes()) > 0 })
	told := strings.Join(agent.told(), "\n")
	for _, want := range []string{
		"node-10 PodRangeRefused There is no route to the Pod CIDR 0.0.0.0/0 of Node node-10: it is too wide",
		"node-11 PodRangeRefused There is no route to the Pod CIDR 10.2.3.0/255.255.255.0 of Node node-11: it is not a range",
		"node-12 PodRangeRefused", "node-13 PodRangeRefused", "node-14 PodRangeRefused", "node-15 PodRangeRefused", "node-16 PodRangeRefused",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("no event %q in\n%s", want, told)
		}
	}
	if got := one.routes(true); len(got) != 1 || !strings.HasPrefix(got[0], "10.2.2.0/24 ") {
		t.Errorf("routes: %q", got)
	}
	if !slices.Equal(before, one.routes(false)) {
		t.Error("others' routes have changed")
	}
	last := agent.passes()[len(agent.passes())-1]
	if last.Skipped[plan.TooWide] != 2 || last.Skipped[plan.Malformed] != 1 || last.Skipped[plan.Overlap] != 2 || last.Skipped[plan.VPCAddress] != 1 || last.Skipped[plan.ServiceRange] != 1 {
		t.Errorf("skipped: %v", last.Skipped)
	}
}

func TestR37WhatIsWrongForAllIsToldByTwoHostsOnly(t *testing.T) {
	l := newLab(t)
	bad := node(9)
	bad.PodCIDRs = []string{"10.2.2.0/24"}
	var servers []*server
	for _, number := range []int{1, 2, 3, 9} {
		servers = append(servers, l.server(number))
	}
	nodes := []plan.Node{servers[0].node, servers[1].node, servers[2].node, bad}
	// The last one's own range is the bad one: it tells of both Nodes.
	for i, want := range []int{1, 0, 0, 2} {
		servers[i].node.Name = nodes[i].Name
		agent := servers[i].start(servers[i].config(newCluster(nodes...)))
		within(t, 5*time.Second, "a pass", func() bool { return len(agent.passes()) > 0 })
		agent.stop()
		// Each pass tells the same, which Kubernetes takes together.
		told := slices.Compact(slices.Sorted(slices.Values(agent.told())))
		if len(told) != want {
			t.Errorf("%s tells %d things, want %d: %q", nodes[i].Name, len(told), want, told)
		}
	}
}

func TestR40NodesOfOtherVSwitchesAreSkippedAndCounted(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	far := node(2)
	far.InternalIPs = []string{"10.98.0.2"}
	agent := one.start(one.config(newCluster(one.node, far, node(3))))
	within(t, 5*time.Second, "the near one's route", func() bool { return one.routed() == 1 && len(agent.passes()) > 0 })
	if r := agent.passes()[0]; r.Skipped[plan.OtherSubnet] != 1 || r.Err != nil {
		t.Errorf("%+v", r)
	}
	if told := agent.told(); len(told) > 0 {
		t.Errorf("events: %q", told)
	}
}

func TestRoutesOfOthersAreToldAndStay(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	one.add("10.2.2.0/24", ip(9), 0, 3)
	one.add("10.2.3.0/24", ip(9), ourMetric, 4)
	before := one.routes(false)
	agent := one.start(one.config(newCluster(one.node, node(2), node(3), node(4))))
	within(t, 5*time.Second, "what can be routed", func() bool { return one.routed() == 2 && len(agent.passes()) > 0 })
	if !slices.Equal(before, one.routes(false)) {
		t.Error("others' routes have changed")
	}
	told := strings.Join(agent.told(), "\n")
	if !strings.Contains(told, "node-1 PodRouteShadowed") || !strings.Contains(told, "10.2.2.0/24 via "+ip(9)) || !strings.Contains(told, "10.2.3.0/24 via "+ip(9)) {
		t.Errorf("events:\n%s", told)
	}
	if r := agent.passes()[0]; r.Shadowed != 2 || r.Err != nil || r.Raced {
		t.Errorf("%+v", r)
	}
}
