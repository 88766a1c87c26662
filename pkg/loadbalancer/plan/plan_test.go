package plan

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

var tcp80 = slb.ListenerKey{Protocol: slb.TCP, Port: 80}

// simple is a wanted load balancer with one listener and two servers.
func simple() build.Wanted {
	return build.Wanted{
		UID: testUID, ClusterID: testCluster, Explicit: map[annotation.Key]bool{},
		Instance: slb.Create{
			Name: "a1", AddressType: slb.Internet, InstanceChargeType: "PayByCLCU", InternetChargeType: "paybytraffic",
			DeleteProtection: true, ModificationProtection: "ConsoleProtection", Tags: map[string]string{"k": "v"},
		},
		Listeners: []build.Listener{listener(tcp80, 30080)},
		Backends:  []slb.Backend{{ServerID: "i-1", Weight: 100}, {ServerID: "i-2", Weight: 100}},
	}
}

func listener(key slb.ListenerKey, nodePort int) build.Listener {
	return build.Listener{ListenerKey: key, NodePort: nodePort, Attributes: slb.Attributes{slb.Description: ownMark + "x", slb.Scheduler: "wrr"}}
}

// redirect is an HTTP listener that sends its clients to another port.
func redirect(from, to int) build.Listener {
	return build.Listener{ListenerKey: slb.ListenerKey{Protocol: slb.HTTP, Port: from}, NodePort: 30080, Attributes: slb.Attributes{
		slb.Description: ownMark + "x", slb.Forward: "on", slb.ForwardPort: strconv.Itoa(to),
	}}
}

// living is a listener as it runs.
func living(l build.Listener) slb.Listener {
	return slb.Listener{ListenerKey: l.ListenerKey, Status: slb.ListenerRunning, Attributes: l.Attributes}
}

// made is simple as it is after the first plan.
func made(t *testing.T) *Actual {
	t.Helper()
	a := &Actual{}
	run(t, Make(simple(), nil), a)
	return a
}

// lines are a plan's steps as text.
func lines(p Plan) []string {
	out := make([]string, 0, len(p.Steps))
	for _, s := range p.Steps {
		out = append(out, s.String())
	}
	return out
}

