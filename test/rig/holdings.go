package rig

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Route is a custom entry of a route table.
type Route struct {
	ID          string `json:"id"`
	Table       string `json:"table"`
	Destination string `json:"destination"`
	NextHop     string `json:"nextHop"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Status      string `json:"status"`
	Type        string `json:"type"`
}

// Backend is a member of a server group.
type Backend struct {
	ServerID string `json:"serverId"`
	Port     int    `json:"port"`
	Weight   int    `json:"weight"`
}

// Listener is a listener of a load balancer.
type Listener struct {
	Port        int               `json:"port"`
	Protocol    string            `json:"protocol"`
	Status      string            `json:"status"`
	BackendPort int               `json:"backendPort"`
	Group       string            `json:"group"`
	Values      map[string]string `json:"values"`
}

// LoadBalancer is a load balancer of the region.
type LoadBalancer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Address     string `json:"address"`
	AddressType string `json:"addressType"`
	Status      string `json:"status"`
	Protected   bool   `json:"deleteProtection"`
	Tags        []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"tags"`
	Listeners []Listener `json:"listeners"`
	Backends  []Backend  `json:"backends"`
	Groups    []struct {
		ID      string    `json:"id"`
		Name    string    `json:"name"`
		Members []Backend `json:"members"`
	} `json:"groups"`
	// Deleted is set while a deleted one is still listed.
	Deleted string `json:"goneAt"`
}

// Tag is the value of a tag, or "".
func (lb *LoadBalancer) Tag(key string) string {
	for _, t := range lb.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// String is a line with listeners and backends.
func (lb *LoadBalancer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s:", lb.ID, lb.AddressType, lb.Status)
	for _, l := range lb.Listeners {
		fmt.Fprintf(&b, " %s/%d->%d%s(%s)", l.Protocol, l.Port, l.BackendPort, l.Group, l.Status)
	}
	for _, m := range lb.Backends {
		fmt.Fprintf(&b, " %s*%d", m.ServerID, m.Weight)
	}
	return b.String()
}

// product decodes the state of one product.
func (r *Rig) product(product api.Product, into any) {
	r.T.Helper()
	state, err := r.Sim.Dump()
	if err != nil {
		r.T.Fatal(err)
	}
	if err := json.Unmarshal(state.Products[product], into); err != nil {
		r.T.Fatalf("state of %s: %v", product, err)
	}
}

// Routes are the custom entries of all tables, by table and destination.
func (r *Rig) Routes() []Route {
	r.T.Helper()
	var state struct {
		Entries map[string]Route `json:"routeEntries"`
	}
	r.product(api.VPC, &state)
	var all []Route
	for _, e := range state.Entries {
		if e.Type == "Custom" {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Destination, b.Destination))
	})
	return all
}

// LoadBalancers are the living load balancers, by id.
func (r *Rig) LoadBalancers() []LoadBalancer {
	r.T.Helper()
	var state struct {
		LoadBalancers []LoadBalancer `json:"loadBalancers"`
	}
	r.product(api.SLB, &state)
	all := slices.DeleteFunc(state.LoadBalancers, func(lb LoadBalancer) bool { return lb.Deleted != "" })
	slices.SortFunc(all, func(a, b LoadBalancer) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// LoadBalancer is the one load balancer of the region; the test fails when
// there is another number of them.
func (r *Rig) LoadBalancer() LoadBalancer {
	r.T.Helper()
	all := r.LoadBalancers()
	if len(all) != 1 {
		r.T.Fatalf("%d load balancers, want one: %v", len(all), all)
	}
	return all[0]
}
