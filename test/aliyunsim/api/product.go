package api

import (
	"encoding/json"
	"time"
)

// State is what a product keeps. The region's lock is held around every method.
type State interface {
	// Actions lists the operations that the product answers.
	Actions() []Action
	// Advance makes every transition that is due at now happen, and returns the
	// time of the next one (zero when none is pending).
	Advance(now time.Time) time.Time
	// Dump returns the whole state, for the admin interface and for saving.
	Dump() (json.RawMessage, error)
	// Restore replaces the state by an earlier Dump.
	Restore(json.RawMessage) error
}

// Servers is what other products ask of ECS.
type Servers interface {
	// Server returns the server with this id, or false when none exists.
	Server(id string) (Server, bool)
}

// Server is a server as other products see it.
type Server struct {
	ID        string
	VPCID     string
	VSwitchID string
	ZoneID    string
	// Status is Pending, Starting, Running, Stopping or Stopped.
	Status string
	// PrimaryIP is the primary private IPv4 address.
	PrimaryIP string
	// InterfaceIDs are the server's elastic network interfaces, primary first.
	InterfaceIDs []string
	// Unhealthy says that the server, though Running, answers no health check.
	Unhealthy bool
	// IPv6 are the server's IPv6 addresses.
	IPv6 []string
}

// Network is what other products ask of VPC.
type Network interface {
	// VSwitch returns the vSwitch with this id, or false when none exists.
	VSwitch(id string) (VSwitch, bool)
	// Allocate takes an address out of a vSwitch: the wanted one, or any free one
	// when wanted is empty. owner is remembered in the dump. It returns
	// ErrNoAddress when the vSwitch is exhausted and ErrAddress when the wanted
	// address is outside the CIDR or taken.
	Allocate(vswitchID, wanted, owner string) (string, error)
	// Free gives an address back. Freeing a free one does nothing.
	Free(vswitchID, address string)
	// RoutesTo lists the ids of the custom route entries whose next hop is this server.
	RoutesTo(serverID string) []string
}

// VSwitch is a vSwitch as other products see it.
type VSwitch struct {
	ID, VPCID, ZoneID, CIDR, IPv6CIDR string
}

// LoadBalancers is what other products ask of SLB.
type LoadBalancers interface {
	// ServerReleased takes a released server out of every group.
	ServerReleased(serverID string)
	// ServerBusy says whether the server is in a load balancer that is being configured now.
	ServerBusy(serverID string) bool
}
