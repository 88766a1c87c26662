package plan

import (
	"fmt"
	"net/netip"
)

// Route is a route of the kernel's main table. Two of the same value are the
// same route.
type Route struct {
	Destination netip.Prefix
	// Gateway is invalid where the route has none.
	Gateway netip.Addr
	// Link is the index of the link that packets leave by.
	Link     int
	Metric   int
	Protocol int
	TOS      int
}

// String is the route as `ip route` would have it.
func (r Route) String() string {
	via := ""
	if r.Gateway.IsValid() {
		via = " via " + r.Gateway.String()
	}
	return fmt.Sprintf("%s%s dev #%d proto %d metric %d", r.Destination, via, r.Link, r.Protocol, r.Metric)
}

// slot is what the kernel keeps one route for, unless it is told to append.
type slot struct {
	destination netip.Prefix
	metric, tos int
}

func (r Route) slot() slot { return slot{r.Destination, r.Metric, r.TOS} }
