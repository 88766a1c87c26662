package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// diskLife is one disk's way: attached to node-1 for a Pod, taken over by node-3
// when the Pod has moved without a detach, and detached there.
type diskLife struct {
	*world
	// controller is who works; mended says that it has taken a dead one's place.
	controller *rig.Controller
	mended     bool
	death      *death
	disk       string
	volume     string
}

// ask repeats a request until it succeeds, and starts a controller again when the
// old one was killed.
func (l *diskLife) ask(verb wire.Verb, node string) {
	l.T.Helper()
	l.await(60*time.Second, fmt.Sprintf("%s of %s at %s succeeds", verb, l.volume, node), func() string {
		message := l.Ask(verb, l.volume, node)
		if !l.mended && closed(l.death.struck) {
			l.mended = true
			l.controller = l.start(alone, "--volume-socket="+l.Socket())
		}
		return message
	})
}

// on fails the test unless the disk is there and nowhere else.
func (l *diskLife) on(want string) {
	l.T.Helper()
	if got := l.DiskOn(l.disk); got != want {
		l.T.Errorf("disk %s is %q, want %q", l.disk, got, want)
	}
}

// detaches is how many detaches of the disk from a server were accepted so far.
func (l *diskLife) detaches(server string) int {
	n := 0
	for _, call := range l.Sim.Journal() {
		if call.Action == "DetachDisk" && call.Params["DiskId"] == l.disk && call.Params["InstanceId"] == server &&
			(call.Code == "OK" || call.Code == "DroppedReply") {
			n++
		}
	}
	return n
}

// run leads the disk through its life. While a Pod uses it, nothing detaches it.
func (l *diskLife) run(n int) {
	pod := func(node string) string { return fmt.Sprintf("%s-%s", l.volume, node) }
	first, second := rig.NodeName(1), rig.NodeName(3)
	l.Disk(l.disk, 1)
	l.Volume(l.volume, l.disk)
	l.VolumePod(pod(first), l.volume, first)
	l.ask(wire.Attach, first)
	l.on("In_use i-1")
	if got := l.detaches("i-1"); got != 0 {
		l.T.Errorf("call %d: a mounted disk was detached %d times", n, got)
	}
	l.DeletePod(pod(first))
	l.VolumePod(pod(second), l.volume, second)
	l.ask(wire.Attach, second)
	l.on("In_use i-3")
	if got := l.detaches("i-1"); got != 1 {
		l.T.Errorf("call %d: %d detaches in the take-over", n, got)
	}
	if got := l.detaches("i-3"); got != 0 {
		l.T.Errorf("call %d: a mounted disk was detached %d times", n, got)
	}
	l.DeletePod(pod(second))
	l.ask(wire.Detach, second)
	l.on("Available")
}

// killAtEachDiskChange lets disks live one after the other, and kills the
// controller at the first, the second, ... changing call of a life, until one goes
// through unharmed.
func (w *world) killAtEachDiskChange(when moment) {
	w.T.Helper()
	var actions []string
	c := w.startWhole("--volume-socket=" + w.Socket())
	for n := 1; ; n++ {
		w.settle()
		l := &diskLife{world: w, controller: c, disk: fmt.Sprintf("d-%s%d", when, n), volume: fmt.Sprintf("pv-%s-%d", when, n)}
		l.death = w.killAtChange(c, n, when)
		l.run(n)
		w.Sim.ClearFault(l.death.rule)
		if !closed(l.death.struck) {
			break
		}
		actions = append(actions, l.death.action)
		c = l.controller
		w.awaitWorking(c)
	}
	w.T.Logf("killed %s each of %d changing calls: %v", when, len(actions), actions)
	const least = 5 // two notes, two attaches, a take-over and a detach, less one note that is there already
	if len(actions) < least {
		w.T.Errorf("a life made %d changing calls, so the table has holes", len(actions))
	}
}

// killAtChange is killAt for calls of ECS that change something.
func (w *world) killAtChange(victim *rig.Controller, n int, when moment) *death {
	d := &death{struck: make(chan struct{})}
	strike := func(e fault.Event) {
		victim.Kill()
		d.action = e.Action
		close(d.struck)
	}
	changing := true
	rule := fault.Rule{Product: api.ECS, Mutating: &changing, Skip: n - 1, Count: 1}
	switch when {
	case unheard:
		rule.Kind, rule.Before = fault.Reset, strike
	case unanswered:
		rule.Kind, rule.After = fault.DropReply, strike
	}
	d.rule = w.Sim.Fault(rule)
	return d
}

func TestDisksSurviveADeathAfterEachChange(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	w.killAtEachDiskChange(unanswered)
}
