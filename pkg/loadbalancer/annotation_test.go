package loadbalancer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// annotated is one row of the table: what an annotation does to a load balancer
// that is made with it, and to a living one.
type annotated struct {
	key annotation.Key
	// also are annotations beside it.
	also map[annotation.Key]string
	// change is done to the Service before.
	change func(*corev1.Service)
	// values are two right values, wrong is one that is refused.
	values [2]string
	wrong  string
	// see reads what the annotation is about; shown is what it is with each value,
	// standard without the annotation.
	see      func(seen) string
	shown    [2]string
	standard string
	// changed are the writes that make the second value of the first, removed
	// those that restore the default.
	changed, removed []string
	// fixed settings cannot be changed on a living load balancer.
	fixed bool
	// needed settings cannot be removed.
	needed bool
	// oneWay settings cannot be brought back before the next day.
	oneWay bool
}

// seen is a load balancer and what its Service shows.
type seen struct {
	*plan.Actual
	ingress corev1.LoadBalancerIngress
}

// desk keeps Services without a service controller: Ensure returns when its work
// is done.
type desk struct {
	*rig
	controller *controller
	services   cache.Indexer
	// statuses are what the Services show, by name.
	statuses map[string]corev1.LoadBalancerStatus
	last     int
}

func newDesk(t *testing.T, seed string) *desk {
	t.Helper()
	return deskOf(newRigIn(t, "instant", aliyunsim.SmallRegion(3)+seed, 3))
}

// deskOf is a desk in a region of one's own.
func deskOf(r *rig) *desk {
	r.t.Helper()
	x := &desk{
		rig: r, statuses: map[string]corev1.LoadBalancerStatus{},
		services: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}),
	}
	x.controller = x.start(x.lists).surveyed()
	return x
}

// lists gives a controller the desk's Services.
func (x *desk) lists(o *Options) { o.Services = corelisters.NewServiceLister(x.services) }

// service is a new Service as a row begins with.
func (x *desk) service(row annotated) *corev1.Service {
	x.last++
	s := newService(x.last)
	for key, value := range row.also {
		annotate(s, key, value)
	}
	if row.change != nil {
		row.change(s)
	}
	return s
}

func annotate(s *corev1.Service, key annotation.Key, value string) {
	entry, _ := annotation.Lookup(key)
	s.Annotations[entry.Keys()[0]] = value
}

// ensure gives the Service to the controller and returns its writes.
func (x *desk) ensure(s *corev1.Service) ([]string, error) {
	x.t.Helper()
	s = s.DeepCopy() // the controller keeps it
	s.Status.LoadBalancer = x.statuses[s.Name]
	if err := x.services.Update(s); err != nil {
		x.t.Fatal(err)
	}
	x.sim.ResetCounters()
	status, err := x.controller.EnsureLoadBalancer(x.t.Context(), "", s, nil)
	if status != nil {
		x.statuses[s.Name] = *status
	}
	return x.writes(), err
}

// writes are the calls that change something, with what they change; of
// creations the name alone.
func (x *desk) writes() []string {
	out := []string{}
	for _, e := range x.sim.Journal() {
		if !e.Mutating {
			continue
		}
		var params []string
		for name, value := range e.Params {
			if !slices.Contains([]string{"LoadBalancerId", "ListenerPort", "ResourceType", "ResourceId.1", "ClientToken"}, name) && !strings.HasPrefix(e.Action, "Create") {
				params = append(params, name+"="+value)
			}
		}
		slices.Sort(params)
		out = append(out, strings.Join(append([]string{e.Action}, params...), " "))
	}
	return out
}

// look returns what is to be seen of a Service.
func (x *desk) look(row annotated, s *corev1.Service) string {
	x.t.Helper()
	now := seen{Actual: x.only(s)}
	if shown := x.statuses[s.Name].Ingress; len(shown) == 1 {
		now.ingress = shown[0]
	}
	return row.see(now)
}

// expect gives a Service to the controller, and compares what it writes and what
// is to be seen then.
func (x *desk) expect(what string, row annotated, s *corev1.Service, writes []string, shown string) {
	x.t.Helper()
	got, err := x.ensure(s)
	if err != nil {
		x.t.Errorf("%s: %v; events %q", what, err, x.events)
		return
	}
	if diff := cmp.Diff(writes, got); writes != nil && diff != "" {
		x.t.Errorf("%s: writes (-want +got):\n%s", what, diff)
	}
	if now := x.look(row, s); now != shown {
		x.t.Errorf("%s: %q is seen, want %q", what, now, shown)
	}
	if again, err := x.ensure(s); err != nil || len(again) > 0 {
		x.t.Errorf("%s: a second pass is not empty: %q, %v", what, again, err)
	}
}

