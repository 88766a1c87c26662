package vpc

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// States and kinds as the API names them.
const (
	statusPending   = "Pending"
	statusAvailable = "Available"
	statusModifying = "Modifying"
	statusDeleting  = "Deleting"

	tableSystem = "System"
	tableCustom = "Custom"

	entrySystem = "System"
	entryCustom = "Custom"

	hopInstance  = "Instance"
	hopInterface = "NetworkInterface"
)

// state is everything that a dump holds.
type state struct {
	Seq       uint64              `json:"seq"`
	VPCs      map[string]*network `json:"vpcs"`
	VSwitches map[string]*vSwitch `json:"vSwitches"`
	Tables    map[string]*table   `json:"routeTables"`
	Entries   map[string]*entry   `json:"routeEntries"`
	EIPs      map[string]*eip     `json:"eips"`
	Tokens    api.ClientTokens    `json:"tokens"`
}

type network struct {
	Seq            uint64            `json:"seq"`
	ID             string            `json:"id"`
	Name           string            `json:"name,omitempty"`
	CIDR           string            `json:"cidr"`
	SecondaryCIDRs []string          `json:"secondaryCIDRs,omitempty"`
	IPv6CIDR       string            `json:"ipv6CIDR,omitempty"`
	RouterID       string            `json:"routerID"`
	Default        bool              `json:"default,omitempty"`
	Created        time.Time         `json:"created"`
	Tags           map[string]string `json:"tags"`
	// Due is when a VPC that is Pending is Available.
	Due time.Time `json:"due,omitzero"`
	// BusyUntil is when the last route mutation of the VPC is over.
	BusyUntil time.Time `json:"busyUntil,omitzero"`
}

type vSwitch struct {
	Seq      uint64            `json:"seq"`
	ID       string            `json:"id"`
	Name     string            `json:"name,omitempty"`
	VPC      string            `json:"vpc"`
	Zone     string            `json:"zone"`
	CIDR     string            `json:"cidr"`
	IPv6CIDR string            `json:"ipv6CIDR,omitempty"`
	Table    string            `json:"routeTable"`
	Created  time.Time         `json:"created"`
	Tags     map[string]string `json:"tags"`
	// Due is when a vSwitch that is Pending is Available.
	Due time.Time `json:"due,omitzero"`
	// Used maps an address to its owner.
	Used map[string]string `json:"used"`
	// Next is where the search for a free address goes on, NextIPv6 likewise.
	Next     uint32 `json:"-"`
	NextIPv6 uint32 `json:"-"`
	// Exhausted pretends that no address is free.
	Exhausted bool `json:"exhausted,omitempty"`
}

type table struct {
	Seq     uint64            `json:"seq"`
	ID      string            `json:"id"`
	Name    string            `json:"name,omitempty"`
	VPC     string            `json:"vpc"`
	Type    string            `json:"type"`
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags"`
}

type entry struct {
	Seq         uint64 `json:"seq"`
	ID          string `json:"id"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Table       string `json:"table"`
	Destination string `json:"destination"`
	NextHop     string `json:"nextHop,omitempty"`
	NextHopType string `json:"nextHopType"`
	Type        string `json:"type"`
	Status      string `json:"status"`
	// Due is when a Pending or Modifying entry is Available and a Deleting one gone.
	Due time.Time `json:"due,omitzero"`
}

// index is what is looked up by something else than an id. It is rebuilt from state.
type index struct {
	// entries of a table in order of creation.
	entries map[string][]*entry
	// destinations of a table.
	destinations map[string]map[string]*entry
	// custom counts the custom entries of a table.
	custom map[string]int
	// hops lists the custom entries with a next hop, by its id.
	hops map[string]map[string]bool
	// moving are the entries with a due time, movingEIPs the addresses.
	moving     map[string]*entry
	movingEIPs map[string]*eip
	// addresses are the elastic addresses by address, targets by what they are associated with.
	addresses, targets map[string]*eip
}

func newState() state {
	return state{
		VPCs:      map[string]*network{},
		VSwitches: map[string]*vSwitch{},
		Tables:    map[string]*table{},
		Entries:   map[string]*entry{},
		EIPs:      map[string]*eip{},
	}
}

func (s *state) index() index {
	x := index{
		entries:      map[string][]*entry{},
		destinations: map[string]map[string]*entry{},
		custom:       map[string]int{},
		hops:         map[string]map[string]bool{},
		moving:       map[string]*entry{},
		movingEIPs:   map[string]*eip{},
		addresses:    map[string]*eip{},
		targets:      map[string]*eip{},
	}
	for _, e := range ordered(s.Entries, func(e *entry) uint64 { return e.Seq }) {
		x.add(e)
	}
	for _, e := range s.EIPs {
		x.addEIP(e)
	}
	return x
}

// add enters a route entry that is the newest of its table.
func (x *index) add(e *entry) {
	x.entries[e.Table] = append(x.entries[e.Table], e)
	if x.destinations[e.Table] == nil {
		x.destinations[e.Table] = map[string]*entry{}
	}
	x.destinations[e.Table][e.Destination] = e
	if e.Type == entryCustom {
		x.custom[e.Table]++
		x.addHop(e)
	}
	if !e.Due.IsZero() {
		x.moving[e.ID] = e
	}
}

func (x *index) addHop(e *entry) {
	if e.NextHop == "" {
		return
	}
	if x.hops[e.NextHop] == nil {
		x.hops[e.NextHop] = map[string]bool{}
	}
	x.hops[e.NextHop][e.ID] = true
}

func (x *index) removeHop(e *entry) {
	delete(x.hops[e.NextHop], e.ID)
	if len(x.hops[e.NextHop]) == 0 {
		delete(x.hops, e.NextHop)
	}
}

func (x *index) remove(e *entry) {
	list := x.entries[e.Table]
	if at, ok := slices.BinarySearchFunc(list, e.Seq, func(e *entry, seq uint64) int { return cmp.Compare(e.Seq, seq) }); ok {
		x.entries[e.Table] = slices.Delete(list, at, at+1)
	}
	delete(x.destinations[e.Table], e.Destination)
	if e.Type == entryCustom {
		x.custom[e.Table]--
		x.removeHop(e)
	}
	delete(x.moving, e.ID)
}

// ordered returns the values of m in the order of their creation.
func ordered[T any](m map[string]*T, seq func(*T) uint64) []*T {
	return slices.SortedFunc(maps.Values(m), func(a, b *T) int { return cmp.Compare(seq(a), seq(b)) })
}
