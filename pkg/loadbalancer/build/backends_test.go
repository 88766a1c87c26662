package build

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// weights returns the backends by server.
func weights(backends []slb.Backend) map[string]int {
	out := map[string]int{}
	for _, b := range backends {
		out[b.ServerID] = b.Weight
	}
	return out
}

func members(ids ...string) []slb.Backend {
	out := make([]slb.Backend, 0, len(ids))
	for _, id := range ids {
		out = append(out, slb.Backend{ServerID: id, Weight: 100})
	}
	return out
}

func TestBackendsFollowTheServers(t *testing.T) {
	draining := func(n int, which ...int) []Server {
		s := servers(n)
		for _, i := range which {
			s[i].Draining = true
		}
		return s
	}
	endpointsOn := func(nodes ...string) []Endpoint {
		out := make([]Endpoint, 0, len(nodes))
		for _, n := range nodes {
			out = append(out, Endpoint{Node: n, Ready: true})
		}
		return out
	}
	localUDP := func(s *corev1.Service) { localPolicy(s); addUDP(s) }
	cases := map[string]struct {
		change func(*corev1.Service)
		in     Input
		want   map[string]int
	}{
		"all servers": {nil, Input{Servers: servers(2)}, map[string]int{"i-000": 100, "i-001": 100}},
		"a draining member gets weight 0": {
			nil, Input{Servers: draining(2, 0), Members: members("i-000", "i-001")}, map[string]int{"i-000": 0, "i-001": 100},
		},
		"a draining server is not added": {nil, Input{Servers: draining(2, 0)}, map[string]int{"i-001": 100}},
		"the last weight above 0 stays": {
			nil, Input{Servers: draining(2, 0, 1), Members: members("i-000")}, map[string]int{"i-000": 100},
		},
		"no server known: the members stay": {nil, Input{Members: members("i-000")}, map[string]int{"i-000": 100}},
		"a full server is skipped": {
			nil, Input{Servers: servers(2), Full: func(id string) bool { return id == "i-000" }}, map[string]int{"i-001": 100},
		},
		"a full server that is a member stays": {
			nil, Input{Servers: servers(2), Members: members("i-000"), Full: func(string) bool { return true }}, map[string]int{"i-000": 100},
		},
		"local policy, TCP: the health check finds the Pods": {
			localPolicy, Input{Servers: servers(2), Endpoints: endpointsOn("node-000")}, map[string]int{"i-000": 100, "i-001": 100},
		},
		"local policy with UDP: servers with endpoints": {
			localUDP, Input{Servers: servers(3), Endpoints: endpointsOn("node-000", "node-002")}, map[string]int{"i-000": 100, "i-002": 100},
		},
		"local policy with UDP, no endpoint: none": {
			localUDP, Input{Servers: servers(3), Members: members("i-000")}, map[string]int{},
		},
		"local policy with UDP, terminating endpoints serve when none is ready": {
			localUDP, Input{Servers: servers(2), Endpoints: []Endpoint{{Node: "node-001", Terminating: true}}}, map[string]int{"i-001": 100},
		},
		"local policy on a subset: servers with endpoints": {
			localPolicy, Input{Servers: servers(60), Endpoints: endpointsOn("node-059")}, map[string]int{"i-059": 100},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.in.Service = testService()
			if c.change != nil {
				c.change(c.in.Service)
			}
			if diff := cmp.Diff(c.want, weights(mustBuild(t, c.in).Backends)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.want, weights(OnlyBackends(testConfig(), c.in).Backends)); diff != "" {
				t.Errorf("OnlyBackends: %s", diff)
			}
		})
	}
}

func TestSubsetIsBalancedOverZonesAndServers(t *testing.T) {
	all := servers(300)
	load := map[string]int{}
	for n := range 200 {
		chosen, _ := choose(fmt.Sprintf("uid-%d", n), all, 50, nil, nil)
		if len(chosen) != 50 {
			t.Fatalf("%d servers chosen", len(chosen))
		}
		zones := map[string]int{}
		for _, s := range chosen {
			load[s.ID]++
			zones[s.Zone]++
		}
		for zone, count := range zones {
			if count < 16 || count > 17 {
				t.Fatalf("zone %s has %d of 50 servers", zone, count)
			}
		}
	}
	for id, count := range load { // 200*50/300 = 33 on average
		if count < 12 || count > 60 {
			t.Errorf("server %s is in %d of 200 load balancers", id, count)
		}
	}
	if len(load) != len(all) {
		t.Errorf("%d servers are used, of %d", len(load), len(all))
	}
}

func TestSubsetChangesAsLittleAsPossible(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	all := servers(120)
	next := len(all)
	current := map[string]bool{}
	for round := range 400 {
		switch r.IntN(2) {
		case 0: // one joins
			all = append(all, Server{ID: fmt.Sprintf("i-%03d", next), Zone: fmt.Sprintf("z%d", r.IntN(3))})
			next++
		case 1: // one leaves
			i := r.IntN(len(all))
			delete(current, all[i].ID)
			all = append(all[:i:i], all[i+1:]...)
		}
		chosen, _ := choose("uid", all, 50, current, nil)
		after := map[string]bool{}
		removed := 0
		for _, s := range chosen {
			after[s.ID] = true
		}
		for id := range current {
			if !after[id] {
				removed++
			}
		}
		if removed > 0 {
			t.Fatalf("round %d: %d servers were taken out although they are alive", round, removed)
		}
		if want := min(46, len(all)); len(after) < want || len(after) > 50 {
			t.Fatalf("round %d: %d servers are chosen", round, len(after))
		}
		current = after
	}
}

func TestSubsetServesAZoneThatComes(t *testing.T) {
	all := servers(60)
	current := map[string]bool{}
	chosen, _ := choose("uid", all, 50, nil, nil)
	for _, s := range chosen {
		current[s.ID] = true
	}
	all = append(all, Server{ID: "i-new", Zone: "z-new"})
	chosen, _ = choose("uid", all, 50, current, nil)
	kept := 0
	found := false
	for _, s := range chosen {
		if current[s.ID] {
			kept++
		}
		found = found || s.ID == "i-new"
	}
	if !found || kept != 49 {
		t.Errorf("the new zone is served: %t; %d of 50 servers were kept", found, kept)
	}
}
