// Package ecs holds the ECS calls that this project uses, as plain structs of
// its own. Lists are complete or they are an error: a partial page is never
// returned as if it were all.
package ecs

// Status is the state of a server.
type Status string

// The states of a server (ECS API: DescribeInstances, field Status).
const (
	Pending  Status = "Pending"
	Starting Status = "Starting"
	Running  Status = "Running"
	Stopping Status = "Stopping"
	Stopped  Status = "Stopped"
)

// Server is an ECS instance.
type Server struct {
	ID       string
	Name     string
	HostName string
	Status   Status
	Region   string
	Zone     string
	// Type is the instance type, such as ecs.g7.large.
	Type      string
	VPCID     string
	VSwitchID string
	// PrivateIPs are the VPC addresses, primary first; PublicIPs the fixed public
	// ones; ElasticIP the bound EIP or empty; IPv6s those of all interfaces.
	PrivateIPs []string
	PublicIPs  []string
	ElasticIP  string
	IPv6s      []string
	// ChargeType is PostPaid or PrePaid; SpotStrategy NoSpot, SpotAsPriceGo or
	// SpotWithPriceLimit.
	ChargeType   string
	SpotStrategy string
	Tags         map[string]string
}

// Filter narrows a listing of servers. All set fields must match.
type Filter struct {
	// IDs and PrivateIPs may be of any length; they are sent 100 a call.
	IDs        []string
	PrivateIPs []string
	VPCID      string
}

// Interface is an elastic network interface.
type Interface struct {
	ID         string
	ServerID   string
	VPCID      string
	VSwitchID  string
	Primary    bool
	PrivateIPs []string
	IPv6s      []string
	// SourceDestCheck drops packets whose source or destination is not the
	// interface's own: it kills Pod traffic.
	SourceDestCheck bool
}

// InterfaceFilter narrows a listing of interfaces. All set fields must match.
type InterfaceFilter struct {
	// PrivateIPs and ServerIDs may be of any length. The API takes one server a
	// call, so addresses are the cheap way: 100 a call.
	PrivateIPs []string
	ServerIDs  []string
	VPCID      string
}
