package cloud

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// LoadBalancer is a CLB instance.
type LoadBalancer struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Address     string     `json:"address"`
	AddressType string     `json:"addressType"`
	IPVersion   string     `json:"addressIPVersion"`
	Status      string     `json:"status"`
	Tags        []Tag      `json:"tags"`
	Listeners   []Listener `json:"listeners"`
	// Backends are the members of the default server group.
	Backends []Member  `json:"backends"`
	Groups   []Group   `json:"groups"`
	Gone     time.Time `json:"goneAt"`
}

// Tag is a tag of a load balancer.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Listener is a port of a load balancer.
type Listener struct {
	Port        int    `json:"port"`
	Protocol    string `json:"protocol"`
	Status      string `json:"status"`
	BackendPort int    `json:"backendPort"`
	GroupID     string `json:"group"`
}

// Group is a vServer group.
type Group struct {
	ID      string   `json:"id"`
	Members []Member `json:"members"`
}

// Member is a server in a group, or an address of an interface; Port is 0 in the
// default group.
type Member struct {
	ServerID string `json:"serverId"`
	Type     string `json:"type"`
	IP       string `json:"ip"`
	Port     int    `json:"port"`
	Weight   int    `json:"weight"`
}

// Tag is the value of a tag, or "".
func (lb LoadBalancer) Tag(key string) string {
	for _, tag := range lb.Tags {
		if tag.Key == key {
			return tag.Value
		}
	}
	return ""
}

// Members are the servers behind a listener.
func (lb LoadBalancer) Members(l Listener) []Member {
	if l.GroupID == "" {
		return lb.Backends
	}
	for _, group := range lb.Groups {
		if group.ID == l.GroupID {
			return group.Members
		}
	}
	return nil
}

// Servers are the sorted ids of the servers behind a listener.
func (lb LoadBalancer) Servers(l Listener) []string {
	var ids []string
	for _, m := range lb.Members(l) {
		ids = append(ids, m.ServerID)
	}
	return SortNames(ids)
}

// Attached are the sorted ids of the servers in any group.
func (lb LoadBalancer) Attached() []string {
	var ids []string
	for _, m := range lb.Backends {
		ids = append(ids, m.ServerID)
	}
	for _, group := range lb.Groups {
		for _, m := range group.Members {
			ids = append(ids, m.ServerID)
		}
	}
	return SortNames(ids)
}

// TargetPort is the port of the servers that a listener forwards to, 0 when its
// group is empty or its members differ.
func (lb LoadBalancer) TargetPort(l Listener) int {
	if l.GroupID == "" {
		return l.BackendPort
	}
	port := 0
	for i, m := range lb.Members(l) {
		if i > 0 && m.Port != port {
			return 0
		}
		port = m.Port
	}
	return port
}

// String is the listener as people write it.
func (l Listener) String() string { return l.Protocol + "/" + strconv.Itoa(l.Port) }

// compareNames puts i-demo9 before i-demo10.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// SortNames sorts ids so that i-demo9 is before i-demo10, each once.
func SortNames(ids []string) []string {
	slices.SortFunc(ids, compareNames)
	return slices.Compact(ids)
}
