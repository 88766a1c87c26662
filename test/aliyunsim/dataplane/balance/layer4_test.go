package balance

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

const first = "198.51.100.10"

func TestConnectionsAreSharedOutByWeight(t *testing.T) {
	for _, protocol := range []network.Protocol{network.TCP, network.UDP} {
		for name, test := range map[string]struct {
			scheduler network.Scheduler
			weights   []int
			number    int
			want      map[string]int
		}{
			"weighted round robin": {network.WeightedRoundRobin, []int{100, 50, 0}, 30, map[string]int{"server-11": 20, "server-12": 10}},
			"round robin":          {network.RoundRobin, []int{100, 50, 0}, 30, map[string]int{"server-11": 15, "server-12": 15}},
			"source hash":          {network.SourceHash, []int{0, 50, 0}, 5, map[string]int{"server-12": 5}},
		} {
			t.Run(string(protocol)+" "+name, func(t *testing.T) {
				s := newSite(t)
				l := listener(protocol)
				l.Scheduler = test.scheduler
				for i, weight := range test.weights {
					v := s.server(11 + i)
					v.tcp()
					v.udp()
					l.Backends = append(l.Backends, v.backend(weight))
				}
				s.apply(l)
				if got := s.tally(first, string(protocol), test.number); !maps.Equal(got, test.want) {
					t.Errorf("%v, want %v", got, test.want)
				}
			})
		}
	}
}

func TestSourceHashKeepsAClientAndSpreadsClients(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := listener(network.TCP, one.backend(100), two.backend(100))
	l.Scheduler = network.SourceHash
	s.apply(l)
	used := map[string]bool{}
	for last := 10; last < 18; last++ {
		counts := s.tally(fmt.Sprintf("198.51.100.%d", last), "tcp", 4)
		if len(counts) != 1 {
			t.Errorf("client %d is served by %v", last, counts)
		}
		for server := range counts {
			used[server] = true
		}
	}
	if len(used) != 2 {
		t.Errorf("eight clients are served by %v alone", slices.Collect(maps.Keys(used)))
	}
}

func TestBackendsSeeTheClientsAddress(t *testing.T) {
	for _, protocol := range []string{"tcp", "udp"} {
		t.Run(protocol, func(t *testing.T) {
			s := newSite(t)
			v := s.server(11)
			v.tcp()
			v.udp()
			s.apply(listener(network.Protocol(protocol), v.backend(100)))
			c, err := s.from(first, protocol, 80)
			must(t, err)
			if c.seen != c.LocalAddr().String() {
				t.Errorf("the server sees %s, not %s", c.seen, c.LocalAddr())
			}
		})
	}
}

func TestWeightZeroKeepsEstablishedConnections(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	s.apply(listener(network.TCP, one.backend(100), two.backend(0)))
	c := s.tcp(first)
	s.apply(listener(network.TCP, one.backend(0), two.backend(100)))
	if got := s.tally(first, "tcp", 4); got["server-12"] != 4 {
		t.Errorf("new connections: %v", got)
	}
	if err := c.alive(); err != nil || c.server != "server-11" {
		t.Errorf("the connection to %s has ended: %v", c.server, err)
	}
}

func TestRemovedBackendWithoutDrainLosesConnectionsAtOnce(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := listener(network.TCP, one.backend(100), two.backend(100))
	s.apply(l)
	gone, stays := s.tcp(first), s.tcp(first)
	if gone.server != "server-11" {
		gone, stays = stays, gone
	}
	l.Backends = l.Backends[1:]
	s.apply(l)
	if err := gone.alive(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the removed backend's connection: %v, want a reset", err)
	}
	if err := stays.alive(); err != nil {
		t.Errorf("the other backend's connection: %v", err)
	}
}

func TestRemovedBackendKeepsConnectionsForTheDrainTime(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := listener(network.TCP, one.backend(100), two.backend(0))
	l.Drain = time.Second
	s.apply(l)
	c := s.tcp(first)
	l.Backends = []network.Backend{two.backend(100)}
	removed := time.Now()
	s.apply(l)
	if got := s.tally(first, "tcp", 4); got["server-12"] != 4 {
		t.Errorf("new connections: %v", got)
	}
	must(t, c.alive())
	eventually(t, "the connection ends", func() bool { return c.alive() != nil })
	if took := time.Since(removed); took < l.Drain {
		t.Errorf("the connection has ended after %s", took)
	}
}

func TestBackendThatComesBackWithinTheDrainTimeKeepsConnections(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	l.Drain = 300 * time.Millisecond
	s.apply(l)
	c := s.tcp(first)
	without := l
	without.Backends = nil
	s.apply(without)
	s.apply(l)
	for end := time.Now().Add(2 * l.Drain); time.Now().Before(end); {
		must(t, c.alive())
	}
}

