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
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/apply"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/queue"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// maxRounds is how often one pass reads again and plans again because an answer
// contradicted what was believed.
const maxRounds = 4

// round is one turn of reading, building, planning and applying.
type round struct {
	service *corev1.Service
	batch   queue.Batch
	// read is when the load balancer was read or created in this pass.
	read time.Time
	// touched are the listeners that were started or changed in this pass.
	touched map[slb.ListenerKey]bool
	changed bool
	// created: the load balancer was created in this pass.
	created bool
	// steps are those that were carried out.
	steps []plan.Step
	// refused is why the Service cannot be meant; its backends are kept right.
	refused error
}

// reconcile makes one load balancer of a Service what it should be, and returns
// its part of the Service's status once all its listeners run.
func (b *Balancers) reconcile(ctx context.Context, st *state, service *corev1.Service, batch queue.Batch) (string, *corev1.LoadBalancerIngress, error) {
	r := &round{service: service, batch: batch, touched: map[slb.ListenerKey]bool{}}
	if err := b.observed(ctx, st, r); err != nil {
		return resultFailed, nil, err
	}
	var w build.Wanted
	var p plan.Plan
	for n, again := 1, true; again && n <= maxRounds; n++ {
		var err error
		again, err = b.round(ctx, st, r, &w, &p)
		if err != nil && (!again || n == maxRounds || ctx.Err() != nil) {
			st.verified = time.Time{}
			return resultFailed, nil, err
		}
	}
	if st.actual == nil {
		return resultUnchanged, nil, r.refused
	}
	if err := b.verify(ctx, st, r, w); err != nil {
		st.verified = time.Time{}
		return resultFailed, nil, err
	}
	b.tell(st, w, p, r)
	result := resultUnchanged
	if r.changed {
		result = resultChanged
	}
	if r.refused != nil {
		return result, nil, r.refused
	}
	address, err := b.shownAddress(ctx, st, r, w)
	if err != nil {
		return resultFailed, nil, err
	}
	ingress := ingressOf(service, address, w.Hostname, w.IPMode)
	if len(p.Problems) > 0 {
		if len(p.Blocked) == 0 || w.Adoption != nil {
			// The address of somebody else's load balancer is not shown before all is
			// right: nodes would capture the traffic to its other listeners.
			ingress = nil
		}
		return result, block(ingress, p.Blocked), &unchangeableError{problems: p.Problems}
	}
	return result, ingress, nil
}

// observed takes over what an audit has read, unless the process has written
// since, and notes what it shows to be changed by others.
func (b *Balancers) observed(ctx context.Context, st *state, r *round) error {
	if b.memory.takeStray(st.key()) {
		st.ambiguous = true
	}
	o, found := b.memory.takeSeen(st.key())
	if !found || o.ID != st.id() || !o.Start.After(st.written) {
		return nil
	}
	before, remembered := st.actual, st.remembered()
	if o.Actual != nil && before != nil && !before.GroupsUnknown && o.Actual.GroupsUnknown {
		o.Actual.Groups, o.Actual.GroupsUnknown = before.Groups, false
	}
	if err := b.accept(st, o.ID, o); err != nil {
		return err
	}
	if err := b.sharedACL(ctx, st, r.service); err != nil {
		st.verified = time.Time{}
		return err
	}
	if st.actual == nil {
		b.options.Events.Event(r.service, event.LoadBalancerVanished, "load balancer %s (%s) does not exist any more; it was deleted by hand", o.ID, before.Instance.Address)
		return nil
	}
	if remembered {
		b.compare(st, r, before)
	}
	klog.FromContext(ctx).V(4).Info("Audited load balancer", "service", klog.KObj(r.service), "loadBalancer", o.ID, "drift", st.drift)
	return nil
}

// compare notes what a reading shows to be changed by others: what the Service
// needs now, and did not need as long as before was believed.
func (b *Balancers) compare(st *state, r *round, before *plan.Actual) {
	w, _ := b.build(st, r.service)
	if !plan.Make(w, before).Empty() {
		return
	}
	for _, s := range plan.Make(w, st.actual).Steps {
		st.drift = append(st.drift, s.String())
	}
}

// impossible reports whether the Service cannot be meant.
func (r *round) impossible() bool { return r.refused != nil }

