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
		RouteConflictCode:        "IncorrectRouteEntryStatus",
		RoutesPerTable:           200,
		ServerTransition:         2 * time.Second,
		SourceDestCheck:          true,
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
