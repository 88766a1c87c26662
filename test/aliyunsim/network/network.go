// Package network is what the network of a region has to be at one moment, in
// plain values: the region says it, the data plane makes it so. Addresses are
// IPv4 or IPv6.
package network

import (
	"net/netip"
	"time"
)

// Network is the whole network of a region.
type Network struct {
	VPCs          []VPC
	Servers       []Server
	LoadBalancers []LoadBalancer
	// Disks are those of data, attached or not.
	Disks []Disk
}

// VPC is a router with its vSwitches and route tables.
type VPC struct {
	ID        string
	CIDR      netip.Prefix
	VSwitches []VSwitch
	// Tables are the VPC's route tables; the first one is the system's.
	Tables []RouteTable
}

// VSwitch is a range of addresses in a zone.
type VSwitch struct {
	ID   string
	CIDR netip.Prefix
	// IPv6CIDR is the zero prefix where the vSwitch has none.
	IPv6CIDR netip.Prefix
	// Table is the id of the route table that its servers' packets follow.
	Table string
}

// RouteTable holds the custom entries that are Available.
type RouteTable struct {
	ID     string
	Routes []Route
}

// Route leads packets to a server's interface.
type Route struct {
	Destination netip.Prefix
	// Server is the instance id of the next hop. A next hop that does not run
	// swallows the packets.
	Server string
}

// Server is an instance with its interfaces, on one link.
type Server struct {
	ID      string
	VPC     string
	VSwitch string
	Address netip.Addr
	// IPv6 is the zero address where the interface has none.
	IPv6 netip.Addr
	// Secondary are further addresses of its interfaces in the vSwitch, as Pods have
	// them: all lead to the one link.
	Secondary []netip.Addr
	// MAC is the interface's; empty for any.
	MAC string
	// Running tells whether its link is up.
	Running bool
	// SourceDestCheck drops packets that are not from or to its own addresses.
	SourceDestCheck bool
}

// LoadBalancer is an instance with its listeners.
type LoadBalancer struct {
	ID      string
	Address netip.Addr
	// VPC and VSwitch are where the address is; empty for one of the internet.
	VPC     string
	VSwitch string
	// Active is false when the instance is stopped or locked: nothing is forwarded.
	Active    bool
	Listeners []Listener
}

// Protocol of a listener, as the SLB API writes it.
type Protocol string

// The protocols of listeners.
const (
	TCP   Protocol = "tcp"
	UDP   Protocol = "udp"
	HTTP  Protocol = "http"
	HTTPS Protocol = "https"
)

// Scheduler chooses a backend, as the SLB API writes it.
type Scheduler string

// The schedulers of listeners.
const (
	RoundRobin         Scheduler = "rr"
	WeightedRoundRobin Scheduler = "wrr"
	SourceHash         Scheduler = "sch"
)

// Listener is a port of a load balancer. Those that do not run are in no
// Network.
type Listener struct {
	Port      int
	Protocol  Protocol
	Scheduler Scheduler
	Backends  []Backend
	Check     Check
	// Persistence is for how long a client keeps its backend (TCP, UDP); 0 is off.
	Persistence time.Duration
	// Drain is for how long connections of a removed backend may go on; 0 is off.
	Drain time.Duration
	// Established is for how long a TCP connection may be silent; 0 is the default.
	Established time.Duration
	// ProxyProtocol puts a header of version 2 before each connection's bytes.
	ProxyProtocol bool
	// Access is nil where everybody may connect.
	Access *Access
	HTTP   *HTTPSettings
}

// Backend is a server, or an address of a Pod, with its port.
type Backend struct {
	Server  string
	Address netip.Addr
	Port    int
	// Weight is 0 to 100; nothing new is sent to 0.
	Weight int
}

// Check is a health check.
type Check struct {
	On bool
	// Protocol is TCP, HTTP or UDP.
	Protocol Protocol
	// Port is 0 for the backend's own.
	Port      int
	Interval  time.Duration
	Timeout   time.Duration
	Healthy   int
	Unhealthy int
	// Method, Host, Path and Codes are of HTTP checks; Codes is such as
	// "http_2xx,http_3xx".
	Method, Host, Path, Codes string
	// Request and Expect are of UDP checks: what is sent and what the answer has to
	// be. Without them the silence of a port is taken for health.
	Request, Expect string
}

// Access is an access control list as a listener uses it.
type Access struct {
	// White lets only the entries in; otherwise only they are kept out.
	White   bool
	Entries []netip.Prefix
}

// HTTPSettings are a layer-7 listener's.
type HTTPSettings struct {
	// Certificate and Key are PEM, of HTTPS listeners; Domains are those of
	// domain extensions.
	Certificate, Key []byte
	Domains          []Domain
	// RedirectTo is the HTTPS port that a redirecting listener names; 0 is none.
	RedirectTo int
	// ForwardedFor and ForwardedProto set X-Forwarded-For and X-Forwarded-Proto.
	ForwardedFor, ForwardedProto bool
	// Cookie is "" for no stickiness, "insert" or "server".
	Cookie        string
	CookieName    string
	CookieTimeout time.Duration
	IdleTimeout   time.Duration
	// RequestTimeout bounds the wait for a backend's answer.
	RequestTimeout time.Duration
	HTTP2          bool
}

// Domain is a domain extension: another certificate for a server name.
type Domain struct {
	Name             string
	Certificate, Key []byte
}

// Health is what a check has found of a backend.
type Health struct {
	LoadBalancer string
	Port         int
	Protocol     Protocol
	Backend      Backend
	// Normal is the API's ServerHealthStatus "normal"; Known is false before the
	// first verdict.
	Normal, Known bool
}
