package balance

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

const second = "198.51.100.11"

func TestAccessControlListKeepsClientsOut(t *testing.T) {
	list := func(white bool, entries ...string) *network.Access {
		access := &network.Access{White: white}
		for _, entry := range entries {
			access.Entries = append(access.Entries, netip.MustParsePrefix(entry))
		}
		return access
	}
	for name, test := range map[string]struct {
		access        *network.Access
		first, second bool
	}{
		"none":                 {nil, true, true},
		"white":                {list(true, first+"/32", "192.0.2.0/24"), true, false},
		"white with overlaps":  {list(true, "198.51.100.10/32", "198.51.100.8/30", "198.51.100.0/24"), true, true},
		"white without entry":  {list(true), true, true},
		"white of IPv6 alone":  {list(true, "2001:db8::/32"), false, false},
		"black":                {list(false, first+"/32"), false, true},
		"black without entry":  {list(false), true, true},
		"black of everybody":   {list(false, "198.51.100.0/24", "198.51.100.11/32"), false, false},
		"black of IPv6 alone":  {list(false, "2001:db8::/32"), true, true},
		"black with host bits": {list(false, "198.51.100.11/31"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			one := s.server(11)
			one.tcp()
			one.udp()
			tcp, udp := listener(network.TCP, one.backend(100)), listener(network.UDP, one.backend(100))
			tcp.Access, udp.Access = test.access, test.access
			s.apply(tcp, udp)
			for _, protocol := range []string{"tcp", "udp"} {
				for client, want := range map[string]bool{first: test.first, second: test.second} {
					if _, err := s.from(client, protocol, 80); (err == nil) != want {
						t.Errorf("%s from %s: %v", protocol, client, err)
					}
				}
			}
		})
	}
}

func TestChangedAccessControlListLeavesConnections(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	s.apply(l)
	c := s.tcp(first)
	l.Access = &network.Access{Entries: []netip.Prefix{netip.MustParsePrefix(first + "/32")}}
	s.apply(l)
	if err := c.alive(); err != nil {
		t.Error(err)
	}
}

func TestClientsKeepTheirBackendForThePersistenceTime(t *testing.T) {
	for _, protocol := range []network.Protocol{network.TCP, network.UDP} {
		t.Run(string(protocol), func(t *testing.T) {
			s := newSite(t)
			l := listener(protocol)
			l.Persistence = time.Second
			for number := range 2 {
				v := s.server(11 + number)
				v.tcp()
				v.udp()
				l.Backends = append(l.Backends, v.backend(100))
			}
			s.apply(l)
			used := map[string]bool{}
			for last := 10; last < 14; last++ {
				counts := s.tally(fmt.Sprintf("198.51.100.%d", last), string(protocol), 4)
				if len(counts) != 1 {
					t.Errorf("client %d is served by %v", last, counts)
				}
				for server := range counts {
					used[server] = true
				}
			}
			if len(used) != 2 {
				t.Errorf("four clients are served by %v alone", used)
			}
		})
	}
}

func TestPersistenceOutlivesOtherChanges(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := listener(network.TCP, one.backend(100), two.backend(100))
	l.Persistence = time.Minute
	s.apply(l)
	// The first turn is another client's: with new rules it would be this one's.
	s.tcp(second)
	before := s.tcp(first).server
	for i := range 5 {
		other := listener(network.TCP, one.backend(i))
		other.Port = 81
		s.apply(l, other)
		if after := s.tcp(first).server; after != before {
			t.Fatalf("went from %s to %s", before, after)
		}
	}
}

func TestPersistentClientLeavesARemovedBackend(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := listener(network.TCP, one.backend(100), two.backend(0))
	l.Persistence = time.Minute
	s.apply(l)
	s.tcp(first)
	l.Backends = []network.Backend{one.backend(0), two.backend(100)}
	s.apply(l)
	if c := s.tcp(first); c.server != "server-12" {
		t.Errorf("served by %s, whose weight is 0", c.server)
	}
}

func TestPersistenceEnds(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := listener(network.TCP, one.backend(100), two.backend(100))
	l.Persistence = 300 * time.Millisecond
	s.apply(l)
	used := map[string]bool{}
	for range 2 {
		used[s.tcp(first).server] = true
		<-time.NewTimer(3 * l.Persistence).C
	}
	if len(used) != 2 {
		t.Errorf("served by %v alone", used)
	}
}
