package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

const tagServiceUID = "kube-aliyun.io/service-uid"

// longEnough is how long whatever should happen may take on a busy machine.
const longEnough = 60 * time.Second

// balancersOf are the living load balancers of a Service.
func (w *world) balancersOf(uid types.UID) []rig.LoadBalancer {
	w.T.Helper()
	return slices.DeleteFunc(w.LoadBalancers(), func(lb rig.LoadBalancer) bool { return lb.Tag(tagServiceUID) != string(uid) })
}

// serviceWhole tells what is wrong with a Service that should have one load
// balancer with these servers, all of it working, and an address.
func (w *world) serviceWhole(name string, servers ...string) string {
	w.T.Helper()
	s := w.Service(name)
	lbs := w.balancersOf(s.UID)
	if len(lbs) != 1 {
		return fmt.Sprintf("Service %s has %d load balancers: %v\n%s", name, len(lbs), describe(lbs), w.Events(name))
	}
	lb := &lbs[0]
	if ingress := s.Status.LoadBalancer.Ingress; len(ingress) != 1 || ingress[0].IP != lb.Address {
		return fmt.Sprintf("Service %s shows %v, its load balancer %s\n%s", name, ingress, lb.Address, w.Events(name))
	}
	if problem := balancerServes(lb, s.Spec.Ports, servers); problem != "" {
		return fmt.Sprintf("Service %s: %s: %s", name, problem, lb)
	}
	if !lb.Protected {
		return fmt.Sprintf("Service %s: %s is not protected", name, lb)
	}
	return ""
}

// balancerServes tells what is wrong with a load balancer that should bring
// these ports to these servers and hold nothing else.
func balancerServes(lb *rig.LoadBalancer, ports []corev1.ServicePort, servers []string) string {
	if lb.Status != "active" || len(lb.Listeners) != len(ports) {
		return fmt.Sprintf("%s with %d listeners for %d ports", lb.Status, len(lb.Listeners), len(ports))
	}
	used := map[string]bool{}
	for i := range ports {
		p := &ports[i]
		at := slices.IndexFunc(lb.Listeners, func(l rig.Listener) bool {
			return l.Port == int(p.Port) && strings.EqualFold(l.Protocol, string(p.Protocol))
		})
		if at < 0 {
			return fmt.Sprintf("no listener %s/%d", p.Protocol, p.Port)
		}
		l := &lb.Listeners[at]
		if l.Status != "running" {
			return fmt.Sprintf("listener %s/%d is %s", p.Protocol, p.Port, l.Status)
		}
		used[l.Group] = true
		if problem := listenerReaches(lb, l, int(p.NodePort), servers); problem != "" {
			return fmt.Sprintf("listener %s/%d: %s", p.Protocol, p.Port, problem)
		}
	}
	if !used[""] && len(lb.Backends) > 0 {
		return "the default group is left over"
	}
	for _, g := range lb.Groups {
		if !used[g.ID] {
			return "group " + g.Name + " is left over"
		}
	}
	return ""
}

func listenerReaches(lb *rig.LoadBalancer, l *rig.Listener, port int, servers []string) string {
	members := lb.Backends
	if l.Group == "" && l.BackendPort != port {
		return fmt.Sprintf("goes to port %d, not %d", l.BackendPort, port)
	}
	if l.Group != "" {
		at := slices.IndexFunc(lb.Groups, func(g struct {
			ID      string        `json:"id"`
			Name    string        `json:"name"`
			Members []rig.Backend `json:"members"`
		}) bool {
			return g.ID == l.Group
		})
		if at < 0 {
			return "its group " + l.Group + " does not exist"
		}
		members = lb.Groups[at].Members
	}
	var got []string
	for _, m := range members {
		if l.Group != "" && m.Port != port {
			return fmt.Sprintf("member %s has port %d, not %d", m.ServerID, m.Port, port)
		}
		if m.Weight <= 0 {
			return fmt.Sprintf("member %s has weight %d", m.ServerID, m.Weight)
		}
		got = append(got, m.ServerID)
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(servers))
	if !slices.Equal(got, want) {
		return fmt.Sprintf("reaches %v, not %v", got, want)
	}
	return ""
}

