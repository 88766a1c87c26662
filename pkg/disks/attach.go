package disks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

const (
	// freshAge is how old a reading may be that a write rests on.
	freshAge = 5 * time.Second
	// settleAge is how long an accepted attach may go unmentioned before it counts
	// as lost: ECS accepts attaches of disks that are still being detached, and
	// loses them.
	settleAge = 10 * time.Second
	// firstPause and mostPause bound the pauses after an answer that asks for
	// patience.
	firstPause = time.Second
	mostPause  = 5 * time.Second
)

// Attach brings the disk of a volume to the server of a Node and returns the
// path that names it there. It ends with ctx at the latest; whatever was begun by
// then is found and gone on with by the next call.
func (v *Volumes) Attach(ctx context.Context, req wire.Request) (device string, err error) {
	defer v.measure("attach", &err)()
	to, err := v.target(ctx, req.Node)
	if err != nil {
		return "", err
	}
	vol, err := v.named(ctx, req)
	if err != nil {
		return "", err
	}
	done, err := v.turns.acquire(ctx, vol.disk, false)
	if err != nil {
		return "", err
	}
	defer done()
	defer v.describer.watch(vol.disk)()
	a := &attaching{v: v, vol: &vol, to: to, after: v.clock.Now().Add(-freshAge)}
	defer a.leave()
	if err := a.run(ctx); err != nil {
		return "", err
	}
	return wire.DevicePath(vol.disk, a.disk.Serial), nil
}

// measure times an operation and counts its outcome.
func (v *Volumes) measure(operation string, err *error) func() {
	start := v.clock.Now()
	return func() {
		result := "ok"
		if *err != nil {
			result = "error"
		}
		metric.DiskOperations.WithLabelValues(operation, result).Inc()
		metric.DiskOperationSeconds.WithLabelValues(operation).Observe(v.clock.Since(start).Seconds())
	}
}

// attaching is one attach on its way.
type attaching struct {
	v   *Volumes
	vol *volume
	to  target
	// after is what the next reading must not be older than.
	after time.Time
	disk  *ecs.Disk
	// leaveSlot gives the place at the server back, when there is one.
	leaveSlot func()
	// asked is when the API accepted the attach.
	asked time.Time
	// waits is what is waited for, for the message when time runs out.
	waits string
	pause time.Duration
}

func (a *attaching) leave() {
	if a.leaveSlot != nil {
		a.leaveSlot()
		a.leaveSlot = nil
	}
}

// run looks, decides and acts until the target has the disk.
func (a *attaching) run(ctx context.Context) error {
	for {
		decision, err := a.look(ctx)
		if err == nil {
			switch decision.Action {
			case Done:
				return a.v.remember(ctx, a.vol, a.to, a.disk)
			case Refuse:
				return errors.New(decision.Reason)
			case Wait:
				a.waits = decision.Reason
				continue
			case TakeOver:
				err = a.takeOver(ctx, decision)
			case Attach:
				err = a.attach(ctx)
			}
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return a.late(err)
		}
		if !again(err) {
			return err
		}
		a.waits = err.Error()
		if !a.sleep(ctx) {
			return a.late(err)
		}
	}
}

// look reads the disk and decides.
func (a *attaching) look(ctx context.Context) (Decision, error) {
	r, err := a.v.describer.get(ctx, a.vol.disk, a.after)
	if err != nil {
		return Decision{}, err
	}
	a.disk, a.after = r.disk, a.v.clock.Now()
	s, err := a.v.situation(ctx, a.vol, a.to, r.disk)
	if err != nil {
		return Decision{}, err
	}
	decision := Decide(s)
	if r.disk == nil || decision.Action == Refuse {
		return decision, nil
	}
	if err := a.v.refused(a.vol, r.disk); err != nil && (decision.Action != Done || len(a.vol.otherDisks) == 0) {
		return Decision{Action: Refuse, Reason: err.Error()}, nil
	}
	return decision, nil
}

