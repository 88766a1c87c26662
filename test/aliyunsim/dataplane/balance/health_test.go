package balance

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// checked is a listener whose backends are checked ten times a second.
func checked(l network.Listener, check network.Check) network.Listener {
	check.On, check.Interval, check.Timeout, check.Healthy, check.Unhealthy = true, 100*time.Millisecond, 100*time.Millisecond, 2, 3
	l.Check = check
	return l
}

// verdicts are by server: normal, abnormal or unknown.
func (s *site) verdicts() map[string]string {
	found := map[string]string{}
	for _, health := range s.balancers.Health() {
		word := "unknown"
		if health.Known {
			word = map[bool]string{true: "normal", false: "abnormal"}[health.Normal]
		}
		found[health.Backend.Server] = word
	}
	return found
}

func (s *site) healthy(want map[string]string) {
	s.t.Helper()
	eventually(s.t, fmt.Sprint("health is ", want), func() bool { return maps.Equal(s.verdicts(), want) })
}

func TestDeadBackendLeavesInTimeAndComesBack(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	stop := two.tcp()
	l := checked(listener(network.TCP, one.backend(100), two.backend(100)), network.Check{Protocol: network.TCP})
	s.apply(l)
	s.healthy(map[string]string{"i-11": "normal", "i-12": "normal"})
	if got := s.tally(first, "tcp", 4); len(got) != 2 {
		t.Errorf("before: %v", got)
	}
	stop()
	died := time.Now()
	s.healthy(map[string]string{"i-11": "normal", "i-12": "abnormal"})
	// The check that was next when it died, and two more; a slow machine besides.
	if took := time.Since(died); took < 2*l.Check.Interval || took > time.Second {
		t.Errorf("left after %s, with three failures at %s", took, l.Check.Interval)
	}
	if got := s.tally(first, "tcp", 4); got["server-11"] != 4 {
		t.Errorf("when it is dead: %v", got)
	}
	two.tcp()
	s.healthy(map[string]string{"i-11": "normal", "i-12": "normal"})
	if got := s.tally(first, "tcp", 4); len(got) != 2 {
		t.Errorf("when it is back: %v", got)
	}
}

func TestSilentServerFailsItsCheck(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	s.apply(checked(listener(network.TCP, one.backend(100)), network.Check{Protocol: network.TCP}))
	s.healthy(map[string]string{"i-11": "normal"})
	link, err := s.router.Netlink().LinkByName("server-11")
	must(t, err)
	must(t, s.router.Netlink().LinkSetDown(link))
	s.healthy(map[string]string{"i-11": "abnormal"})
}

func TestFailedCheckLeavesEstablishedConnections(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	stop := one.tcp()
	s.apply(checked(listener(network.TCP, one.backend(100)), network.Check{Protocol: network.TCP}))
	s.healthy(map[string]string{"i-11": "normal"})
	c := s.tcp(first)
	stop()
	s.healthy(map[string]string{"i-11": "abnormal"})
	if err := c.alive(); err != nil {
		t.Errorf("the connection has ended: %v", err)
	}
}

func TestConnectionsOfAFailedBackendEndAfterTheDrainTime(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	stop := one.tcp()
	l := checked(listener(network.TCP, one.backend(100)), network.Check{Protocol: network.TCP})
	l.Drain = 500 * time.Millisecond
	s.apply(l)
	s.healthy(map[string]string{"i-11": "normal"})
	c := s.tcp(first)
	stop()
	died := time.Now()
	s.healthy(map[string]string{"i-11": "abnormal"})
	eventually(t, "the connection ends", func() bool { return c.alive() != nil })
	if took := time.Since(died); took < l.Drain {
		t.Errorf("the connection has ended after %s", took)
	}
}

func TestBackendWithoutVerdictGetsNothing(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	l := checked(listener(network.TCP, one.backend(100)), network.Check{Protocol: network.TCP})
	s.apply(l)
	s.healthy(map[string]string{"i-11": "normal"})
	l.Backends = append(l.Backends, two.backend(100))
	s.apply(l)
	if got := s.verdicts(); got["i-11"] != "normal" || got["i-12"] == "normal" {
		t.Errorf("%v", got)
	}
	if got := s.tally(first, "tcp", 4); got["server-11"] != 4 {
		t.Errorf("%v", got)
	}
}