// wish enters what the Service asks for in w; of one that cannot be meant, the
// reason in the round and the backends alone in w.
func (b *Balancers) wish(ctx context.Context, st *state, r *round, w *build.Wanted) error {
	var err error
	*w, err = b.build(st, r.service)
	if err == nil && b.config.ToPods(r.service) && !st.pods.known {
		return errPodsUnknown // they must not be taken for gone
	}
	if err == nil {
		if err = b.mayName(ctx, *w); refused(err) {
			*w = w.OnlyBackends()
		}
	}
	r.refused = nil
	if refused(err) {
		r.refused, err = err, nil
	}
	return err
}

// round reads what is not known, plans, and carries the plan out. It asks for
// another round when an answer showed that the load balancer is not as believed.
func (b *Balancers) round(ctx context.Context, st *state, r *round, w *build.Wanted, p *plan.Plan) (again bool, err error) {
	if st.actual == nil {
		if err := b.wish(ctx, st, r, w); err != nil || r.refused != nil {
			return false, err // before the first call
		}
	}
	if st.lacking != nil && st.actual == nil && !st.ambiguous && (w.Pointless != "" || !mayCreate(st, r.service, r.batch)) {
		return false, st.lacking
	}
	if !b.trusted(st) {
		vanished, before, remembered := st.id(), st.actual, st.remembered()
		if err := b.find(ctx, st, r.service); err != nil {
			return false, err
		}
		if st.actual == nil && vanished != "" {
			b.options.Events.Event(r.service, event.LoadBalancerVanished, "load balancer %s does not exist any more; it was deleted by hand", vanished)
		}
		if remembered && st.id() == vanished {
			b.compare(st, r, before)
		}
		r.read = b.options.Clock.Now()
	}
	if err := b.wish(ctx, st, r, w); err != nil {
		return false, err
	}
	if st.actual == nil {
		if r.impossible() || !mayCreate(st, r.service, r.batch) {
			return false, nil
		}
		if w.Pointless != "" {
			return false, st.lack("%s", w.Pointless)
		}
		if err := b.create(ctx, st, r.service, *w); err != nil {
			if w.Optional && lasting(err) {
				return false, st.lack("%v", err)
			}
			return false, err
		}
		r.read, r.changed, r.created = b.options.Clock.Now(), true, true
		return true, nil
	}
	now := b.options.Clock.Now()
	*p = plan.Make(*w, st.actual)
	if p.NeedGroups {
		if err := b.readGroups(ctx, st); err != nil {
			return false, err
		}
		*p = plan.Make(*w, st.actual)
	}
	p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool { return now.Sub(st.billing[s.String()]) < billingDelay })
	if p.Empty() {
		return false, nil
	}
	if slices.ContainsFunc(p.Steps, plan.Step.Destructive) && now.Sub(r.read) > freshness {
		st.verified = time.Time{}
		return true, nil
	}
	return b.carryOut(ctx, st, r, *p)
}

// readGroups reads the vServer groups of a load balancer, which calls may not know
// yet when it has just been created.
func (b *Balancers) readGroups(ctx context.Context, st *state) error {
	err := audit.ReadGroups(ctx, b.options.Cloud, st.actual)
	if errors.Is(err, apierror.ErrNotFound) && !st.born.IsZero() && b.executor.Visible(ctx, st.id(), st.born) {
		err = audit.ReadGroups(ctx, b.options.Cloud, st.actual)
	}
	return err
}

// carryOut applies a plan and draws the conclusions.
func (b *Balancers) carryOut(ctx context.Context, st *state, r *round, p plan.Plan) (again bool, err error) {
	klog.FromContext(ctx).V(2).Info("Changing load balancer", "service", klog.KObj(r.service), "loadBalancer", st.id(), "plan", p.String())
	out := b.executor.Run(ctx, p.Steps, apply.Target{Actual: st.actual, Born: st.born, Fresh: !r.read.IsZero()})
	now := b.options.Clock.Now()
	st.written = now
	for _, key := range out.Touched {
		r.touched[key] = true
	}
	for _, s := range p.Steps {
		if s.Billing() {
			st.billing[s.String()] = now
		}
	}
	if out.Done > 0 {
		r.changed = true
		st.verified, st.changed, st.change = now, now, p.String()
	}
	if out.Gone {
		st.forget(true)
	}
	if len(out.Rejected) > 0 {
		b.rejected(r.service, st, out.Rejected)
		again = true
	}
	err = out.Err()
	if err == nil {
		r.steps = append(r.steps, p.Steps...)
		return again, nil
	}
	st.verified, st.searched = time.Time{}, false
	r.read = time.Time{}
	b.refusedReference(ctx, err)
	return (out.Gone || out.Doubtful) && !apierror.IsRetryable(err), err
}

