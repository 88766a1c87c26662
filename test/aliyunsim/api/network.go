package api

import "time"

// ServerNetwork is what ECS asks of VPC: besides addresses of vSwitches, the
// elastic addresses of its servers.
type ServerNetwork interface {
	Network
	// HasVPC tells whether there is a VPC with that id.
	HasVPC(id string) bool
	// AllocateIPv6 is Allocate in the vSwitch's IPv6 CIDR. Free gives it back.
	AllocateIPv6(vswitchID, wanted, owner string) (string, error)
	// EIPOf returns the elastic address associated with a server, a network
	// interface or a load balancer.
	EIPOf(target string) (EIP, bool)
	// EIPTarget returns the id of what an elastic address is associated with.
	EIPTarget(address string) (string, bool)
	// AttachEIP associates an address at once, allocating it when it is new; an
	// empty address picks one. It is for seeding.
	AttachEIP(now time.Time, address, target, targetType string) error
	// TargetReleased dissociates the elastic address of something that is gone.
	TargetReleased(target string)
}

// EIP is an elastic address as other products see it.
type EIP struct {
	AllocationID, Address, InternetChargeType string
	// Bandwidth in Mbit/s.
	Bandwidth int
}

// Interfaces is what VPC asks of ECS about network interfaces. A Servers value
// implements it where interfaces can be next hops or carry elastic addresses.
type Interfaces interface {
	// Interface returns the network interface with this id, or false when none exists.
	Interface(id string) (Interface, bool)
}

// Interface is an elastic network interface as other products see it.
type Interface struct {
	ID, VPCID, VSwitchID string
	// InstanceID is the server it is attached to, empty when none.
	InstanceID string
	PrimaryIP  string
	// Addresses are all private addresses of both families, primary first.
	Addresses []string
}
