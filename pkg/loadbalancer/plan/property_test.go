package plan

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

const (
	testUID     = types.UID("11111111-2222-3333-4444-555555555555")
	testCluster = "test-cluster"
	ownMark     = "kube-aliyun/" + testCluster + "/" + string(testUID) + "/"
)

// randomWanted is some load balancer that could be wanted.
func randomWanted(r *rand.Rand) build.Wanted {
	w := build.Wanted{UID: testUID, ClusterID: testCluster, Explicit: map[annotation.Key]bool{}}
	w.Instance = slb.Create{
		Name: pick(r, "n1", "n2"), AddressType: slb.Internet, InstanceChargeType: "PayBySpec", Spec: pick(r, "slb.s1.small", "slb.s2.small"),
		InternetChargeType: "paybybandwidth", Bandwidth: 1 + r.IntN(2), DeleteProtection: r.IntN(2) == 0,
		ModificationProtection: pick(r, "ConsoleProtection", "NonProtection"), Tags: map[string]string{"kube-aliyun.io/service-uid": string(testUID)},
	}
	if r.IntN(2) == 0 {
		w.Instance.Tags["team"], w.Instance.Tags[build.TagManaged] = pick(r, "a", "b"), "team"
	}
	for _, key := range randomKeys(r, 6) {
		w.Listeners = append(w.Listeners, build.Listener{
			ListenerKey: key, NodePort: 30000 + r.IntN(3), Attributes: randomAttributes(r, key, ownMark+"x"),
		})
	}
	w.Backends = randomBackends(r, r.IntN(60), 0)
	return w
}

// randomActual is some load balancer that could be found: made by us in another
// life, changed by hand, left by a crash.
func randomActual(r *rand.Rand) *Actual {
	a := &Actual{Instance: created(randomWanted(r).Instance, "lb-1")}
	for i := range r.IntN(4) {
		port := 30000 + r.IntN(3)
		name := build.GroupName(testUID, port)
		if r.IntN(5) == 0 {
			name = "by-hand"
		}
		a.Groups = append(a.Groups, slb.Group{ID: fmt.Sprintf("rsp-%d", i), Name: name, Backends: randomBackends(r, r.IntN(30), port)})
	}
	for _, key := range randomKeys(r, 6) {
		l := slb.Listener{
			LoadBalancerID: "lb-1", ListenerKey: key,
			Status:     slb.ListenerStatus(pick(r, "running", "stopped")),
			Attributes: randomAttributes(r, key, pick(r, ownMark+"x", ownMark+"x", "by hand")),
		}
		if l.Attributes[slb.Forward] == "on" {
			a.Listeners = append(a.Listeners, l)
			continue
		}
		if len(a.Groups) > 0 && r.IntN(2) == 0 {
			l.GroupID = a.Groups[r.IntN(len(a.Groups))].ID
		} else {
			l.BackendPort = 30000 + r.IntN(3)
		}
		a.Listeners = append(a.Listeners, l)
	}
	a.Backends = randomBackends(r, r.IntN(60), 0)
	return a
}

// randomAttributes are some settings of a listener; HTTP ones may redirect.
func randomAttributes(r *rand.Rand, key slb.ListenerKey, description string) slb.Attributes {
	a := slb.Attributes{slb.Description: description, slb.Scheduler: pick(r, "rr", "wrr")}
	if key.Protocol == slb.HTTP {
		if a[slb.Forward] = pick(r, "on", "off"); a[slb.Forward] == "on" {
			a[slb.ForwardPort] = pick(r, "443", "8443")
		}
	}
	return a
}

