package tour

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// servicesGetAddresses applies the examples.
func (t *tour) servicesGetAddresses(ctx context.Context) error {
	_, start, err := cloud.Count(ctx, t.Region, t.begin)
	if err != nil {
		return err
	}
	t.Console.Say("Three Services of deploy/examples: one public port; one port number for TCP and UDP, inside the VPC " +
		"only; one that keeps client addresses. Each gets a load balancer of its own, with the servers behind it once, " +
		"whatever the number of its ports, and its address in the status when the last listener runs.")
	t.Console.Line("$ kubectl -n %s apply -f deploy/examples", namespace)
	if err := t.apply(ctx, t.Examples); err != nil {
		return err
	}
	if err := t.until(ctx, usual, "each Service has an address, and its load balancer is as it says", balanced); err != nil {
		return err
	}
	if err := t.showServices(ctx); err != nil {
		return err
	}
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	return t.compare(ctx, start, created(w))
}

func (t *tour) apply(ctx context.Context, path string) error {
	command := exec.CommandContext(ctx, t.Kubectl, "--kubeconfig="+t.Kubeconfig, "-n", namespace, "apply", "-f", path)
	out, err := command.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		t.Console.Line("  %s", strings.TrimRight(line, "\n"))
	}
	if err != nil {
		return fmt.Errorf("kubectl apply -f %s: %w", filepath.Base(path), err)
	}
	return nil
}

// showServices prints Services, and the listeners of their load balancers.
func (t *tour) showServices(ctx context.Context) error {
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	var services, listeners [][]string
	for i := range w.services {
		s := &w.services[i]
		row := []string{s.Name, string(s.Spec.Type), string(s.Spec.ExternalTrafficPolicy), "", "", ""}
		if lb, found := w.loadBalancer(s); found {
			row = []string{s.Name, string(s.Spec.Type), string(s.Spec.ExternalTrafficPolicy), lb.Address, lb.AddressType, lb.ID}
			listeners = append(listeners, listenerRows(s.Name, lb)...)
		}
		services = append(services, row)
	}
	t.Console.Table([]string{"SERVICE", "TYPE", "POLICY", "ADDRESS", "REACHED FROM", "LOAD BALANCER"}, services)
	t.Console.Line("")
	t.Console.Table([]string{"SERVICE", "LISTENER", "STATUS", "NODE PORT", "BACKENDS"}, listeners)
	return nil
}

func listenerRows(service string, lb cloud.LoadBalancer) [][]string {
	rows := make([][]string, 0, len(lb.Listeners))
	for _, l := range lb.Listeners {
		servers := lb.Servers(l)
		group := "default group"
		if l.GroupID != "" {
			group = "vServer group"
		}
		who := strings.Join(servers, " ")
		if len(servers) > 5 {
			who = fmt.Sprintf("%s ... %s (%d)", servers[0], servers[len(servers)-1], len(servers))
		}
		rows = append(rows, []string{service, l.String(), l.Status, strconv.Itoa(lb.TargetPort(l)), who + " in the " + group})
	}
	return rows
}

// serviceTag is the tag by which the controller knows its load balancers.
const serviceTag = "kube-aliyun.io/service-uid"

// loadBalancer finds the load balancer of a Service by its tag.
func (w world) loadBalancer(s *corev1.Service) (cloud.LoadBalancer, bool) {
	i := slices.IndexFunc(w.LoadBalancers, func(lb cloud.LoadBalancer) bool { return lb.Tag(serviceTag) == string(s.UID) })
	if i < 0 {
		return cloud.LoadBalancer{}, false
	}
	return w.LoadBalancers[i], true
}

// balanced says which Service lacks what, and which load balancer a Service.
func balanced(w world) string {
	wanted := 0
	for i := range w.services {
		s := &w.services[i]
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		wanted++
		if missing := w.serviceMissing(s); missing != "" {
			return fmt.Sprintf("Service %s: %s", s.Name, missing)
		}
	}
	if have := len(w.LoadBalancers); have != wanted {
		return fmt.Sprintf("the region has %d load balancers, not %d", have, wanted)
	}
	return ""
}

func (w world) serviceMissing(s *corev1.Service) string {
	lb, found := w.loadBalancer(s)
	if !found {
		return "it has no load balancer"
	}
	if lb.Status != "active" {
		return fmt.Sprintf("load balancer %s is %s", lb.ID, lb.Status)
	}
	if have, want := len(lb.Listeners), len(s.Spec.Ports); have != want {
		return fmt.Sprintf("load balancer %s has %d listeners, not %d", lb.ID, have, want)
	}
	for _, port := range s.Spec.Ports {
		if missing := w.portMissing(lb, port); missing != "" {
			return fmt.Sprintf("load balancer %s: %s", lb.ID, missing)
		}
	}
	if ingress := s.Status.LoadBalancer.Ingress; len(ingress) != 1 || ingress[0].IP != lb.Address {
		return "its status does not hold the address " + lb.Address
	}
	return ""
}

func (w world) portMissing(lb cloud.LoadBalancer, port corev1.ServicePort) string {
	for _, l := range lb.Listeners {
		if l.Port != int(port.Port) || !strings.EqualFold(l.Protocol, string(port.Protocol)) {
			continue
		}
		if l.Status != "running" {
			return fmt.Sprintf("listener %s is %s", l, l.Status)
		}
		if to := lb.TargetPort(l); to != int(port.NodePort) {
			return fmt.Sprintf("listener %s leads to port %d, not %d", l, to, port.NodePort)
		}
		if have, want := lb.Servers(l), w.eligible(); !slices.Equal(have, want) {
			return fmt.Sprintf("behind listener %s are %v, not %v", l, have, want)
		}
		return ""
	}
	return fmt.Sprintf("there is no listener %s/%d", strings.ToLower(string(port.Protocol)), port.Port)
}

// eligible are the ids of the servers that belong behind every load balancer, as
// far as their number is below the subset's size.
func (w world) eligible() []string {
	var ids []string
	for _, s := range w.Servers {
		node := w.node(s.ID)
		if node == nil || hasTaint(node, leavingTaint) {
			continue
		}
		if _, excluded := node.Labels[corev1.LabelNodeExcludeBalancers]; !excluded {
			ids = append(ids, s.ID)
		}
	}
	return cloud.SortNames(ids)
}
