package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// awaitLoadBalancer waits until the one load balancer of the region is as told.
func awaitLoadBalancer(r *rig.Rig, what string, is func(lb *rig.LoadBalancer) bool) rig.LoadBalancer {
	r.T.Helper()
	var lb rig.LoadBalancer
	r.Eventually(15*time.Second, what, func() (bool, string) {
		all := r.LoadBalancers()
		if len(all) != 1 {
			return false, fmt.Sprint(len(all), " load balancers")
		}
		lb = all[0]
		return is(&lb), fmt.Sprintf("%s groups %v", lb.String(), lb.Groups)
	})
	return lb
}

// listener is the listener of a port; nil without one.
func listener(lb *rig.LoadBalancer, protocol string, port int) *rig.Listener {
	for i := range lb.Listeners {
		if l := &lb.Listeners[i]; strings.EqualFold(l.Protocol, protocol) && l.Port == port {
			return l
		}
	}
	return nil
}

// backends are the servers of the default group, sorted.
func backends(lb *rig.LoadBalancer) []string {
	var ids []string
	for _, b := range lb.Backends {
		ids = append(ids, b.ServerID)
	}
	slices.Sort(ids)
	return ids
}

// makeReady lets a Pod run, as far as endpoints are concerned.
func makeReady(r *rig.Rig, name, ip string) {
	r.T.Helper()
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		r.T.Fatal(err)
	}
	if _, err := r.Client.CoreV1().Pods(r.Namespace).Patch(r.T.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		r.T.Fatal(err)
	}
}

// endService deletes a Service and waits until it and its load balancer are gone.
func endService(r *rig.Rig, name string) {
	r.T.Helper()
	r.DeleteService(name)
	awaitNoLoadBalancer(r)
	r.Eventually(10*time.Second, "the Service is gone", func() (bool, string) {
		_, err := r.Client.CoreV1().Services(r.Namespace).Get(r.T.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), r.Events(name)
	})
}

// TestLoadBalancersFollowTheirServices has one controller and a Service at a time.
func TestLoadBalancersFollowTheirServices(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 3, Region: vendorIDs})
	r.StartController("--vswitches="+vSwitchH+","+vSwitchI, "--load-balancer-delete-protection=false").WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	for _, c := range []struct {
		name string
		run  func(*rig.Rig)
	}{
		{"intranet", intranetService},
		{"Local policy", localService},
		{"node port changed", nodePortChange},
		{"ports come and go", portsComeAndGo},
		{"deleted while created", deletedWhileCreated},
	} {
		if !t.Run(c.name, func(t *testing.T) { c.run(in(r, t)) }) {
			return // what it left would be taken for the next one's
		}
	}
}

func intranetService(r *rig.Rig) {
	r.CreateService("inner", annotated(map[string]string{prefix + "address-type": "intranet"}), rig.Port(80))
	address := r.AwaitAddress("inner", 15*time.Second)
	lb := r.LoadBalancer()
	if lb.AddressType != "intranet" || lb.Address != address || !strings.HasPrefix(address, "192.168.") || lb.Protected {
		r.T.Errorf("got %+v", lb)
	}
	endService(r, "inner")
}

