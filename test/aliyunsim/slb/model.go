package slb

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Values that the API uses in more than one place.
const (
	internet, intranet              = "internet", "intranet"
	ipv4, ipv6                      = "ipv4", "ipv6"
	active, inactive                = "active", "inactive"
	byTraffic, byBandwidth          = "paybytraffic", "paybybandwidth"
	bySpec, byCLCU                  = "PayBySpec", "PayByCLCU"
	consoleProtection               = "ConsoleProtection"
	noProtection                    = "NonProtection"
	on, off                         = "on", "off"
	running, stopped                = "running", "stopped"
	starting, stopping              = "starting", "stopping"
	configuring                     = "configuring"
	elasticSpec                     = "slb.lcu.elastic"
	serverRunning                   = "Running"
	maxBandwidth                    = 5120
	typeECS, typeENI, typeECI       = "ecs", "eni", "eci"
	defaultResourceGroup            = "rg-acfm000000000000"
	minutePrecision                 = "2006-01-02T15:04Z"
	secondPrecision                 = "2006-01-02T15:04:05Z"
	endOfPostpaid             int64 = 32493801600000
)

// tag is a key and value on a resource. Lists by tag see it from ListedAt on.
type tag struct {
	Key      string    `json:"key"`
	Value    string    `json:"value"`
	ListedAt time.Time `json:"listedAt,omitzero"`
}

type tagKey struct{ key, value string }

// loadBalancer is one instance.
type loadBalancer struct {
	Seq                    int64           `json:"seq"`
	ID                     string          `json:"id"`
	Name                   string          `json:"name"`
	Address                string          `json:"address"`
	AddressType            string          `json:"addressType"`
	AddressIPVersion       string          `json:"addressIPVersion"`
	VPCID                  string          `json:"vpc,omitempty"`
	VSwitchID              string          `json:"vSwitch,omitempty"`
	ResourceGroupID        string          `json:"resourceGroup,omitempty"`
	MasterZoneID           string          `json:"masterZone,omitempty"`
	SlaveZoneID            string          `json:"slaveZone,omitempty"`
	Spec                   string          `json:"spec,omitempty"`
	InstanceChargeType     string          `json:"instanceChargeType"`
	InternetChargeType     string          `json:"internetChargeType"`
	Bandwidth              int             `json:"bandwidth"`
	DeleteProtection       bool            `json:"deleteProtection"`
	ModificationProtection bool            `json:"modificationProtection"`
	ModificationReason     string          `json:"modificationReason,omitempty"`
	Status                 string          `json:"status"`
	Locked                 bool            `json:"locked,omitempty"`
	Created                time.Time       `json:"created"`
	Tags                   []tag           `json:"tags,omitempty"`
	Listeners              []*listener     `json:"listeners,omitempty"`
	Backends               []member        `json:"backends,omitempty"`
	Groups                 []*group        `json:"groups,omitempty"`
	Reserved               *reservedChange `json:"reserved,omitempty"`
	// BusyUntil is when the latest mutation ends; GetAt and ListAt when calls by
	// id and lists begin to see the load balancer; GoneAt, set by deletion, when
	// lists cease to.
	BusyUntil time.Time `json:"busyUntil,omitzero"`
	GetAt     time.Time `json:"getAt,omitzero"`
	ListAt    time.Time `json:"listAt,omitzero"`
	GoneAt    time.Time `json:"goneAt,omitzero"`

	// servers counts the memberships of each backend in all groups.
	servers map[string]int
}

// status is what the API calls LoadBalancerStatus.
func (lb *loadBalancer) status() string {
	if lb.Locked {
		return "locked"
	}
	return lb.Status
}

// findListener returns the listener of a port and protocol, or nil.
func (lb *loadBalancer) findListener(port int, protocol string) *listener {
	i, ok := slices.BinarySearchFunc(lb.Listeners, &listener{Port: port, Protocol: protocol}, compareListeners)
	if !ok {
		return nil
	}
	return lb.Listeners[i]
}

