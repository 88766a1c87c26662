package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
)

// An endpoint becomes a backend only if its targetRef is a Pod of the Service's
// namespace with that address, not in the host's network, on a Node of ours whose
// server has the interface with the address: whoever may write EndpointSlices
// must not lead traffic to what is not his.

// pods is what is known of the endpoints of a Service whose backends are Pods.
type pods struct {
	// known: they have been read in this life.
	known bool
	// list are those that may be backends, as of the last pass.
	list []build.Pod
	// facts are what is known of the Pods behind the endpoints.
	facts map[podKey]*fact
	// waiting are the Pods whose readiness gate for the Service is closed.
	waiting []waiting
}

// fact is what a look at a Pod and its interface gave.
type fact struct {
	// at is when the Pod was read.
	at   time.Time
	node string
	// server and inter are the server and the interface that have the address.
	server, inter string
	// problem says why the endpoint cannot be a backend; it is looked at again after
	// a pause, at until.
	problem string
	until   time.Time
	pause   time.Duration
	gate    gate
}

// errPodsUnknown says that nobody has looked at a Service's Pods yet.
var errPodsUnknown = errors.New("the Service's Pods have not been looked at")

// The pauses before an endpoint that cannot be a backend is looked at again; they
// double. A new address may be missing from the API's listings at first.
const (
	firstEndpointPause = 5 * time.Second
	mostEndpointPause  = 5 * time.Minute
)

// lookAtPods is readPods, but for a Service without a load balancer that is
// refused anyhow: it costs no call.
func (b *Balancers) lookAtPods(ctx context.Context, o *owner, service *corev1.Service) error {
	if b.config.ToPods(service) && !o.exists() {
		if _, err := b.build(o.state(build.Roles(service)[0]), service); refused(err) {
			return nil
		}
	}
	return b.readPods(ctx, o, service)
}

// readPods brings what is known of the Service's Pods up to date: it reads those
// that are new, those that wait for their readiness gate, and after an audit
// period all.
func (b *Balancers) readPods(ctx context.Context, o *owner, service *corev1.Service) error {
	if !b.config.ToPods(service) && !sendsToPods(o) {
		o.pods = pods{}
		return nil
	}
	hosts, err := b.hosts()
	if err != nil {
		return err
	}
	endpoints, problems, err := b.podEndpoints(service)
	if err != nil {
		return err
	}
	now := b.options.Clock.Now()
	facts := make(map[podKey]*fact, len(endpoints))
	var unread []*endpoint
	for _, e := range endpoints {
		facts[e.podKey] = o.pods.facts[e.podKey]
		if b.mustRead(facts[e.podKey], e, now) {
			unread = append(unread, e)
		}
	}
	living, err := b.livePods(ctx, service, unread)
	if err != nil {
		return err
	}
	var homeless []*endpoint
	for _, e := range unread {
		f := judged(e, living[e.pod], facts[e.podKey], service.Name)
		f.at, facts[e.podKey] = now, f
		if f.problem == "" && f.inter == "" {
			homeless = append(homeless, e)
		}
	}
	if err := b.findInterfaces(ctx, homeless, facts); err != nil {
		return err
	}
	o.pods = pods{known: true, facts: facts}
	nodes := map[string]host{}
	for _, h := range hosts {
		nodes[h.node.Name] = h
	}
	for _, e := range endpoints {
		f := facts[e.podKey]
		why := f.problem
		if why == "" {
			why = foreign(f, nodes)
		}
		if why != "" {
			problems[why] = append(problems[why], e.address)
			f.gate.useless = why
			b.again(o, f, now)
			continue
		}
		f.pause, f.gate.useless = 0, ""
		o.pods.list = append(o.pods.list, podBehind(e, f, nodes[f.node])...)
	}
	o.pods.waiting = waitingPods(endpoints, facts)
	b.refusedPods(o, now)
	b.tellRejected(service, problems)
	return nil
}

// mustRead reports whether the Pod of an endpoint has to be read.
func (b *Balancers) mustRead(f *fact, e *endpoint, now time.Time) bool {
	switch {
	case f == nil || e.uid == "" || now.Sub(f.at) > b.options.Settings.AuditPeriod:
		return true
	case f.problem != "":
		return !now.Before(f.until)
	default:
		return f.gate.exists && !e.ready && !e.terminating
	}
}

// again has an endpoint that cannot be a backend looked at later.
func (b *Balancers) again(o *owner, f *fact, now time.Time) {
	if !now.Before(f.until) {
		f.pause = min(max(2*f.pause, firstEndpointPause), mostEndpointPause)
		f.until = now.Add(f.pause)
	}
	b.queue.AddAfter(o.uid, reasonEndpoints, f.until.Sub(now))
}

