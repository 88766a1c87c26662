package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// attempts bounds how often a reading is begun anew that a change has disturbed.
const attempts = 5

// Routes lists the main table, both families. A route of several next hops is
// one for each of them.
func (k *Kernel) Routes() ([]plan.Route, error) {
	var all []plan.Route
	for _, family := range families {
		list, err := undisturbed(func() ([]netlink.Route, error) {
			return k.netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for i := range list {
			all = append(all, fromNetlink(&list[i])...)
		}
	}
	return all, nil
}

// undisturbed repeats a reading that the kernel says is not of one moment.
func undisturbed[T any](read func() (T, error)) (T, error) {
	for range attempts - 1 {
		if result, err := read(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return result, err
		}
	}
	return read()
}

// fromNetlink is a route as plans know it, none for one without a destination.
func fromNetlink(r *netlink.Route) []plan.Route {
	destination, ok := prefix(r.Dst)
	if !ok {
		return nil
	}
	route := plan.Route{Destination: destination, Link: r.LinkIndex, Metric: r.Priority, Protocol: int(r.Protocol), TOS: r.Tos}
	if len(r.MultiPath) == 0 {
		route.Gateway = address(r.Gw)
		return []plan.Route{route}
	}
	routes := make([]plan.Route, 0, len(r.MultiPath))
	for _, hop := range r.MultiPath {
		route.Gateway, route.Link = address(hop.Gw), hop.LinkIndex
		routes = append(routes, route)
	}
	return routes
}

func toNetlink(r plan.Route) *netlink.Route {
	route := &netlink.Route{
		Dst:       &net.IPNet{IP: r.Destination.Addr().AsSlice(), Mask: net.CIDRMask(r.Destination.Bits(), r.Destination.Addr().BitLen())},
		LinkIndex: r.Link, Priority: r.Metric, Protocol: netlink.RouteProtocol(r.Protocol), Tos: r.TOS, Table: unix.RT_TABLE_MAIN,
	}
	if r.Gateway.IsValid() {
		route.Gw = r.Gateway.AsSlice()
	}
	return route
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	bits, _ := n.Mask.Size()
	a, ok := netip.AddrFromSlice(n.IP)
	return netip.PrefixFrom(a, bits), ok
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}

// Errors of steps that are no failures: somebody was faster.
var (
	// ErrTaken says that the place of a new route is taken.
	ErrTaken = errors.New("there is a route to the same destination with the same metric")
	// ErrGone says that a route to be deleted is not there any more.
	ErrGone = errors.New("the route is gone")
)

// Do makes one change. A deletion is exact: a route that differs in gateway,
// link, metric or protocol stays.
func (k *Kernel) Do(step plan.Step) error {
	k.writes.Add(1)
	route := toNetlink(step.Route)
	var err error
	switch step.Operation {
	case plan.Add:
		err = k.netlink.RouteAdd(route)
	case plan.Append:
		err = k.netlink.RouteAppend(route)
	case plan.Delete:
		err = k.netlink.RouteDel(route)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EEXIST) && step.Operation != plan.Delete:
		err = ErrTaken
	case errors.Is(err, unix.ESRCH) && step.Operation == plan.Delete:
		err = ErrGone
	case errors.Is(err, unix.EPERM):
		err = fmt.Errorf("%w: this process needs the capability NET_ADMIN", err)
	case errors.Is(err, unix.ENETUNREACH):
		err = fmt.Errorf("%w: the gateway is on no network of the link", err)
	}
	return fmt.Errorf("%s route %s: %w", step.Operation, step.Route, err)
}