// onPort returns the listeners of a port, whatever their protocol.
func (lb *loadBalancer) onPort(port int) []*listener {
	var out []*listener
	for _, l := range lb.Listeners {
		if l.Port == port {
			out = append(out, l)
		}
	}
	return out
}

// addListener puts a listener in its place.
func (lb *loadBalancer) addListener(l *listener) {
	i, _ := slices.BinarySearchFunc(lb.Listeners, l, compareListeners)
	lb.Listeners = slices.Insert(lb.Listeners, i, l)
}

// removeListener takes a listener out.
func (lb *loadBalancer) removeListener(l *listener) {
	lb.Listeners = slices.DeleteFunc(lb.Listeners, func(x *listener) bool { return x == l })
}

// listener is one listener. Values holds what was set, by its name in replies;
// what is absent has its default.
type listener struct {
	Port        int               `json:"port"`
	Protocol    string            `json:"protocol"`
	Status      string            `json:"status"`
	BackendPort int               `json:"backendPort,omitempty"`
	GroupID     string            `json:"group,omitempty"`
	Values      map[string]string `json:"values,omitempty"`
	Tags        []tag             `json:"tags,omitempty"`
	Extensions  []extension       `json:"extensions,omitempty"`
	// Due is when a transitional status ends; Since when the listener last began
	// to run or changed.
	Due   time.Time `json:"due,omitzero"`
	Since time.Time `json:"since,omitzero"`
}

func compareListeners(a, b *listener) int {
	return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
}

// transitional says whether the listener is on its way to another status.
func (l *listener) transitional() bool {
	return l.Status != running && l.Status != stopped
}

// group is a vServer group.
type group struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Members []member  `json:"members,omitempty"`
	Tags    []tag     `json:"tags,omitempty"`
	Created time.Time `json:"created"`

	owner *loadBalancer
}

// member is a backend in a group. Port is 0 in the default group. Host is the
// server behind an interface, where it is known.
type member struct {
	ServerID    string    `json:"serverId"`
	Type        string    `json:"type"`
	IP          string    `json:"ip,omitempty"`
	Port        int       `json:"port,omitempty"`
	Weight      int       `json:"weight"`
	Description string    `json:"description,omitempty"`
	VPCID       string    `json:"vpc,omitempty"`
	Host        string    `json:"host,omitempty"`
	Since       time.Time `json:"since,omitzero"`
}

// same says whether two entries mean the same backend: server, port and, for
// interfaces, address.
func (m member) same(o member) bool {
	return m.ServerID == o.ServerID && m.Port == o.Port && (m.Type == typeECS || m.IP == o.IP)
}

// backend is what the quota of backends per load balancer counts: a server, or
// one address of an interface, however many groups and ports it is in.
func (m member) backend() string {
	if m.Type == typeECS {
		return m.ServerID
	}
	return m.ServerID + " " + m.IP
}

// certificate and accessList are references that listeners may name.
type certificate struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Tags    []tag     `json:"tags,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	// Certificate and Key are PEM, where they were seeded.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`

	// made and madeKey are what stands in for them where they were not.
	made, madeKey []byte
}

type accessList struct {
	ID        string                  `json:"id"`
	Name      string                  `json:"name,omitempty"`
	IPVersion string                  `json:"ipVersion"`
	Entries   []netip.Prefix          `json:"entries,omitempty"`
	Comments  map[netip.Prefix]string `json:"comments,omitempty"`
	Tags      []tag                   `json:"tags,omitempty"`
	Created   time.Time               `json:"created,omitzero"`
	// BusyUntil is when the latest change of the entries ends; ListAt when lists
	// begin to show it.
	BusyUntil time.Time `json:"busyUntil,omitzero"`
	ListAt    time.Time `json:"listAt,omitzero"`
}
