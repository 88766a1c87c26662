// Package vpc holds the VPC calls that this project uses, as plain structs of
// its own. Lists are complete or they are an error.
package vpc

// VPC is a virtual private cloud.
type VPC struct {
	ID             string
	Name           string
	CIDR           string
	SecondaryCIDRs []string
	IPv6CIDR       string
	VRouterID      string
	// Available is false while the VPC is being made.
	Available bool
	Tags      map[string]string
}

// VSwitch is a subnet of a VPC in one zone.
type VSwitch struct {
	ID       string
	VPCID    string
	Zone     string
	CIDR     string
	IPv6CIDR string
	// RouteTableID is the table that the vSwitch is bound to.
	RouteTableID string
	// FreeAddresses is the number of addresses left.
	FreeAddresses int
	Name          string
	// Available is false while the vSwitch is being made.
	Available bool
	Tags      map[string]string
}

// RouteTable is a route table of a VPC.
type RouteTable struct {
	ID         string
	Name       string
	VPCID      string
	System     bool
	VSwitchIDs []string
}

// EntryStatus is the state of a route entry.
type EntryStatus string

// The states of a route entry (VPC API: DescribeRouteEntryList, field Status).
const (
	Pending   EntryStatus = "Pending"
	Available EntryStatus = "Available"
	Modifying EntryStatus = "Modifying"
	Deleting  EntryStatus = "Deleting"
)

// RouteEntry is an entry of a route table.
type RouteEntry struct {
	ID      string
	TableID string
	Name    string
	// Description is free text, up to 256 characters.
	Description string
	// CIDR is the destination.
	CIDR   string
	Status EntryStatus
	// Custom is false for entries that the system made.
	Custom bool
	// NextHopType is Instance for a server; NextHopID its id. An entry with
	// several next hops (ECMP) has NextHopType empty.
	NextHopType string
	NextHopID   string
	IPv6        bool
}

// NewEntry is a custom entry to create, its next hop a server.
type NewEntry struct {
	TableID     string
	CIDR        string
	ServerID    string
	Name        string
	Description string
	IPv6        bool
}

// Result is the outcome of one item of a batch call.
type Result struct {
	// EntryID is the entry created or deleted, where the API tells it.
	EntryID string
	// Err is nil on success and an *apierror.Error otherwise.
	Err error
}

// MaxBatch is how many entries one CreateRouteEntries or DeleteRouteEntries
// call takes.
const MaxBatch = 50