// serviceGone tells what is left of a deleted Service.
func (w *world) serviceGone(name string, uid types.UID) string {
	w.T.Helper()
	if lbs := w.balancersOf(uid); len(lbs) > 0 {
		return "left over: " + describe(lbs)
	}
	_, err := w.Client.CoreV1().Services(w.Namespace).Get(w.T.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	return fmt.Sprintf("Service %s is there (%v)\n%s", name, err, w.Events(name))
}

func describe(lbs []rig.LoadBalancer) string {
	lines := make([]string, 0, len(lbs))
	for i := range lbs {
		lines = append(lines, lbs[i].String()+" of "+lbs[i].Tag(tagServiceUID))
	}
	return strings.Join(lines, "\n")
}

// servers are the ids of the servers numbered first to last.
func servers(first, last int) []string {
	var ids []string
	for number := first; number <= last; number++ {
		ids = append(ids, rig.ServerID(number))
	}
	return ids
}

func condition(n *corev1.Node, kind corev1.NodeConditionType) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return ""
}

// networkSettings are the interfaces' source/destination checks by server.
func (w *world) networkSettings() map[string]bool {
	w.T.Helper()
	state, err := w.Sim.Dump()
	if err != nil {
		w.T.Fatal(err)
	}
	var ecs struct {
		Interfaces map[string]struct {
			Instance        string `json:"instance"`
			SourceDestCheck bool   `json:"sourceDestCheck"`
		} `json:"interfaces"`
	}
	if err := json.Unmarshal(state.Products[api.ECS], &ecs); err != nil {
		w.T.Fatal(err)
	}
	checks := map[string]bool{}
	for _, i := range ecs.Interfaces {
		checks[i.Instance] = checks[i.Instance] || i.SourceDestCheck
	}
	return checks
}

// nodesWhole tells what is wrong unless every Node is initialised, declared
// reachable, and has exactly one route, to its server; and no other route is left.
func (w *world) nodesWhole() string {
	w.T.Helper()
	list, err := w.Client.CoreV1().Nodes().List(w.T.Context(), metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	routes, checks := w.Routes(), w.networkSettings()
	for i := range list.Items {
		n := &list.Items[i]
		if problem := nodeWhole(n, routes, checks); problem != "" {
			return fmt.Sprintf("Node %s %s; routes %v\n%s", n.Name, problem, routes, w.Events(n.Name))
		}
	}
	if len(routes) != len(list.Items) {
		return fmt.Sprintf("%d routes for %d Nodes: %v", len(routes), len(list.Items), routes)
	}
	return ""
}

func nodeWhole(n *corev1.Node, routes []rig.Route, checks map[string]bool) string {
	if slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == cloudproviderapi.TaintExternalCloudProvider }) {
		return "is not initialised"
	}
	if status := condition(n, corev1.NodeNetworkUnavailable); status != corev1.ConditionFalse {
		return fmt.Sprintf("has NetworkUnavailable=%q", status)
	}
	return reachable(n, routes, checks)
}

// reachable tells why the Pods of a Node cannot be reached.
func reachable(n *corev1.Node, routes []rig.Route, checks map[string]bool) string {
	server := strings.TrimPrefix(n.Spec.ProviderID, "cn-hangzhou.")
	own := slices.DeleteFunc(slices.Clone(routes), func(r rig.Route) bool { return r.Destination != n.Spec.PodCIDR })
	if len(own) != 1 || own[0].NextHop != server || own[0].Status != "Available" {
		return fmt.Sprintf("with %s on %s has the routes %v", n.Spec.PodCIDR, server, own)
	}
	if checks[server] {
		return "has a server that checks sources and destinations"
	}
	return ""
}
