package slb

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// full is every setting that can be given without certificates, ACLs or redirects.
var full = map[Protocol]Attributes{
	TCP: {
		Scheduler: "rr", Bandwidth: "-1", Description: "web", PersistenceTimeout: "30", EstablishedTimeout: "600",
		ConnectionDrain: "on", DrainTimeout: "60", ProxyProtocol: "true", HealthCheck: "on", HealthCheckType: "http",
		HealthCheckPort: "10256", HealthCheckTimeout: "4", HealthCheckInterval: "3", HealthyThreshold: "2", UnhealthyThreshold: "4",
		HealthCheckDomain: "example.org", HealthCheckURI: "/healthz", HealthCheckHTTPCode: "http_2xx,http_3xx", HealthCheckMethod: "get",
	},
	UDP: {
		Scheduler: "rr", Bandwidth: "-1", Description: "dns", ProxyProtocol: "false", HealthCheck: "on", HealthCheckPort: "53",
		HealthCheckTimeout: "9", HealthCheckInterval: "7", HealthyThreshold: "2", UnhealthyThreshold: "4",
		HealthCheckRequest: "ping", HealthCheckExpression: "pong",
	},
	HTTP: {
		Scheduler: "rr", Bandwidth: "-1", Description: "web", StickySession: "on", StickySessionType: "insert", CookieTimeout: "300",
		IdleTimeout: "20", RequestTimeout: "70", Gzip: "off", ForwardedForProto: "on", HealthCheck: "on", HealthCheckType: "http",
		HealthCheckPort: "10256", HealthCheckTimeout: "4", HealthCheckInterval: "3", HealthyThreshold: "2", UnhealthyThreshold: "4",
		HealthCheckURI: "/healthz", HealthCheckHTTPCode: "http_2xx", HealthCheckMethod: "get",
	},
}

func TestEveryListenerSettingSurvivesTheRoundTrip(t *testing.T) {
	for p, wanted := range full {
		t.Run(string(p), func(t *testing.T) {
			_, c := newRig(t, aliyunsim.Options{})
			lb := newLB(t, c, "web", nil)
			key := ListenerKey{p, 443}
			err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: key, BackendPort: 30443, Attributes: wanted})
			if err != nil {
				t.Fatal(err)
			}
			single, err := c.Listener(t.Context(), lb.ID, key)
			if err != nil {
				t.Fatal(err)
			}
			batch, err := c.Listeners(t.Context(), lb.ID)
			if err != nil || len(batch) != 1 {
				t.Fatalf("%+v, %v", batch, err)
			}
			for name, l := range map[string]Listener{"single": single, "batch": batch[0]} {
				if l.LoadBalancerID != lb.ID || l.ListenerKey != key || l.BackendPort != 30443 || l.GroupID != "" || l.Status != ListenerStopped {
					t.Errorf("%s: %+v", name, l)
				}
				if d := Diff(p, wanted, l.Attributes); len(d) != 0 {
					t.Errorf("%s: still to set %v, has %v", name, d, l.Attributes)
				}
			}
			if !Equal(p, single.Attributes, batch[0].Attributes) {
				t.Errorf("the two readings differ:\n%s", cmp.Diff(single.Attributes, batch[0].Attributes))
			}
		})
	}
}

func TestDefaultsOfTheTableAreThoseOfTheAPI(t *testing.T) {
	for _, p := range []Protocol{TCP, UDP, HTTP} {
		t.Run(string(p), func(t *testing.T) {
			_, c := newRig(t, aliyunsim.Options{})
			lb := newLB(t, c, "web", nil)
			key := ListenerKey{p, 80}
			if err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: key, BackendPort: 30080}); err != nil {
				t.Fatal(err)
			}
			l, err := c.Listener(t.Context(), lb.ID, key)
			if err != nil {
				t.Fatal(err)
			}
			if !Equal(p, Attributes{}, l.Attributes) {
				t.Errorf("has %v", l.Attributes)
			}
		})
	}
}

func TestASettingIsChangedAndTheRestStays(t *testing.T) {
	for p, before := range full {
		t.Run(string(p), func(t *testing.T) {
			_, c := newRig(t, aliyunsim.Options{})
			lb := newLB(t, c, "web", nil)
			key := ListenerKey{p, 80}
			if err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: key, BackendPort: 30080, Attributes: before}); err != nil {
				t.Fatal(err)
			}
			wanted := maps.Clone(before)
			wanted[Scheduler], wanted[HealthCheckInterval], wanted[HealthyThreshold] = "wrr", "9", "5"
			changed := Diff(p, wanted, before)
			if err := c.SetListener(t.Context(), lb.ID, key, Change{Attributes: changed}); err != nil {
				t.Fatal(err)
			}
			l, err := c.Listener(t.Context(), lb.ID, key)
			if err != nil {
				t.Fatal(err)
			}
			if d := Diff(p, wanted, l.Attributes); len(d) != 0 {
				t.Errorf("still to set %v, has %v", d, l.Attributes)
			}
		})
	}
}