func TestUDPConversationLeavesARemovedBackend(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.udp()
	two.udp()
	s.apply(listener(network.UDP, one.backend(100)))
	c, err := s.from(first, "udp", 80)
	must(t, err)
	s.apply(listener(network.UDP, two.backend(100)))
	_, err = c.Write([]byte("again"))
	must(t, errors.Join(err, c.greeted()))
	if c.server != "server-12" {
		t.Errorf("goes on with %s", c.server)
	}
}

func TestBackendCannotReachItsOwnLoadBalancer(t *testing.T) {
	s := newSite(t)
	one, two, other := s.server(11), s.server(12), s.server(13)
	two.tcp()
	// Not even through another backend.
	s.apply(listener(network.TCP, one.backend(0), two.backend(100)))
	dial := func(v *server) error {
		conn, err := v.at.Dial(t.Context(), net.Dialer{Timeout: 500 * time.Millisecond}, "tcp", address+":80")
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	var timeout net.Error
	if err := dial(one); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the backend: %v, want no answer", err)
	}
	if err := dial(other); err != nil {
		t.Errorf("another server: %v", err)
	}
}

func TestWithoutBackendsConnectionsAreRefused(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	one.udp()
	both := func(weight int) {
		s.apply(listener(network.TCP, one.backend(weight)), listener(network.UDP, one.backend(weight)))
	}
	both(0)
	for _, protocol := range []string{"tcp", "udp"} {
		if _, err := s.from(first, protocol, 80); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v, want a refusal", protocol, err)
		}
	}
	both(100)
	for _, protocol := range []string{"tcp", "udp"} {
		if _, err := s.from(first, protocol, 80); err != nil {
			t.Errorf("%s, with a backend: %v", protocol, err)
		}
	}
}

func TestRefusedUDPConversationGetsThroughLater(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.udp()
	s.apply(listener(network.UDP))
	conn, err := s.client.Dial(t.Context(), net.Dialer{}, "udp", address+":80")
	must(t, err)
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte("too early"))
	must(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
	if _, err := conn.Read(make([]byte, 64)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("without a backend: %v", err)
	}
	s.apply(listener(network.UDP, one.backend(100)))
	_, err = conn.Write([]byte("again"))
	must(t, err)
	answer := make([]byte, 64)
	if n, err := conn.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "server-11") {
		t.Errorf("with a backend: %q, %v", answer[:n], err)
	}
}

func TestChangesOfOneListenerLeaveConnectionsOfOthers(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	other := l
	other.Port = 81
	s.apply(l, other)
	c := s.tcp(first)
	for i := range 20 {
		other.Backends = []network.Backend{one.backend(i)}
		other.Port = 81 + i%3
		s.apply(l, other)
		if err := c.alive(); err != nil {
			t.Fatalf("after change %d: %v", i, err)
		}
	}
}

func TestNewConnectionsGetThroughDuringChanges(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	s.apply(listener(network.TCP, one.backend(100)))
	changed := make(chan struct{})
	var changes sync.WaitGroup
	changes.Go(func() {
		defer close(changed)
		for i := range 30 {
			lb := balancer(listener(network.TCP, one.backend(100), two.backend(i)))
			if err := s.balancers.Apply(t.Context(), s.router, []network.LoadBalancer{lb}); err != nil {
				t.Error(err)
			}
		}
	})
	defer changes.Wait()
	for number := 0; ; number++ {
		select {
		case <-changed:
			t.Logf("%d connections", number)
			return
		default:
		}
		if _, err := s.from(first, "tcp", 80); err != nil {
			t.Fatalf("connection %d: %v", number, err)
		}
	}
}

func TestStoppedLoadBalancerForwardsNothing(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	lb := balancer(listener(network.TCP, one.backend(100)))
	must(t, s.balancers.Apply(t.Context(), s.router, []network.LoadBalancer{lb}))
	c := s.tcp(first)
	lb.Active = false
	must(t, s.balancers.Apply(t.Context(), s.router, []network.LoadBalancer{lb}))
	if err := c.alive(); err == nil {
		t.Error("a connection goes on")
	}
	if _, err := s.from(first, "tcp", 80); err == nil {
		t.Error("a new connection gets through")
	}
}

func TestIdleConnectionsEndAfterTheEstablishedTimeout(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	l.Established = time.Second
	s.apply(l)
	c := s.tcp(first)
	silence := time.NewTimer(l.Established + 1500*time.Millisecond)
	<-silence.C
	if err := c.alive(); err == nil {
		t.Error("a silent connection goes on")
	}
}

func TestNoLoadBalancersLeaveNothing(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	l.Persistence = time.Minute
	s.apply(l)
	must(t, s.balancers.Apply(t.Context(), s.router, nil))
	must(t, s.router.Do(func() error {
		rules, err := exec.CommandContext(t.Context(), "nft", "list", "ruleset").CombinedOutput()
		if strings.Contains(string(rules), "lb-1") || strings.Contains(string(rules), address) {
			t.Errorf("left: %s", rules)
		}
		return err
	}))
	if _, err := s.from(first, "tcp", 80); err == nil {
		t.Error("a connection gets through")
	}
	s.apply(listener(network.TCP, one.backend(100)))
	s.tcp(first)
}