// localService has a TCP port, whose health check finds the Pods, and a UDP port,
// whose listener has no such check: so the servers are those with Pods.
func localService(r *rig.Rig) {
	runPod(r, "dns-1", rig.NodeName(1))
	makeReady(r, "dns-1", "10.244.90.1")
	r.CreateService("dns", func(s *corev1.Service) {
		s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		s.Spec.Selector = nil
	}, rig.Port(53))
	r.AwaitAddress("dns", 15*time.Second)
	check := strconv.Itoa(int(r.Service("dns").Spec.HealthCheckNodePort))
	lb := awaitLoadBalancer(r, "all servers are asked for Pods", func(lb *rig.LoadBalancer) bool { return len(lb.Backends) == 3 })
	values := listener(&lb, "tcp", 53).Values
	if values["HealthCheckType"] != "http" || values["HealthCheckConnectPort"] != check || values["HealthCheckURI"] != "/healthz" {
		r.T.Errorf("the check is not that of node port %s: %v", check, values)
	}

	r.ChangeService("dns", func(s *corev1.Service) {
		s.Spec.Selector = map[string]string{"role": "dns"}
		s.Spec.Ports = append(s.Spec.Ports, rig.UDPPort(53))
	})
	label := func(pod, value string) {
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{"role":%q}}}`, value)
		if _, err := r.Client.CoreV1().Pods(r.Namespace).Patch(r.T.Context(), pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			r.T.Fatal(err)
		}
	}
	label("dns-1", "dns")
	awaitLoadBalancer(r, "only the Pod's server is left", func(lb *rig.LoadBalancer) bool {
		return slices.Equal(backends(lb), []string{rig.ServerID(1)}) && listener(lb, "udp", 53) != nil
	})
	runPod(r, "dns-2", rig.NodeName(2))
	makeReady(r, "dns-2", "10.244.90.2")
	label("dns-2", "dns")
	awaitLoadBalancer(r, "the second Pod's server is there", func(lb *rig.LoadBalancer) bool {
		return slices.Equal(backends(lb), []string{rig.ServerID(1), rig.ServerID(2)})
	})
	label("dns-1", "none")
	awaitLoadBalancer(r, "the first Pod's server has gone", func(lb *rig.LoadBalancer) bool {
		return slices.Equal(backends(lb), []string{rig.ServerID(2)})
	})
	endService(r, "dns")
}

// nodePortChange moves two listeners to vServer groups and back.
func nodePortChange(r *rig.Rig) {
	r.CreateService("web", nil, rig.Port(80), rig.Port(81))
	r.AwaitAddress("web", 15*time.Second)
	before := awaitLoadBalancer(r, "two listeners share the default group", func(lb *rig.LoadBalancer) bool {
		return len(lb.Listeners) == 2 && len(lb.Backends) == 3 && len(lb.Groups) == 0
	})
	ports := r.Service("web").Spec.Ports
	old := [2]int32{ports[0].NodePort, ports[1].NodePort}
	move := func(index int, nodePort int32) {
		r.ChangeService("web", func(s *corev1.Service) { s.Spec.Ports[index].NodePort = nodePort })
	}
	holds := func(lb *rig.LoadBalancer, port int, nodePort int32) bool {
		l := listener(lb, "tcp", port)
		if l == nil || l.Status != "running" {
			return false
		}
		if l.Group == "" {
			return l.BackendPort == int(nodePort) && len(lb.Backends) == 3
		}
		for _, g := range lb.Groups {
			if g.ID == l.Group {
				return len(g.Members) == 3 && !slices.ContainsFunc(g.Members, func(m rig.Backend) bool { return m.Port != int(nodePort) })
			}
		}
		return false
	}
	const first, second = 30001, 30002
	move(0, first)
	awaitLoadBalancer(r, "the first listener leads to the new node port, the second has stayed", func(lb *rig.LoadBalancer) bool {
		return holds(lb, 80, first) && holds(lb, 81, old[1]) && len(lb.Groups) == 1 && listener(lb, "tcp", 81).Group == ""
	})
	move(1, second)
	awaitLoadBalancer(r, "nobody uses the default group, which is empty", func(lb *rig.LoadBalancer) bool {
		return holds(lb, 80, first) && holds(lb, 81, second) && len(lb.Groups) == 2 && len(lb.Backends) == 0
	})
	move(0, old[0])
	after := awaitLoadBalancer(r, "back at the first node port, and no group is left over", func(lb *rig.LoadBalancer) bool {
		return holds(lb, 80, old[0]) && holds(lb, 81, second) && len(lb.Groups) <= 2
	})
	if after.ID != before.ID || after.Address != before.Address {
		r.T.Errorf("it became another load balancer: %s, %s", before.String(), after.String())
	}
	endService(r, "web")
}

func portsComeAndGo(r *rig.Rig) {
	r.CreateService("web", nil, rig.Port(80))
	address := r.AwaitAddress("web", 15*time.Second)
	r.ChangeService("web", func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, rig.UDPPort(443), rig.Port(443)) })
	awaitLoadBalancer(r, "two more listeners run", func(lb *rig.LoadBalancer) bool {
		return len(lb.Listeners) == 3 && !slices.ContainsFunc(lb.Listeners, func(l rig.Listener) bool { return l.Status != "running" })
	})
	r.ChangeService("web", func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[1:2] })
	lb := awaitLoadBalancer(r, "only the listener of udp/443 is left", func(lb *rig.LoadBalancer) bool {
		return len(lb.Listeners) == 1 && listener(lb, "udp", 443) != nil
	})
	if lb.Address != address {
		r.T.Errorf("the address was %s and is %s", address, lb.Address)
	}
	endService(r, "web")
}

// deletedWhileCreated deletes a Service while the API is creating its load
// balancer, and while its listeners are made.
func deletedWhileCreated(r *rig.Rig) {
	for _, action := range []string{"CreateLoadBalancer", "CreateLoadBalancerTCPListener"} {
		before := r.Sim.Counts()[action]
		id := r.Sim.Fault(fault.Rule{Action: action, Kind: fault.Delay, Delay: 1500 * time.Millisecond, Count: 1})
		r.CreateService("brief", nil, rig.Port(80))
		r.Eventually(10*time.Second, action+" is under way", func() (bool, string) { return r.Sim.Counts()[action] > before, r.Events("brief") })
		endService(r, "brief")
		r.Sim.ClearFault(id)
	}
	r.Never(2*time.Second, "a load balancer came after its Service", func() (bool, string) {
		return len(r.LoadBalancers()) > 0, fmt.Sprint(r.LoadBalancers())
	})
}

// TestPublicAddressesAreRefusedButNotTheirDeletion changes the setting while a
// public load balancer lives.
func TestPublicAddressesAreRefusedButNotTheirDeletion(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1, Region: vendorIDs})
	open := r.StartController()
	open.WaitReady()
	awaitInitialised(r)
	r.CreateService("old", nil, rig.Port(80))
	r.AwaitAddress("old", 15*time.Second)
	open.Terminate()

	r.StartController("--allow-internet=false", "--load-balancer-address-type=intranet", "--vswitches="+vSwitchH).WaitReady()
	r.CreateService("new", annotated(map[string]string{prefix + "address-type": "internet"}), rig.Port(80))
	onlyOnce(r, "new", "LoadBalancerRefused", "--allow-internet=false", prefix+"address-type", "intranet")
	if n := len(r.LoadBalancers()); n != 1 {
		t.Errorf("%d load balancers, want the old one", n)
	}
	endService(r, "old")
	r.ChangeService("new", func(s *corev1.Service) { s.Annotations = nil })
	r.AwaitAddress("new", 15*time.Second)
	if lb := r.LoadBalancer(); lb.AddressType != "intranet" {
		t.Errorf("got %s", lb.String())
	}
}

// TestManyServersGiveASubset has three times as many servers as a load balancer takes.
func TestManyServersGiveASubset(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 60})
	r.StartController("--backends-per-load-balancer=20").WaitReady()
	awaitInitialised(r)
	r.CreateService("web", nil, rig.Port(80))
	r.AwaitAddress("web", 15*time.Second)
	before := awaitLoadBalancer(r, "20 servers serve", func(lb *rig.LoadBalancer) bool { return len(lb.Backends) == 20 })
	zones := map[int]int{}
	number := map[string]int{}
	for n := 1; n <= 60; n++ {
		number[rig.ServerID(n)] = n
	}
	for _, id := range backends(&before) {
		zones[number[id]%2]++ // the region's servers alternate between two zones
	}
	if zones[0] != 10 || zones[1] != 10 {
		t.Errorf("over two zones it is spread %v", zones)
	}

	// A few leave; those that are left stay, and the set is filled again.
	gone := backends(&before)[:3]
	for _, id := range gone {
		if err := r.Fleet.Remove(t.Context(), rig.NodeName(number[id])); err != nil {
			t.Fatal(err)
		}
	}
	after := awaitLoadBalancer(r, "it is full again without those that left", func(lb *rig.LoadBalancer) bool {
		now := backends(lb)
		return len(now) == 20 && !slices.ContainsFunc(gone, func(id string) bool { return slices.Contains(now, id) })
	})
	for _, id := range backends(&before)[3:] {
		if !slices.Contains(backends(&after), id) {
			t.Errorf("server %s was taken out for nothing", id)
		}
	}
}