func TestPlansNeedTheFewestCalls(t *testing.T) {
	cases := map[string]struct {
		change func(w *build.Wanted, a *Actual)
		want   []string
	}{
		"nothing changed": {func(*build.Wanted, *Actual) {}, []string{}},
		"server joins": {
			func(w *build.Wanted, _ *Actual) {
				w.Backends = append(w.Backends, slb.Backend{ServerID: "i-3", Weight: 100})
			},
			[]string{"add backends i-3(100)"},
		},
		"server drains": {
			func(w *build.Wanted, _ *Actual) { w.Backends[0].Weight = 0 },
			[]string{"set weights of backends i-1(0)"},
		},
		"server leaves": {
			func(w *build.Wanted, _ *Actual) { w.Backends = w.Backends[:1] },
			[]string{"remove backends i-2(100)"},
		},
		"server is replaced: the new one first": {
			func(w *build.Wanted, _ *Actual) { w.Backends[1].ServerID = "i-3" },
			[]string{"add backends i-3(100)", "remove backends i-2(100)"},
		},
		"all but the new one drain: weights go up first": {
			func(w *build.Wanted, a *Actual) { a.Backends[1].Weight = 0; w.Backends[0].Weight = 0 },
			[]string{"set weights of backends i-2(100) i-1(0)"},
		},
		"port added": {
			func(w *build.Wanted, _ *Actual) {
				w.Listeners = append(w.Listeners, listener(slb.ListenerKey{Protocol: slb.UDP, Port: 80}, 30081))
			},
			[]string{"create listener udp/80 to server port 30081", "start listener udp/80"},
		},
		"port removed": {
			func(w *build.Wanted, _ *Actual) {
				w.Listeners[0] = listener(slb.ListenerKey{Protocol: slb.TCP, Port: 81}, 30080)
			},
			[]string{"create listener tcp/81 to server port 30080", "start listener tcp/81", "delete listener tcp/80"},
		},
		"node port changed: the listener moves to a group and the default group is emptied": {
			func(w *build.Wanted, _ *Actual) { w.Listeners[0].NodePort = 30099 },
			[]string{
				"create server group " + build.GroupName(testUID, 30099) + ": i-1:30099(100) i-2:30099(100)",
				"set listener tcp/80:  group=" + build.GroupName(testUID, 30099),
				"remove backends i-1(100) i-2(100)",
			},
		},
		"setting and node port changed: one call for both": {
			func(w *build.Wanted, a *Actual) {
				w.Listeners[0].NodePort = 30099
				w.Listeners[0].Attributes[slb.Scheduler] = "rr"
				a.Groups = []slb.Group{{ID: "rsp-1", Name: build.GroupName(testUID, 30099), Backends: []slb.Backend{
					{ServerID: "i-1", Port: 30099, Weight: 100}, {ServerID: "i-2", Port: 30099, Weight: 100},
				}}}
			},
			[]string{"set listener tcp/80: Scheduler=rr group=rsp-1", "remove backends i-1(100) i-2(100)"},
		},
		"protocol changed on its port: the old one goes first": {
			func(w *build.Wanted, _ *Actual) {
				w.Listeners[0] = listener(slb.ListenerKey{Protocol: slb.HTTP, Port: 80}, 30080)
			},
			[]string{"delete listener tcp/80", "create listener http/80 to server port 30080", "start listener http/80"},
		},
		"redirect added: it is made after its target": {
			func(w *build.Wanted, _ *Actual) {
				w.Listeners = []build.Listener{redirect(80, 443), listener(slb.ListenerKey{Protocol: slb.HTTPS, Port: 443}, 30080)}
			},
			[]string{
				"delete listener tcp/80", "create listener https/443 to server port 30080", "start listener https/443",
				"create listener http/80 redirecting to port 443", "start listener http/80",
			},
		},
		"redirect leads elsewhere: made anew, with the reason": {
			func(w *build.Wanted, a *Actual) {
				w.Listeners = []build.Listener{redirect(80, 8443)}
				a.Listeners[0] = living(redirect(80, 443))
			},
			[]string{
				"delete listener http/80: it is made anew, because the API cannot change the redirect of a living listener",
				"create listener http/80 redirecting to port 8443", "start listener http/80", "remove backends i-1(100) i-2(100)",
			},
		},
		"redirect removed": {
			func(w *build.Wanted, a *Actual) {
				w.Listeners = []build.Listener{redirect(80, 443)}
				w.Listeners[0].Attributes = slb.Attributes{slb.Description: ownMark + "x", slb.Forward: "off"}
				w.Listeners[0].NodePort = 30080
				a.Listeners[0] = living(redirect(80, 443))
			},
			[]string{
				"delete listener http/80: it is made anew, because the API cannot change the redirect of a living listener",
				"create listener http/80 to server port 30080", "start listener http/80",
			},
		},
		"group left over by a crash": {
			func(_ *build.Wanted, a *Actual) {
				a.Groups = []slb.Group{{ID: "rsp-1", Name: build.GroupName(testUID, 30099)}}
			},
			[]string{"delete server group rsp-1"},
		},
		"listener stopped by hand": {
			func(_ *build.Wanted, a *Actual) { a.Listeners[0].Status = slb.ListenerStopped },
			[]string{"start listener tcp/80"},
		},
		"listener deleted by hand": {
			func(_ *build.Wanted, a *Actual) { a.Listeners = nil },
			[]string{"create listener tcp/80 to server port 30080", "start listener tcp/80"},
		},
		"listener changed by hand": {
			func(_ *build.Wanted, a *Actual) { a.Listeners[0].Attributes[slb.Scheduler] = "rr" },
			[]string{"set listener tcp/80: Scheduler=wrr"},
		},
		"instance changed by hand": {
			func(_ *build.Wanted, a *Actual) {
				a.Instance.Name, a.Instance.DeleteProtection, a.Instance.ModificationProtection = "x", false, "NonProtection"
				delete(a.Instance.Tags, "k")
				a.Instance.Tags["of-others"] = "stays"
			},
			[]string{"rename load balancer to a1", "set delete protection to true", "set modification protection to ConsoleProtection", "tag load balancer k=v"},
		},
		"tag of an annotation removed, the others' stay": {
			func(_ *build.Wanted, a *Actual) {
				a.Instance.Tags["team"], a.Instance.Tags["of-others"], a.Instance.Tags[build.TagManaged] = "x", "y", "team"
			},
			[]string{"untag load balancer kube-aliyun.io/managed-tags,team"},
		},
		"backends only": {
			func(w *build.Wanted, _ *Actual) {
				*w = build.Wanted{UID: testUID, ClusterID: testCluster, BackendsOnly: true, Backends: w.Backends[:1]}
			},
			[]string{"remove backends i-2(100)"},
		},
		"backends only, in a group": {
			func(w *build.Wanted, a *Actual) {
				*w = build.Wanted{UID: testUID, ClusterID: testCluster, BackendsOnly: true, Backends: w.Backends[:1]}
				a.Backends = nil
				a.Listeners[0].GroupID = "rsp-1"
				a.Groups = []slb.Group{{ID: "rsp-1", Name: build.GroupName(testUID, 30099), Backends: []slb.Backend{
					{ServerID: "i-1", Port: 30099, Weight: 100}, {ServerID: "i-2", Port: 30099, Weight: 100},
				}}}
			},
			[]string{"remove backends from group rsp-1: i-2:30099(100)"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, a := simple(), made(t)
			c.change(&w, a)
			p := Make(w, a)
			if diff := cmp.Diff(c.want, lines(p)); diff != "" {
				t.Error(diff)
			}
			if len(p.Problems) > 0 {
				t.Errorf("problems: %v", p.Problems)
			}
		})
	}
}