func TestWithoutCheckNothingIsKnownAndAllAreServed(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	s.apply(listener(network.TCP, one.backend(100)))
	if got := s.verdicts(); got["i-11"] != "unknown" {
		t.Errorf("%v", got)
	}
	s.tcp(first)
}

func TestUDPCheckBelievesSilenceAndNotUnreachablePorts(t *testing.T) {
	s := newSite(t)
	mute, deaf := s.server(11), s.server(12)
	conn, err := mute.at.ListenPacket(t.Context(), net.ListenConfig{}, "udp4", "10.0.0.11:8080")
	must(t, err)
	defer func() { _ = conn.Close() }()
	s.apply(checked(listener(network.UDP, mute.backend(100), deaf.backend(100)), network.Check{Protocol: network.UDP}))
	s.healthy(map[string]string{"i-11": "normal", "i-12": "abnormal"})
}

func TestUDPConversationLeavesAFailedBackend(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	stop := one.udp()
	two.udp()
	l := checked(listener(network.UDP, one.backend(100), two.backend(0)), network.Check{Protocol: network.UDP})
	s.apply(l)
	s.healthy(map[string]string{"i-11": "normal", "i-12": "normal"})
	c, err := s.from(first, "udp", 80)
	must(t, err)
	l.Backends = []network.Backend{one.backend(100), two.backend(100)}
	s.apply(l)
	stop()
	s.healthy(map[string]string{"i-11": "abnormal", "i-12": "normal"})
	_, err = c.Write([]byte("again"))
	must(t, err)
	must(t, c.greeted())
	if c.server != "server-12" {
		t.Errorf("goes on with %s", c.server)
	}
}

// serve answers requests of health checks on a port of its own.
func (v *server) serve(handler http.HandlerFunc) {
	v.t.Helper()
	listener, err := v.at.Listen(v.t.Context(), net.ListenConfig{}, "tcp4", fmt.Sprintf("10.0.0.%d:10256", v.number))
	must(v.t, err)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	v.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}

func TestHTTPCheckAsksAsConfiguredAndLooksAtTheStatus(t *testing.T) {
	s := newSite(t)
	good, bad := s.server(11), s.server(12)
	asked := make(chan string, 1)
	good.serve(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- fmt.Sprint(r.Method, " ", r.Host, " ", r.URL, " ", r.RemoteAddr[:7]):
		default:
		}
		w.WriteHeader(http.StatusFound)
	})
	bad.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	s.apply(checked(listener(network.TCP, good.backend(100), bad.backend(100)), network.Check{
		Protocol: network.HTTP, Port: 10256, Method: "get", Host: "$_ip", Path: "/healthz", Codes: "http_2xx,http_3xx",
	}))
	s.healthy(map[string]string{"i-11": "normal", "i-12": "abnormal"})
	if got, want := <-asked, "GET 10.0.0.11 /healthz 100.64."; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
}

func TestChangedCheckKeepsTheVerdict(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := checked(listener(network.TCP, one.backend(100)), network.Check{Protocol: network.TCP})
	s.apply(l)
	s.healthy(map[string]string{"i-11": "normal"})
	l.Check.Interval = time.Second
	s.apply(l)
	if got := s.verdicts(); got["i-11"] != "normal" {
		t.Errorf("%v", got)
	}
	s.tcp(first)
}

func TestSettledLoadBalancersAreLeftAlone(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	s.apply(l)
	// What another has put into the table goes when the rules are written.
	must(t, program(t.Context(), s.router, "add rule "+table+" "+admission+" drop"))
	s.apply(l)
	if _, err := s.from(first, "tcp", 80); err == nil {
		t.Error("the rules were written again")
	}
	l.Port = 81
	s.apply(l)
	if _, err := s.from(first, "tcp", 81); err != nil {
		t.Error(err)
	}
}
