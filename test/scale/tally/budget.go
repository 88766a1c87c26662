package tally

// Size is the size of a cluster, in the letters of the budgets.
type Size struct {
	// Nodes and Services.
	N, S int
	// Ports and backends of a Service; server groups in use.
	P, B, G int
	// Route tables, routes, and interfaces whose source/destination check is on.
	T, R, C int
}

func ceil(n, by int) int { return (n + by - 1) / by }

// Sizes of pages and batches of the API.
const (
	serversPerPage       = 100
	routesPerPage        = 100
	routesPerCall        = 50
	loadBalancersPerPage = 100
	loadBalancersPerRead = 10
	backendsPerCall      = 20
)

// ServiceCreated is the budget of a Service with a load balancer of its own:
// create it, fill it, create and start its listeners, and one call to spare.
func (s Size) ServiceCreated() int { return 2 + ceil(s.B, backendsPerCall) + 2*s.P }

// ServiceDeleted is the budget of the end of a Service.
func (s Size) ServiceDeleted() int { return 3 }

// NodesLeave is the budget of 1 to 20 nodes that leave or drain: a call for each
// server group. Their routes are deleted in one call, checked before and watched.
func (s Size) NodesLeave() int { return s.G }

// NodesJoin is the budget of 1 to 20 nodes that join; C is theirs.
func (s Size) NodesJoin() int { return s.G + 2 + 2*s.T + s.C }

// NodesInitialised is the budget of a start with N new Nodes, up to the last
// route.
func (s Size) NodesInitialised() int {
	return 2*ceil(s.N, serversPerPage) + 2*s.T*ceil(s.N, routesPerCall) + s.C + s.T + 5
}

// Restart is the budget of a start that finds everything as it should be.
func (s Size) Restart() int { return s.Idle() + 6 }

// Idle is the budget of ten minutes in which nothing happens.
func (s Size) Idle() int {
	return ceil(s.S, loadBalancersPerPage) + ceil(s.S, loadBalancersPerRead) + s.S +
		2*ceil(s.N, serversPerPage) + s.T*ceil(s.R, routesPerPage)
}