func TestAListenerMovesToAGroupAndBack(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	lb := newLB(t, c, "web", nil)
	group, err := c.CreateGroup(t.Context(), lb.ID, "g", nil)
	if err != nil {
		t.Fatal(err)
	}
	key := ListenerKey{TCP, 80}
	if err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: key, BackendPort: 30080}); err != nil {
		t.Fatal(err)
	}
	sim.ResetCounters()
	err = c.SetListener(t.Context(), lb.ID, key, Change{GroupID: &group.ID, Attributes: Attributes{Scheduler: "rr"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := sim.Counts()["SetLoadBalancerTCPListenerAttribute"]; n != 1 {
		t.Errorf("%d calls for both changes", n)
	}
	l, err := c.Listener(t.Context(), lb.ID, key)
	if err != nil || l.GroupID != group.ID || l.BackendPort != 0 || l.Attributes[Scheduler] != "rr" {
		t.Errorf("in the group: %+v, %v", l, err)
	}
	none := ""
	if err := c.SetListener(t.Context(), lb.ID, key, Change{GroupID: &none}); err != nil {
		t.Fatal(err)
	}
	if l, err = c.Listener(t.Context(), lb.ID, key); err != nil || l.GroupID != "" {
		t.Errorf("back: %+v, %v", l, err)
	}
	if err := c.SetListener(t.Context(), lb.ID, key, Change{}); err != nil || sim.Counts()["SetLoadBalancerTCPListenerAttribute"] != 2 {
		t.Errorf("an empty change: %v, calls %v", err, sim.Counts())
	}
}

func TestListenersOfOnePortAreToldApartByProtocol(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	lb := newLB(t, c, "dns", nil)
	for _, p := range []Protocol{TCP, UDP} {
		err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: ListenerKey{p, 53}, BackendPort: 30053})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.StartListener(t.Context(), lb.ID, ListenerKey{UDP, 53}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteListener(t.Context(), lb.ID, ListenerKey{TCP, 53}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Listeners(t.Context(), lb.ID)
	if err != nil || len(got) != 1 || got[0].Protocol != UDP || got[0].Status != ListenerRunning {
		t.Errorf("%+v, %v", got, err)
	}
	if err := c.StopListener(t.Context(), lb.ID, ListenerKey{UDP, 53}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Listener(t.Context(), lb.ID, ListenerKey{TCP, 53}); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("reading a deleted listener: %v", err)
	}
	if err := c.DeleteListener(t.Context(), lb.ID, ListenerKey{TCP, 53}); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("second deletion: %v", err)
	}
}

func TestListenersOfManyLoadBalancersAreReadTenACall(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	ids := make([]string, 0, 12)
	for i := range 12 {
		lb := newLB(t, c, fmt.Sprintf("lb-%d", i), nil)
		ids = append(ids, lb.ID)
		for port := 1; port <= 11; port++ {
			err := c.CreateListener(t.Context(), Listener{LoadBalancerID: lb.ID, ListenerKey: ListenerKey{TCP, port}, BackendPort: 30000})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	sim.ResetCounters()
	got, err := c.Listeners(t.Context(), ids...)
	if err != nil || len(got) != 132 {
		t.Errorf("%d listeners, %v", len(got), err)
	}
	if n := sim.Counts()["DescribeLoadBalancerListeners"]; n != 3 {
		t.Errorf("%d calls, want 2 for the first ten and 1 for the rest", n)
	}
	got, err = c.Listeners(t.Context())
	if err != nil || len(got) != 0 {
		t.Errorf("no load balancers: %v, %v", got, err)
	}
}

func TestAFixedSettingIsNotSent(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	err := c.SetListener(t.Context(), "lb-1", ListenerKey{HTTP, 80}, Change{Attributes: Attributes{Forward: "on"}})
	if !errors.Is(err, errFixed) || len(sim.Counts()) != 0 {
		t.Errorf("%v, calls %v", err, sim.Counts())
	}
	if err := c.CreateListener(t.Context(), Listener{ListenerKey: ListenerKey{"tls", 80}}); !errors.Is(err, errProtocol) {
		t.Errorf("unknown protocol: %v", err)
	}
}