func TestCreationIsInstanceServersListeners(t *testing.T) {
	w := simple()
	w.Backends = nil
	for i := range 45 {
		w.Backends = append(w.Backends, slb.Backend{ServerID: "i-" + string(rune('A'+i)), Weight: 100})
	}
	steps := Make(w, nil).Steps
	kinds := make([]Kind, 0, len(steps))
	for _, s := range steps {
		kinds = append(kinds, s.Kind)
	}
	want := []Kind{CreateInstance, AddBackends, AddBackends, AddBackends, CreateListener, StartListener}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeChangedIsToldAndLeft(t *testing.T) {
	cases := map[string]struct {
		change  func(w *build.Wanted)
		problem string
		notice  string
	}{
		"address type by annotation": {func(w *build.Wanted) {
			w.Instance.AddressType, w.Explicit[annotation.AddressType] = slb.Intranet, true
		}, "address-type is intranet", ""},
		"address type by default": {func(w *build.Wanted) { w.Instance.AddressType = slb.Intranet }, "", "stays internet"},
		"zone": {func(w *build.Wanted) {
			w.Instance.MasterZone, w.Explicit[annotation.MasterZone] = "cn-test-b", true
		}, "master-zoneid", ""},
		"back to a specification": {func(w *build.Wanted) {
			w.Instance.InstanceChargeType, w.Instance.Spec, w.Explicit[annotation.InstanceChargeType] = "PayBySpec", "slb.s1.small", true
		}, "PayBySpec to PayByCLCU only", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := simple()
			c.change(&w)
			p := Make(w, made(t))
			if len(p.Steps) > 0 {
				t.Errorf("steps: %v", lines(p))
			}
			if got := strings.Join(p.Problems, "\n"); c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
				t.Errorf("problems = %q, want %q", got, c.problem)
			}
			if got := strings.Join(p.Notices, "\n"); !strings.Contains(got, c.notice) {
				t.Errorf("notices = %q, want %q", got, c.notice)
			}
		})
	}
}

func TestListenersMadeByHandAreLeftUnlessTheirPortIsWanted(t *testing.T) {
	byHand := func(protocol slb.Protocol, port int) slb.Listener {
		return slb.Listener{
			ListenerKey: slb.ListenerKey{Protocol: protocol, Port: port}, Status: slb.ListenerRunning, BackendPort: 30080,
			Attributes: slb.Attributes{slb.Description: "mine", slb.Scheduler: "wrr"},
		}
	}
	t.Run("another port", func(t *testing.T) {
		a := made(t)
		a.Listeners = append(a.Listeners, byHand(slb.HTTP, 8080))
		p := Make(simple(), a)
		if len(p.Steps) > 0 || len(p.Notices) != 1 || !strings.Contains(p.Notices[0], "http/8080") {
			t.Errorf("steps %v, notices %q", lines(p), p.Notices)
		}
	})
	t.Run("the wanted port", func(t *testing.T) {
		a := made(t)
		a.Listeners[0] = byHand(slb.TCP, 80)
		want := []string{"set listener tcp/80: Description=" + ownMark + "x"}
		if diff := cmp.Diff(want, lines(Make(simple(), a))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the wanted port with a protocol that cannot share it", func(t *testing.T) {
		a := made(t)
		a.Listeners[0] = byHand(slb.HTTP, 80)
		p := Make(simple(), a)
		if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "port 80 is held by a http listener") || len(p.Steps) > 1 {
			t.Errorf("problems %q, steps %v", p.Problems, lines(p))
		}
	})
}

func TestGroupsAreReadOnlyWhenAListenerNeedsThem(t *testing.T) {
	a := made(t)
	a.GroupsUnknown = true
	w := simple()
	w.Backends = w.Backends[:1]
	if p := Make(w, a); p.NeedGroups || len(p.Steps) != 1 {
		t.Errorf("a node change asks for the groups: %+v", p)
	}
	w.Listeners[0].NodePort = 30099
	if p := Make(w, a); !p.NeedGroups || len(p.Steps) > 0 {
		t.Errorf("a changed node port does not ask for the groups: %+v", p)
	}
}

func TestFullInstanceMakesRoomBeforeItAdds(t *testing.T) {
	w, a := simple(), made(t)
	w.Listeners, a.Listeners = nil, nil
	for i := range build.MaxListeners {
		l := listener(slb.ListenerKey{Protocol: slb.TCP, Port: 1000 + i}, 30080)
		a.Listeners = append(a.Listeners, slb.Listener{ListenerKey: l.ListenerKey, BackendPort: 30080, Status: slb.ListenerRunning, Attributes: l.Attributes})
		w.Listeners = append(w.Listeners, listener(slb.ListenerKey{Protocol: slb.TCP, Port: 1002 + i}, 30080))
	}
	want := []string{
		"delete listener tcp/1000", "delete listener tcp/1001", "create listener tcp/1050 to server port 30080", "start listener tcp/1050",
		"create listener tcp/1051 to server port 30080", "start listener tcp/1051",
	}
	if diff := cmp.Diff(want, lines(Make(w, a))); diff != "" {
		t.Error(diff)
	}
}