// judged says what a Pod that was just read means for its endpoint; nil: there is
// no such Pod. What an earlier look found out about the interface goes on to hold.
func judged(e *endpoint, pod *corev1.Pod, before *fact, service string) *fact {
	f := &fact{}
	if before != nil {
		f.pause, f.until, f.gate.since = before.pause, before.until, before.gate.since
	}
	if pod != nil && (e.uid == "" || pod.UID == e.uid) {
		f.gate.see(pod, service)
	}
	switch {
	case pod == nil:
		f.problem = fmt.Sprintf("Pod %s does not exist", e.pod)
	case e.uid != "" && pod.UID != e.uid:
		f.problem = fmt.Sprintf("Pod %s is another one than the EndpointSlice means", e.pod)
	case pod.Spec.HostNetwork:
		f.problem = fmt.Sprintf("Pod %s uses its Node's network", e.pod)
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		f.problem = fmt.Sprintf("Pod %s has ended", e.pod)
	case !slices.ContainsFunc(pod.Status.PodIPs, func(ip corev1.PodIP) bool { return ip.IP == e.address }) && pod.Status.PodIP != e.address:
		f.problem = fmt.Sprintf("Pod %s does not have that address", e.pod)
	default:
		f.node = pod.Spec.NodeName
		if before != nil && before.problem == "" && e.uid != "" {
			f.server, f.inter = before.server, before.inter
		}
	}
	return f
}

// findInterfaces finds the interfaces that have the endpoints' addresses, a call
// for a hundred of them.
func (b *Balancers) findInterfaces(ctx context.Context, endpoints []*endpoint, facts map[podKey]*fact) error {
	if len(endpoints) == 0 {
		return nil
	}
	filter := ecs.InterfaceFilter{VPCID: b.options.Location.VPCID}
	for _, e := range endpoints {
		filter.PrivateIPs = append(filter.PrivateIPs, e.address)
	}
	found, err := b.options.Interfaces.Interfaces(ctx, filter)
	if err != nil {
		return fmt.Errorf("find the interfaces of Pods: %w", err)
	}
	of := map[string]*ecs.Interface{}
	for i := range found {
		for _, address := range found[i].PrivateIPs {
			of[address] = &found[i]
		}
	}
	for _, e := range endpoints {
		if nic := of[e.address]; nic != nil {
			facts[e.podKey].server, facts[e.podKey].inter = nic.ServerID, nic.ID
			continue
		}
		facts[e.podKey].problem = "no network interface of the VPC has that address: Pods as backends need a network plugin that gives them addresses of interfaces"
	}
	return nil
}

// foreign says why a Pod's Node is not one of ours, or not the one whose interface
// has the address; empty when it is.
func foreign(f *fact, nodes map[string]host) string {
	h, ours := nodes[f.node]
	switch {
	case !ours:
		return fmt.Sprintf("Node %q of the Pod is no server of this cluster", f.node)
	case h.server != f.server:
		return fmt.Sprintf("the address belongs to interface %s of server %q, but Node %s is server %s", f.inter, f.server, f.node, h.server)
	}
	return ""
}

// podBehind returns the Pod of an endpoint that may be a backend; none where its
// Node is kept out of load balancers, or is empty and about to go.
func podBehind(e *endpoint, f *fact, h host) []build.Pod {
	if excluded(h.node) || h.drained {
		return nil
	}
	return []build.Pod{{
		Interface: f.inter, Address: e.address, Zone: h.node.Labels[corev1.LabelTopologyZone], Ports: e.ports,
		Ready: e.ready || !e.terminating && f.gate.registers(), Terminating: e.terminating, Leaving: h.leaving,
	}}
}

// refusedPods has Pods that the API refused tried again when their pauses are over:
// the queue keeps the earliest moment only, and other passes come before it.
func (b *Balancers) refusedPods(o *owner, now time.Time) {
	for i := range o.pods.list {
		if until := b.memory.refusedUntil(o.pods.list[i].Name(), now); !until.IsZero() {
			b.queue.AddAfter(o.uid, reasonRejected, until.Sub(now))
		}
	}
}

// tellRejected tells which endpoints are no backends, and why.
func (b *Balancers) tellRejected(service *corev1.Service, problems map[string][]string) {
	const most = 10
	for _, why := range slices.Sorted(maps.Keys(problems)) {
		addresses := problems[why]
		slices.Sort(addresses)
		text := strings.Join(addresses[:min(len(addresses), most)], ", ")
		if more := len(addresses) - most; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		b.options.Events.Event(service, event.LoadBalancerEndpointRejected, "no traffic is sent to %s: %s", text, why)
	}
}

// host returns the server that a backend is on, or "" when it is not known.
func (p pods) host(member slb.Backend) string {
	if member.Type != slb.TypeInterface {
		return member.ServerID
	}
	for _, f := range p.facts {
		if f.inter == member.ServerID {
			return f.server
		}
	}
	return ""
}

// sendsToPods reports whether a load balancer of the Service has Pods as backends.
func sendsToPods(o *owner) bool {
	for _, st := range o.states {
		if slices.ContainsFunc(st.members(), func(m slb.Backend) bool { return m.Type == slb.TypeInterface }) {
			return true
		}
	}
	return false
}

// podMembers returns the Pods behind a load balancer's listeners, each once.
func podMembers(a *plan.Actual) []slb.Backend {
	used := map[string]bool{}
	for i := range a.Listeners {
		used[a.Listeners[i].GroupID] = true
	}
	var out []slb.Backend
	seen := map[string]bool{}
	for i := range a.Groups {
		for _, m := range a.Groups[i].Backends {
			if used[a.Groups[i].ID] && m.Type == slb.TypeInterface && !seen[m.Name()] {
				seen[m.Name()] = true
				out = append(out, m)
			}
		}
	}
	return out
}
