package api

import "time"

// Knobs are the run-time settings of a region that concern its products. The
// admin interface reads and changes them as JSON (durations as strings such as
// "1s"). Zero durations mean at once.
type Knobs struct {
	// RouteOperation is how long a route entry stays Pending or Deleting, and how
	// long its VPC refuses other route mutations.
	RouteOperation time.Duration
	// RouteConflictCode is answered when a table holds a transitional entry:
	// TaskConflict or IncorrectRouteEntryStatus.
	RouteConflictCode string
	// NetworkTransition is how long a new VPC or vSwitch stays Pending.
	NetworkTransition time.Duration
	// RoutesPerTable is the quota of custom entries.
	RoutesPerTable int

	// ServerTransition is how long Starting and Stopping last; ReleasedServerLag
	// how long a released server stays visible in lists.
	ServerTransition, ReleasedServerLag time.Duration
	// EmptyListWithoutPermission answers DescribeInstances with an empty list
	// instead of 403 to a caller without permission.
	EmptyListWithoutPermission bool
	// SourceDestCheck is the setting that new interfaces get.
	SourceDestCheck bool

	// DiskCreation, DiskAttach and DiskDetach are how long Creating, Attaching and
	// Detaching last; DiskResize is how long an order to resize is processed, and
	// until the server's kernel sees the new size; SnapshotTime is how long a
	// snapshot is made.
	DiskCreation, DiskAttach, DiskDetach, DiskResize, SnapshotTime time.Duration
	// DiskListLag is how long a new disk cannot be seen, by id or in lists,
	// DiskTagLag how long lists by tag lack it, and DiskCooling how long a detached
	// disk cannot be deleted.
	DiskListLag, DiskTagLag, DiskCooling time.Duration
	// DetachNeverEnds keeps disks in Detaching, as servers do that hang.
	DetachNeverEnds bool
	// AttachLostWhileDetaching accepts AttachDisk of a disk that is being detached
	// from the same server, and loses it.
	AttachLostWhileDetaching bool
	// ParallelDiskOperations is how many attaches, and how many detaches, a server
	// takes at a time without a tag that allows more; with 1, not both either.
	// DiskConflictCode is what more is answered with; empty takes the published
	// code of each case.
	ParallelDiskOperations int
	DiskConflictCode       string
	// DeleteAttachedCode is answered when an attached disk is to be deleted:
	// IncorrectDiskStatus or DiskStillAttached.
	DeleteAttachedCode string
	// DisksNotSold and DisksOutOfStock name categories, or zone/category. Both
	// refuse CreateDisk, with different codes.
	DisksNotSold, DisksOutOfStock []string
	// DisksPerAccount is the quota of pay-as-you-go data disks; 0 for none.
	DisksPerAccount int
	// AccountInArrears refuses to create what costs money.
	AccountInArrears bool
	// KMSKeys are the keys that disks can be encrypted with; empty for any.
	KMSKeys []string

	// ListenerTransition is how long starting, configuring and stopping last.
	ListenerTransition time.Duration
	// LoadBalancerBusy is how long a load balancer refuses other mutations after
	// the reply to one; until the reply it always does.
	LoadBalancerBusy time.Duration
	// BusyCode picks the code that a busy load balancer answers with; empty
	// rotates through the published set.
	BusyCode string
	// GetLag, ListLag and TagLag are how long a new load balancer stays invisible
	// to calls by id, to lists and to lists by tag; DeleteLag how long a deleted
	// one stays in lists.
	GetLag, ListLag, TagLag, DeleteLag time.Duration
	// LagSpread is the most that is added at random to each of these lags.
	LagSpread time.Duration
	// StrictListeners makes starting a running listener and stopping a stopped one
	// an error.
	StrictListeners bool
	// TagsMatchAll makes several tag pairs of DescribeLoadBalancers an AND.
	TagsMatchAll bool
	// Quotas.
	LoadBalancersPerAccount, ListenersPerLoadBalancer, BackendsPerLoadBalancer  int
	GroupsPerLoadBalancer, BackendsPerCall, AttachmentsPerServer, TagsPerObject int
	// Quotas of access control lists; EntriesPerACLCall is how many entries a call takes.
	ACLsPerRegion, EntriesPerACL, EntriesPerACLCall, ListenersPerACL int
	CertificatesPerRegion, DomainExtensionsPerListener               int
	// StrictBackends makes adding a member that is already there an error.
	StrictBackends bool
	// UDPHTTPCheckIgnored accepts an HTTP health check on a UDP listener and ignores it.
	UDPHTTPCheckIgnored bool
	// StrictBandwidth refuses listeners without a limit of their own on a load
	// balancer that is paid by bandwidth, as the API's text has it; the official
	// controller makes no others.
	StrictBandwidth bool
	// HealthLag is how long the first health checks of a backend or a listener
	// take; until then its state is unavailable.
	HealthLag time.Duration
	// SlashURIRefused refuses a health-check URI of a single slash.
	SlashURIRefused bool
	// ClampPageSize clamps an oversized PageSize of VPC and SLB instead of refusing it.
	ClampPageSize bool
	// TokenRetention is how long a ClientToken is remembered.
	TokenRetention time.Duration
}

// DefaultKnobs returns the settings of a region that behaves as published.
func DefaultKnobs() Knobs {
	return Knobs{
		RouteOperation:           time.Second,
		NetworkTransition:        time.Second,
		RouteConflictCode:        "IncorrectRouteEntryStatus",
		RoutesPerTable:           200,
		ServerTransition:         2 * time.Second,
		SourceDestCheck:          true,
		DiskCreation:             time.Second,
		DiskAttach:               2 * time.Second,
		DiskDetach:               2 * time.Second,
		DiskResize:               500 * time.Millisecond,
		SnapshotTime:             10 * time.Second,
		ParallelDiskOperations:   1,
		DeleteAttachedCode:       "IncorrectDiskStatus",
		ListenerTransition:       300 * time.Millisecond,
		LoadBalancersPerAccount:  60,
		ListenersPerLoadBalancer: 50,
		BackendsPerLoadBalancer:  200,
		GroupsPerLoadBalancer:    100,
		BackendsPerCall:          20,
		AttachmentsPerServer:     50,
		TagsPerObject:            20,
		ACLsPerRegion:            50,
		EntriesPerACL:            300,
		EntriesPerACLCall:        50,
		ListenersPerACL:          50,
		CertificatesPerRegion:    100,

		DomainExtensionsPerListener: 3,
		UDPHTTPCheckIgnored:         true,
		HealthLag:                   2 * time.Second,
		TokenRetention:              24 * time.Hour,
	}
}
