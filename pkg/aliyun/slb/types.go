// Package slb holds the SLB (CLB) calls that this project uses, as plain
// structs of its own. Lists are complete or they are an error.
package slb

// MaxBackends is how many backends one call takes.
const MaxBackends = 20

// AddressType says who can reach a load balancer.
type AddressType string

// The address types.
const (
	Internet AddressType = "internet"
	Intranet AddressType = "intranet"
)

// What the console may change of a load balancer: nothing, or everything. Calls are
// never kept from it (SLB API: SetLoadBalancerModificationProtection).
const (
	ConsoleProtection = "ConsoleProtection"
	NonProtection     = "NonProtection"
)

// IPVersion is the one address family of a load balancer.
type IPVersion string

// The address families.
const (
	IPv4 IPVersion = "ipv4"
	IPv6 IPVersion = "ipv6"
)

// LoadBalancer is a CLB instance.
type LoadBalancer struct {
	ID   string
	Name string
	// Status is active, inactive or locked.
	Status      string
	Address     string
	AddressType AddressType
	IPVersion   IPVersion
	// NetworkType is vpc or classic.
	NetworkType string
	VPCID       string
	VSwitchID   string
	// InternetChargeType is paybytraffic or paybybandwidth, whatever form the
	// call answered in.
	InternetChargeType string
	// InstanceChargeType is PayBySpec or PayByCLCU.
	InstanceChargeType string
	Spec               string
	// Bandwidth is in Mbit/s.
	Bandwidth        int
	MasterZone       string
	SlaveZone        string
	ResourceGroupID  string
	DeleteProtection bool
	// ModificationProtection is one of the two constants.
	ModificationProtection string
	ModificationReason     string
	Tags                   map[string]string

	// Ports and Backends (the default server group) are filled by Get, not by List.
	Ports    []ListenerKey
	Backends []Backend
}

// Create is a load balancer to create. Empty fields are left to the API.
type Create struct {
	Name                   string
	AddressType            AddressType
	IPVersion              IPVersion
	Address                string
	VPCID                  string
	VSwitchID              string
	InternetChargeType     string
	InstanceChargeType     string
	Spec                   string
	Bandwidth              int
	MasterZone             string
	SlaveZone              string
	ResourceGroupID        string
	DeleteProtection       bool
	ModificationProtection string
	ModificationReason     string
	Tags                   map[string]string
	// ClientToken makes the call repeatable: the same token with the same
	// parameters gives the same instance.
	ClientToken string
}

// Filter narrows a listing of load balancers. The API ORs several tag pairs;
// List re-checks every pair on each hit, so here they are ANDed.
type Filter struct {
	IDs  []string
	Tags map[string]string
}

// Protocol is a listener's protocol.
type Protocol string

// The protocols of listeners.
const (
	TCP   Protocol = "tcp"
	UDP   Protocol = "udp"
	HTTP  Protocol = "http"
	HTTPS Protocol = "https"
)

// ListenerKey names a listener on one load balancer.
type ListenerKey struct {
	Protocol Protocol
	Port     int
}

// ListenerStatus is the state of a listener.
type ListenerStatus string

// The states of a listener.
const (
	ListenerStarting    ListenerStatus = "starting"
	ListenerRunning     ListenerStatus = "running"
	ListenerConfiguring ListenerStatus = "configuring"
	ListenerStopping    ListenerStatus = "stopping"
	ListenerStopped     ListenerStatus = "stopped"
)

// Attributes are the settings of a listener, by canonical field name, each
// value in its canonical text form (see the table in fields.go).
type Attributes map[Field]string

// Listener is a listener of a load balancer.
type Listener struct {
	LoadBalancerID string
	ListenerKey
	Status ListenerStatus
	// BackendPort is the server port when the listener uses the default group,
	// else 0. The API cannot change it on a living listener.
	BackendPort int
	// GroupID is the vServer group in use, or empty for the default group.
	GroupID    string
	Attributes Attributes
	Tags       map[string]string
}

// Backend is a member of a server group.
type Backend struct {
	ServerID string
	// Port is 0 in the default group, where the listener names the port.
	Port int
	// Weight is 0 to 100; 0 takes no new connections.
	Weight int
	// Type is ecs or eni; ServerIP the address of an eni backend.
	Type     string
	ServerIP string
	// Description is free text of up to 80 characters, for members of vServer groups.
	Description string
}

// TypeInterface is the Type of a backend that is an address of a network interface.
const TypeInterface = "eni"

// Name tells the backend from others at whatever port: the server, or the
// interface with the address.
func (b Backend) Name() string {
	if b.ServerIP == "" {
		return b.ServerID
	}
	return b.ServerID + " (" + b.ServerIP + ")"
}

// Group is a vServer group.
type Group struct {
	ID       string
	Name     string
	Backends []Backend
	// Tags are filled by Groups, not by Group.
	Tags map[string]string
}

// Health is a backend's health at one listener.
type Health struct {
	ListenerKey
	ServerID string
	Port     int
	// ServerIP is the address that is checked.
	ServerIP string
	// Status is normal, abnormal or unavailable.
	Status string
}