// forgetEvents makes the next events news.
func (x *desk) forgetEvents() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.events = nil
}

// refuses gives a Service to the controller that cannot be served as it is.
func (x *desk) refuses(what string, row annotated, s *corev1.Service, reason *event.Reason) {
	x.t.Helper()
	x.forgetEvents()
	writes, err := x.ensure(s)
	told := x.recorded(reason)
	if !errors.Is(err, cloudprovider.ImplementedElsewhere) || len(writes) > 0 {
		x.t.Errorf("%s: writes %q, error %v", what, writes, err)
	}
	if len(told) != 1 || !strings.Contains(told[0], string(row.key)) {
		x.t.Errorf("%s: told %q", what, told)
	}
}

// run tries one row: set at creation, changed, removed, set on a living load
// balancer, and wrong in both places.
func (x *desk) run(row annotated) {
	x.t.Helper()
	s := x.service(row)
	annotate(s, row.key, row.values[0])
	x.expect("made with it", row, s, nil, row.shown[0])
	wrong := s.DeepCopy()
	annotate(wrong, row.key, row.wrong)
	x.refuses("wrong on a living one", row, wrong, event.LoadBalancerRefused)
	if now := x.look(row, s); now != row.shown[0] {
		x.t.Errorf("a wrong value changes what is seen to %q", now)
	}
	annotate(s, row.key, row.values[1])
	if row.fixed {
		x.refuses("changed on a living one", row, s, event.LoadBalancerUnchangeable)
		if now := x.look(row, s); now != row.shown[0] {
			x.t.Errorf("what cannot change is seen as %q", now)
		}
	} else {
		x.expect("changed", row, s, row.changed, row.shown[1])
	}
	x.removal(row, s)
	s = x.service(row)
	annotate(s, row.key, row.wrong)
	x.refuses("made with a wrong value", row, s, event.LoadBalancerRefused)
	if lbs := x.all(s); len(lbs) > 0 {
		x.t.Errorf("a refused Service has load balancers: %v", lbs)
	}
}

// removal takes the annotation away, and brings it back.
func (x *desk) removal(row annotated, s *corev1.Service) {
	x.t.Helper()
	entry, _ := annotation.Lookup(row.key)
	delete(s.Annotations, entry.Keys()[0])
	switch {
	case row.needed:
		x.refuses("removed", row, s, event.LoadBalancerRefused)
		return
	case row.fixed:
		// The instance stays as it was made.
		x.expect("removed", row, s, []string{}, row.shown[0])
		return
	}
	x.expect("removed", row, s, row.removed, row.standard)
	if row.oneWay {
		return
	}
	annotate(s, row.key, row.values[0])
	x.expect("set on a living one", row, s, nil, row.shown[0])
}

func TestEveryAnnotationSetChangedRemovedAndWrong(t *testing.T) {
	rows := slices.Concat(instanceRows(), chargeRows(), listenerRows(), webRows(), healthCheckRows(), webHealthCheckRows())
	for _, row := range rows {
		t.Run(string(row.key), func(t *testing.T) {
			t.Parallel()
			newDesk(t, tableSeed).run(row)
		})
	}
	t.Run("none is missing", func(t *testing.T) {
		for _, e := range annotation.Registry() {
			inTable := slices.ContainsFunc(rows, func(row annotated) bool { return row.key == e.Key })
			if !inTable && !slices.Contains(elsewhere, e.Key) {
				t.Errorf("annotation %s is in no row", e.Key)
			}
		}
	})
}

// elsewhere are the annotations that concern more than one load balancer of one
// Service, or other objects: they have tests of their own.
var elsewhere = []annotation.Key{
	annotation.ID, annotation.ForceOverrideListeners, annotation.PreserveOnDelete, annotation.VGroupPort, annotation.Weight,
	annotation.IPVersion, annotation.ExternalIPType, annotation.ACLStatus, annotation.ACLType, annotation.ACLID, annotation.DomainExtensions,
	annotation.BackendType, annotation.BackendLabel, annotation.BackendIPVersion, annotation.RemoveUnscheduledBackend,
	annotation.DefaultWeight, annotation.IgnoreWeightUpdate, annotation.NetworkType, annotation.Class, annotation.WeightByPods,
}

// tableSeed are certificates that Services may name.
var tableSeed = func() string {
	var b strings.Builder
	b.WriteString("certificates:\n")
	for n := range 3 {
		fmt.Fprintf(&b, "- {id: cert-%d, name: test-%[1]d}\n", n+1)
	}
	return b.String()
}()