// billingDelay is how long the API takes at most to show a change of what is
// paid: it takes effect at the next day's beginning.
const billingDelay = 26 * time.Hour

// rejected remembers and tells of servers that the API refuses.
func (b *Balancers) rejected(service *corev1.Service, st *state, servers map[string]error) {
	b.queue.AddAfter(st.uid, reasonRejected, b.memory.reject(st.role, servers, b.options.Clock.Now()))
	reasons := map[string][]string{}
	for server, err := range servers {
		reasons[err.Error()] = append(reasons[err.Error()], server)
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		slices.Sort(reasons[reason])
		b.options.Events.Event(service, event.LoadBalancerBackendRejected, "load balancer %s works without %s, which the API refuses as backends: %s",
			st.id(), strings.Join(reasons[reason], ", "), reason)
	}
}

// build returns what is wanted; of a Service that cannot be meant, the backends
// alone, beside the error.
func (b *Balancers) build(st *state, service *corev1.Service) (build.Wanted, error) {
	servers, err := b.servers()
	if err != nil {
		return build.Wanted{}, err
	}
	endpoints, err := b.endpoints(service)
	if err != nil {
		return build.Wanted{}, err
	}
	in := build.Input{
		Service: service, Servers: servers, Endpoints: endpoints,
		Role: st.role, Full: b.memory.full(st.role, b.options.Settings.AttachmentsPerServer, b.options.Clock.Now()),
	}
	in.Members, in.Has, in.Adopted = st.members(), st.id(), st.adopted
	in.Beside = slices.ContainsFunc(roles, func(role ownership.Role) bool { return role != st.role && st.may(role) })
	if st.role == ownership.RoleLoadBalancer {
		in.Pods, in.PodsKnown = st.pods.list, st.pods.known
	}
	in.TakenOver = st.actual != nil && st.actual.Instance.Tags[ownership.TagTakenOver] != ""
	if st.adopts(service) {
		if in.Living, err = b.living(); err != nil {
			return build.Wanted{}, err
		}
	}
	w, err := build.Build(b.config, in)
	if err == nil {
		err = b.others(in)
	}
	if err != nil {
		return build.OnlyBackends(b.config, in), fmt.Errorf("read the Service's wish: %w", err)
	}
	return w, nil
}

// others reports why another load balancer of the same Service cannot be meant:
// nothing is done for one before all can be.
func (b *Balancers) others(in build.Input) error {
	for _, role := range build.Roles(in.Service) {
		if role == in.Role {
			continue
		}
		in.Role, in.Members = role, nil
		if _, err := build.Build(b.config, in); err != nil {
			return fmt.Errorf("the load balancer of the other address family: %w", err)
		}
	}
	return nil
}

func refused(err error) bool {
	_, ok := errors.AsType[*build.RefusedError](err)
	return ok
}

// startTimeout bounds how long a pass waits for listeners.
const startTimeout = time.Minute

// verify waits until the listeners that were touched, and those that were not
// running before, run: no status is reported earlier.
func (b *Balancers) verify(ctx context.Context, st *state, r *round, w build.Wanted) error {
	var keys []slb.ListenerKey
	for i := range st.actual.Listeners {
		l := &st.actual.Listeners[i]
		wanted := slices.ContainsFunc(w.Listeners, func(x build.Listener) bool { return x.ListenerKey == l.ListenerKey })
		if w.Adoption != nil && !build.OwnListener(l.Attributes[slb.Description], w.ClusterID, w.UID) {
			continue // somebody else's, and his to start
		}
		if wanted && (r.touched[l.ListenerKey] || l.Status != slb.ListenerRunning) {
			keys = append(keys, l.ListenerKey)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	start := b.options.Clock.Now()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	listeners, err := b.poller.Wait(ctx, st.id(), keys)
	if err != nil {
		return err
	}
	st.actual.Listeners = listeners
	st.verified = start
	return nil
}
