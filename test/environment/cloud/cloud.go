// Package cloud reads what a simulated region holds, as far as the guided tour
// and the keeper of Nodes look at it.
package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Running is the status of a server that works.
const Running = "Running"

// Cloud is a region at one moment.
type Cloud struct {
	// Servers by address, without released ones.
	Servers []Server
	// Routes are the custom entries of all route tables, by table and destination.
	Routes []Route
	// LoadBalancers in the order of their creation, without deleted ones.
	LoadBalancers []LoadBalancer
}

// Server is an ECS instance.
type Server struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Type         string `json:"type"`
	Zone         string `json:"zone"`
	PrivateIP    string `json:"privateIP"`
	Status       string `json:"status"`
	ChargeType   string `json:"chargeType"`
	SpotStrategy string `json:"spotStrategy"`
	Released     bool   `json:"released"`
	// SourceDestCheck is on when an interface of the server drops Pod traffic.
	SourceDestCheck bool `json:"-"`
}

// Route is a custom route entry.
type Route struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Table       string `json:"table"`
	Destination string `json:"destination"`
	NextHop     string `json:"nextHop"`
	Type        string `json:"type"`
	Status      string `json:"status"`
}

// networkInterface is the interface of a server.
type networkInterface struct {
	Instance        string `json:"instance"`
	SourceDestCheck bool   `json:"sourceDestCheck"`
}

// Read asks the simulator for its state.
func Read(ctx context.Context, client *admin.Client) (Cloud, error) {
	state, err := client.State(ctx)
	if err != nil {
		return Cloud{}, fmt.Errorf("reading the region's state: %w", err)
	}
	return parse(state.Products)
}

func parse(products map[api.Product]json.RawMessage) (Cloud, error) {
	var computers struct {
		Servers    map[string]Server           `json:"servers"`
		Interfaces map[string]networkInterface `json:"interfaces"`
	}
	var networks struct {
		Entries map[string]Route `json:"routeEntries"`
	}
	var balancers struct {
		LoadBalancers []LoadBalancer `json:"loadBalancers"`
	}
	for product, into := range map[api.Product]any{api.ECS: &computers, api.VPC: &networks, api.SLB: &balancers} {
		if err := json.Unmarshal(products[product], into); err != nil {
			return Cloud{}, fmt.Errorf("reading the region's state of %s: %w", product, err)
		}
	}
	c := Cloud{}
	checked := map[string]bool{}
	for _, i := range computers.Interfaces {
		checked[i.Instance] = checked[i.Instance] || i.SourceDestCheck
	}
	for id, s := range computers.Servers {
		if !s.Released {
			s.SourceDestCheck = checked[id]
			c.Servers = append(c.Servers, s)
		}
	}
	slices.SortFunc(c.Servers, func(a, b Server) int { return compareAddresses(a.PrivateIP, b.PrivateIP) })
	for _, e := range networks.Entries {
		if e.Type == "Custom" {
			c.Routes = append(c.Routes, e)
		}
	}
	slices.SortFunc(c.Routes, func(a, b Route) int {
		if order := strings.Compare(a.Table, b.Table); order != 0 {
			return order
		}
		return compareAddresses(a.Destination, b.Destination)
	})
	for _, lb := range balancers.LoadBalancers {
		if lb.Gone.IsZero() {
			c.LoadBalancers = append(c.LoadBalancers, lb)
		}
	}
	return c, nil
}

// Server finds a server by its id.
func (c Cloud) Server(id string) (Server, bool) {
	i := slices.IndexFunc(c.Servers, func(s Server) bool { return s.ID == id })
	if i < 0 {
		return Server{}, false
	}
	return c.Servers[i], true
}

// RoutesTo are the routes whose next hop is a server.
func (c Cloud) RoutesTo(server string) []Route {
	var found []Route
	for _, r := range c.Routes {
		if r.NextHop == server {
			found = append(found, r)
		}
	}
	return found
}

// compareAddresses puts 10.0.0.9 before 10.0.0.10, also with prefix lengths.
func compareAddresses(a, b string) int {
	if order := len(strings.Split(a, ".")) - len(strings.Split(b, ".")); order != 0 {
		return order
	}
	return slices.Compare(numbers(a), numbers(b))
}

func numbers(address string) []int {
	var list []int
	n := 0
	for _, r := range address + "." {
		if r >= '0' && r <= '9' {
			n = n*10 + int(r-'0')
			continue
		}
		list, n = append(list, n), 0
	}
	return list
}
