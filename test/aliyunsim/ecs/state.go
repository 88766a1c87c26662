package ecs

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// States of a server and of an interface, charge types.
const (
	statusPending  = "Pending"
	statusStarting = "Starting"
	statusRunning  = "Running"
	statusStopping = "Stopping"
	statusStopped  = "Stopped"

	interfaceInUse     = "InUse"
	interfacePrimary   = "Primary"
	interfaceSecondary = "Secondary"

	chargePostPaid = "PostPaid"
	chargePrePaid  = "PrePaid"
)

// state is everything that a dump holds.
type state struct {
	Seq        uint64                   `json:"seq"`
	Servers    map[string]*server       `json:"servers"`
	Interfaces map[string]*netInterface `json:"interfaces"`
	// SecurityGroups are those that were made by the API; servers may name others.
	SecurityGroups map[string]*securityGroup `json:"securityGroups,omitempty"`
	Zones          []string                  `json:"zones"`
	Types          map[string]InstanceType   `json:"types"`
	Disks          map[string]*disk          `json:"disks"`
	Snapshots      map[string]*snapshot      `json:"snapshots,omitempty"`
	Tokens         api.ClientTokens          `json:"tokens"`
}

type server struct {
	Seq                uint64            `json:"seq"`
	ID                 string            `json:"id"`
	Name               string            `json:"name"`
	HostName           string            `json:"hostName"`
	Description        string            `json:"description,omitempty"`
	Type               string            `json:"type"`
	Image              string            `json:"image"`
	VPC                string            `json:"vpc"`
	VSwitch            string            `json:"vSwitch"`
	Zone               string            `json:"zone"`
	SecurityGroups     []string          `json:"securityGroups"`
	PrivateIP          string            `json:"privateIP"`
	PublicIP           string            `json:"publicIP,omitempty"`
	Status             string            `json:"status"`
	ChargeType         string            `json:"chargeType"`
	SpotStrategy       string            `json:"spotStrategy"`
	StopCharging       bool              `json:"stopCharging,omitempty"`
	SerialNumber       string            `json:"serialNumber"`
	DeletionProtection bool              `json:"deletionProtection,omitempty"`
	Unhealthy          bool              `json:"unhealthy,omitempty"`
	Locks              []string          `json:"locks,omitempty"`
	Interfaces         []string          `json:"interfaces"`
	Tags               map[string]string `json:"tags"`
	Created            time.Time         `json:"created"`
	// Due is when the present transition ends, or a released server leaves the lists.
	Due      time.Time `json:"due,omitzero"`
	Released bool      `json:"released,omitempty"`
}

type netInterface struct {
	Seq             uint64            `json:"seq"`
	ID              string            `json:"id"`
	Name            string            `json:"name,omitempty"`
	Description     string            `json:"description,omitempty"`
	Instance        string            `json:"instance,omitempty"`
	Type            string            `json:"type"`
	Status          string            `json:"status"`
	MAC             string            `json:"mac"`
	VPC             string            `json:"vpc"`
	VSwitch         string            `json:"vSwitch"`
	Zone            string            `json:"zone"`
	SecurityGroups  []string          `json:"securityGroups"`
	PrivateIPs      []string          `json:"privateIPs"`
	IPv6            []string          `json:"ipv6,omitempty"`
	SourceDestCheck bool              `json:"sourceDestCheck"`
	DeviceIndex     int               `json:"deviceIndex"`
	Tags            map[string]string `json:"tags"`
	Created         time.Time         `json:"created"`
}

// index is what is looked up by something else than an id. It is rebuilt from state.
type index struct {
	// servers and interfaces in order of creation.
	servers    []*server
	interfaces []*netInterface
	// byIP are the servers by primary private address, interfaceByIP the interfaces
	// by any address. Addresses repeat from VPC to VPC.
	byIP          map[string][]*server
	interfaceByIP map[string][]*netInterface
	// moving are the servers with a due time.
	moving map[string]*server
	// disks and snapshots in order of creation; disksOn are a server's disks, in
	// any state of attachment. What moves is changed by time.
	disks           []*disk
	snapshots       []*snapshot
	disksOn         map[string]map[string]*disk
	movingDisks     map[string]*disk
	movingSnapshots map[string]*snapshot
}

func newState() state {
	return state{
		Servers: map[string]*server{}, Interfaces: map[string]*netInterface{}, Types: defaultTypes(),
		Disks: map[string]*disk{}, SecurityGroups: map[string]*securityGroup{}, Snapshots: map[string]*snapshot{},
	}
}

func (s *state) index() index {
	x := index{
		byIP: map[string][]*server{}, interfaceByIP: map[string][]*netInterface{}, moving: map[string]*server{},
		disksOn: map[string]map[string]*disk{}, movingDisks: map[string]*disk{}, movingSnapshots: map[string]*snapshot{},
	}
	for _, v := range slices.SortedFunc(maps.Values(s.Servers), bySeq) {
		x.add(v)
	}
	for _, i := range slices.SortedFunc(maps.Values(s.Interfaces), interfaceBySeq) {
		x.addInterface(i)
	}
	x.restoreDisks(s)
	return x
}

// add enters the newest server.
func (x *index) add(s *server) {
	x.servers = append(x.servers, s)
	x.byIP[s.PrivateIP] = append(x.byIP[s.PrivateIP], s)
	if !s.Due.IsZero() {
		x.moving[s.ID] = s
	}
}

func (x *index) remove(s *server) {
	x.servers = cut(x.servers, s, bySeq)
	x.byIP[s.PrivateIP] = cut(x.byIP[s.PrivateIP], s, bySeq)
	if len(x.byIP[s.PrivateIP]) == 0 {
		delete(x.byIP, s.PrivateIP)
	}
	delete(x.moving, s.ID)
}

// addInterface enters the newest interface.
func (x *index) addInterface(i *netInterface) {
	x.interfaces = append(x.interfaces, i)
	for _, ip := range i.addresses() {
		x.interfaceByIP[ip] = append(x.interfaceByIP[ip], i)
	}
}

func (x *index) removeInterface(i *netInterface) {
	x.interfaces = cut(x.interfaces, i, interfaceBySeq)
	for _, ip := range i.addresses() {
		x.interfaceByIP[ip] = cut(x.interfaceByIP[ip], i, interfaceBySeq)
		if len(x.interfaceByIP[ip]) == 0 {
			delete(x.interfaceByIP, ip)
		}
	}
}

func (i *netInterface) addresses() []string {
	return slices.Concat(i.PrivateIPs, i.IPv6)
}

func bySeq(a, b *server) int                { return cmp.Compare(a.Seq, b.Seq) }
func interfaceBySeq(a, b *netInterface) int { return cmp.Compare(a.Seq, b.Seq) }

// cut removes one member of a list that is sorted by order.
func cut[T any](list []T, member T, order func(a, b T) int) []T {
	at, ok := slices.BinarySearchFunc(list, member, order)
	if !ok {
		return list
	}
	return slices.Delete(list, at, at+1)
}

// nextSeq numbers objects in the order of their creation, which is the order of lists.
func (p *Product) nextSeq() uint64 {
	p.Seq++
	return p.Seq
}