func randomKeys(r *rand.Rand, most int) []slb.ListenerKey {
	seen := map[slb.ListenerKey]bool{}
	var keys []slb.ListenerKey
	for range 1 + r.IntN(most) {
		key := slb.ListenerKey{Protocol: slb.Protocol(pick(r, "tcp", "udp", "http")), Port: 80 + r.IntN(4)}
		if key.Protocol == slb.HTTP {
			key.Port += 10 // TCP and HTTP share ports
		}
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

func randomBackends(r *rand.Rand, n, port int) []slb.Backend {
	var out []slb.Backend
	for i := range 70 {
		if len(out) < n && r.IntN(2) == 0 {
			out = append(out, slb.Backend{ServerID: fmt.Sprintf("i-%02d", i), Port: port, Weight: 100 * r.IntN(2)})
		}
	}
	return out
}

func pick(r *rand.Rand, choices ...string) string { return choices[r.IntN(len(choices))] }

// run applies a plan to a model and checks what must hold on the way.
func run(t *testing.T, p Plan, a *Actual) {
	t.Helper()
	for i, s := range p.Steps {
		if len(s.Backends) > slb.MaxBackends {
			t.Fatalf("step %d has %d backends: %s", i, len(s.Backends), s)
		}
		switch s.Kind { //nolint:exhaustive // the others have no precondition
		case DeleteGroup:
			for _, l := range a.Listeners {
				if l.GroupID == s.Group {
					t.Fatalf("step %d deletes a group that listener %s uses", i, l.ListenerKey)
				}
			}
		case SetListener, StartListener, DeleteListener:
			if a.Listener(s.Listener.ListenerKey) == nil {
				t.Fatalf("step %d is about a listener that is not there: %s", i, s)
			}
			if s.Bind && s.GroupID(a) == "" {
				t.Fatalf("step %d binds to a group that is not there: %s", i, s)
			}
		case CreateListener:
			if a.Listener(s.Listener.ListenerKey) != nil {
				t.Fatalf("step %d creates a listener that is there: %s", i, s)
			}
		case AddBackends:
			for _, b := range s.Backends {
				for _, have := range a.Backends {
					if have.ServerID == b.ServerID {
						t.Fatalf("step %d adds %s twice", i, b.ServerID)
					}
				}
			}
		}
		s.Apply(a, fmt.Sprintf("new-%d", i))
		if len(a.Backends) > build.MaxBackends || len(a.Listeners) > build.MaxListeners {
			t.Fatalf("after step %d the instance is over its limits", i)
		}
	}
}

func TestPlanMakesAnyActualTheWantedAndThenHasNothingToDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		w := randomWanted(r)
		var a *Actual
		if i%5 > 0 {
			a = randomActual(r)
		}
		first := Make(w, a)
		if a == nil {
			a = &Actual{}
		}
		before := a.Clone()
		run(t, first, a)
		if second := Make(w, a); !second.Empty() {
			t.Fatalf("case %d: a second plan is not empty:\n%s\nafter the first:\n%s", i, second, first)
		}
		check(t, w, before, a)
	}
}

// check compares a model with what was wanted of it.
func check(t *testing.T, w build.Wanted, before, a *Actual) {
	t.Helper()
	for _, l := range w.Listeners {
		actual := a.Listener(l.ListenerKey)
		if actual == nil || actual.Status != slb.ListenerRunning || len(slb.Diff(l.Protocol, l.Attributes, actual.Attributes)) > 0 {
			t.Fatalf("listener %s is %+v, wanted %+v", l.ListenerKey, actual, l)
		}
		if l.Redirects() {
			continue
		}
		members := a.Backends
		if actual.GroupID != "" {
			members = a.group(actual.GroupID).Backends
		} else if actual.BackendPort != l.NodePort {
			t.Fatalf("listener %s sends to port %d, wanted %d", l.ListenerKey, actual.BackendPort, l.NodePort)
		}
		want := map[string]int{}
		for _, b := range w.Backends {
			want[b.ServerID] = b.Weight
		}
		got := map[string]int{}
		for _, b := range members {
			got[b.ServerID] = b.Weight
			if actual.GroupID != "" && b.Port != l.NodePort {
				t.Fatalf("listener %s sends to %s:%d, wanted port %d", l.ListenerKey, b.ServerID, b.Port, l.NodePort)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("backends of %s: %s", l.ListenerKey, diff)
		}
	}
	wanted := map[slb.ListenerKey]bool{}
	for _, l := range w.Listeners {
		wanted[l.ListenerKey] = true
	}
	for _, l := range before.Listeners {
		if wanted[l.ListenerKey] {
			continue
		}
		byHand := l.Attributes[slb.Description] == "by hand"
		if living := a.Listener(l.ListenerKey) != nil; living != byHand {
			t.Fatalf("listener %s (by hand: %t) is there: %t", l.ListenerKey, byHand, living)
		}
	}
}

func TestListenersNeverLoseTheirLastServerOnTheWay(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		w, a := randomWanted(r), randomActual(r)
		for j := range w.Backends {
			w.Backends[j].Weight = 100
		}
		if len(w.Backends) == 0 {
			continue
		}
		p := Make(w, a)
		served := func(key slb.ListenerKey) bool {
			l := a.Listener(key)
			if l == nil || key.Protocol == slb.HTTP { // a redirect is made anew when it changes
				return false
			}
			members := a.Backends
			if l.GroupID != "" {
				members = a.group(l.GroupID).Backends
			}
			for _, b := range members {
				if b.Weight > 0 {
					return true
				}
			}
			return false
		}
		before := map[slb.ListenerKey]bool{}
		for _, l := range w.Listeners {
			before[l.ListenerKey] = served(l.ListenerKey)
		}
		for n, s := range p.Steps {
			s.Apply(a, fmt.Sprintf("new-%d", n))
			for key, was := range before {
				if now := served(key); was && !now {
					t.Fatalf("case %d: after step %d (%s) listener %s has no server", i, n, s, key)
				}
				before[key] = before[key] || served(key)
			}
		}
	}
}
