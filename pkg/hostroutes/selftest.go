package hostroutes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// SelfTest asks other Nodes' Pod ranges whether packets by our routes arrive. A
// VPC may ignore routes of hosts, and drop such packets without a word.
type SelfTest struct {
	// Interval is the pause between rounds.
	Interval time.Duration
	// Port is asked at a server and at the first address of its range, which is
	// the bridge of its Pods. A refusal is an answer too.
	Port int
	// Dial connects; dialer has its local address and its limit.
	Dial func(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error)
}

const (
	// probed is how many ranges a round asks.
	probed = 3
	// convinced is how many rounds in a row make sure.
	convinced    = 3
	probeTimeout = 2 * time.Second
)

// outcome of asking a range; also the value of a metric's label.
type outcome string

const (
	success outcome = "success"
	failure outcome = "failure"
	// unknown is a range whose server does not answer either, or when this server
	// has no bridge of Pods to ask from.
	unknown outcome = "unknown"
)

// RunSelfTest makes rounds until ctx ends.
func (a *Agent) RunSelfTest(ctx context.Context, s SelfTest) {
	metric.HostroutesEffective.WithLabelValues().Set(-1)
	failed := 0
	for {
		timer := time.NewTimer(s.Interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if want := a.Wanted(); want != nil {
			failed = a.round(ctx, s, want, failed)
		}
	}
}

// round asks some ranges, and returns how many rounds in a row have failed.
func (a *Agent) round(ctx context.Context, s SelfTest, want *plan.Wanted, failed int) int {
	routes := sample(want.Routes, probed)
	outcomes := make([]outcome, len(routes))
	var asking sync.WaitGroup
	for i, r := range routes {
		asking.Go(func() { outcomes[i] = s.ask(ctx, r, want.OwnRanges) })
	}
	asking.Wait()
	if ctx.Err() != nil {
		return failed
	}
	count := map[outcome]int{}
	var silent []string
	for i, o := range outcomes {
		count[o]++
		metric.HostroutesProbes.WithLabelValues(string(o)).Inc()
		if o == failure {
			silent = append(silent, fmt.Sprintf("%s of Node %s (%s)", routes[i].Destination, want.Node[routes[i].Destination].Name, routes[i].Gateway))
		}
	}
	switch {
	case count[success] > 0:
		metric.HostroutesEffective.WithLabelValues().Set(1)
		return 0
	case count[failure] == 0:
		metric.HostroutesEffective.WithLabelValues().Set(-1)
		return 0
	}
	if failed++; failed >= convinced {
		metric.HostroutesEffective.WithLabelValues().Set(0)
		a.cfg.Record(want.Own, event.PodRoutesIneffective, fmt.Sprintf("Servers answer at port %d, but their Pod ranges do not, although there are routes: %s. "+
			"The VPC may ignore routes of hosts, or the source/destination check of the network interfaces is on. Switch the check off, or use the routes of the VPC. Nodes without any Pod do not answer either.",
			s.Port, strings.Join(silent, ", ")))
	}
	return failed
}

// sample are n of the routes, or all.
func sample(routes []plan.Route, n int) []plan.Route {
	picked := make([]plan.Route, 0, n)
	for _, i := range rand.Perm(len(routes)) { // #nosec G404 -- picks some, hides nothing
		if len(picked) == n {
			break
		}
		picked = append(picked, routes[i])
	}
	return picked
}

// ask asks a range and, if that is silent, its server.
func (s SelfTest) ask(ctx context.Context, r plan.Route, own []netip.Prefix) outcome {
	bridge := r.Destination.Addr().Next()
	var from netip.Addr
	for _, p := range own {
		if p.Addr().Is4() == bridge.Is4() {
			from = p.Addr().Next()
		}
	}
	err := s.reach(ctx, bridge, from)
	switch {
	case err == nil:
		return success
	case errors.Is(err, unix.EADDRNOTAVAIL):
		// Without a Pod here there is no bridge, and maybe none elsewhere.
		if s.reach(ctx, bridge, netip.Addr{}) == nil {
			return success
		}
		return unknown
	case s.reach(ctx, r.Gateway, netip.Addr{}) != nil:
		return unknown
	}
	return failure
}

// reach connects to an address, from another one if that is valid; a refusal is an
// answer.
func (s SelfTest) reach(ctx context.Context, to, from netip.Addr) error {
	dialer := net.Dialer{Timeout: probeTimeout}
	if from.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
	}
	conn, err := s.Dial(ctx, dialer, "tcp", net.JoinHostPort(to.String(), strconv.Itoa(s.Port)))
	if err != nil {
		if errors.Is(err, unix.ECONNREFUSED) {
			return nil
		}
		return err
	}
	return conn.Close()
}