// attach takes its place at the server, and asks for the disk when what it rests
// on is fresh.
func (a *attaching) attach(ctx context.Context) error {
	server := a.to.server.ID
	if a.leaveSlot == nil {
		if err := a.v.refusals.get(a.vol.disk, server); err != nil {
			return &finalError{err}
		}
		if err := a.v.remember(ctx, a.vol, a.to, a.disk); err != nil {
			return err
		}
		leave, err := a.v.slots.acquire(ctx, server, false)
		if err != nil {
			return err
		}
		a.leaveSlot = leave
		a.after = a.v.clock.Now().Add(-freshAge)
		return nil
	}
	if a.v.clock.Since(a.asked) < settleAge {
		return nil // accepted, and not told yet
	}
	err := a.v.opts.Cloud.AttachDisk(ctx, a.vol.disk, server, a.vol.deleteWithInstance)
	a.after = a.v.clock.Now()
	a.v.describer.forget(a.vol.disk)
	if err == nil {
		a.asked = a.after
		a.waits = fmt.Sprintf("disk %s is being attached to server %s", a.vol.disk, server)
		klog.FromContext(ctx).V(2).Info("Attaching", "disk", a.vol.disk, "server", server, "node", a.to.node.Name, "volume", a.vol.name)
		return nil
	}
	if again(err) {
		return err
	}
	err = explained(err, a.vol.disk, a.to.server)
	if errors.Is(err, apierror.ErrQuota) {
		a.v.opts.Events.Event(a.to.node, event.DiskLimitReached, "%v", err)
	}
	a.v.refusals.put(a.vol.disk, server, err)
	return &finalError{err}
}

// takeOver detaches the disk where nobody uses it, and says so.
func (a *attaching) takeOver(ctx context.Context, decision Decision) error {
	from := decision.From
	told := false
	err := a.v.detachFrom(ctx, a.vol.disk, from.Server, func(ctx context.Context, disk *ecs.Disk) error {
		s, err := a.v.situation(ctx, a.vol, a.to, disk)
		if err != nil {
			return err
		}
		if now := Decide(s); now.Action != TakeOver || now.From.Server != from.Server {
			return errChanged
		}
		if !told {
			a.v.opts.Events.Event(a.object(), event.DiskTakenOver, "Disk %s is detached from server %s (Node %s) for Node %s: %s.",
				a.vol.disk, from.Server, from.Node, a.to.node.Name, decision.Reason)
			told = true
		}
		return nil
	})
	a.after = a.v.clock.Now()
	if errors.Is(err, errChanged) {
		return nil // decided anew
	}
	return err
}

var errChanged = errors.New("the situation changed meanwhile")

// object is what events are about.
func (a *attaching) object() runtime.Object {
	if a.vol.pv != nil {
		return a.vol.pv
	}
	return a.to.node
}

// late says what time ran out for.
func (a *attaching) late(err error) error {
	if a.waits == "" || errors.Is(err, apierror.ErrDenied) {
		return err
	}
	return fmt.Errorf("disk %s is not attached to server %s of Node %s yet and will be tried again: %s: %w",
		a.vol.disk, a.to.server.ID, a.to.node.Name, a.waits, err)
}

// sleep pauses for longer each time; false: there is no time left.
func (a *attaching) sleep(ctx context.Context) bool {
	a.pause = min(max(2*a.pause, firstPause), mostPause)
	return sleep(ctx, a.v, a.pause)
}

// sleep waits for d and up to half as much again.
func sleep(ctx context.Context, v *Volumes, d time.Duration) bool {
	timer := v.clock.NewTimer(d + rand.N(d/2)) //nolint:gosec // jitter needs no secrecy
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// finalError is an answer that trying again within the call does not change.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }

func (e *finalError) Unwrap() error { return e.err }

// again reports whether looking once more, after a pause, may lead further: the
// object was busy or in another state than thought, or nobody knows what became
// of the call.
func again(err error) bool {
	var final *finalError
	if errors.As(err, &final) {
		return false
	}
	return apierror.IsRetryable(err) || apierror.MaybeExecuted(err) || errors.Is(err, apierror.ErrConflict)
}

// explained puts a plain sentence before the API's answer, where there is one.
func explained(err error, disk string, server ecs.Server) error {
	if advice := apierror.DiskAdvice(err); advice != "" {
		return fmt.Errorf("disk %s cannot be attached to server %s (%s): %s: %w", disk, server.ID, server.Type, advice, err)
	}
	return err
}
