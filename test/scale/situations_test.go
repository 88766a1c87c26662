//go:build bench

package scale

import (
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

// The situations, as the tables name them.
const (
	nodesInitialised = "N nodes initialised and routed (calls)"
	nodesSchedulable = "N nodes until the last is schedulable"
	serviceCreated   = "Service created (calls)"
	serviceUntouched = "resync, nothing changed (calls)"
	serviceDeleted   = "Service deleted (calls)"
	manyCreated      = "S Services created at once (calls a Service)"
	manyAddresses    = "S Services created at once"
	manyUntouched    = "resync of S Services, nothing changed (calls)"
	nodeJoins        = "1 node joins (calls)"
	nodeServes       = "node added, until the last load balancer has it"
	nodeDrains       = "1 node drains (calls)"
	nodeLeaves       = "1 node leaves (calls)"
	restarted        = "restart, nothing changed (calls)"
	restartedQuiet   = "restart, until quiet"
	restartedCPU     = "restart, processor time"
	residentMemory   = "memory"
	peakMemory       = "memory, peak"
	takeover         = "takeover after SIGTERM, until the lease is taken"
	takeoverWork     = "takeover after SIGTERM, until a Service created then has its address"
	manyDeleted      = "S Services deleted (calls a Service)"
	manyGone         = "S Services deleted"
)

// sizes of a benchmark.
type sizes struct {
	N, S int
	// limit bounds each situation.
	limit time.Duration
	// restartLimit bounds the restart instead, when not zero; calm is called
	// before it.
	restartLimit time.Duration
	calm         func()
	// takeover: measure it too.
	takeover bool
}

// allServe is how many nodes a load balancer takes: with more, one that joins
// need not serve.
const allServe = 200

// trial measures one subject in one world.
type trial struct {
	*world
	sizes
	got     figures
	current replica
}

// phase counts the calls that some work causes, until it is quiet.
func (x *trial) phase(situation string, each int, matches func(*journal.Entry) bool, work func()) tally.Mark {
	x.t.Helper()
	from := x.log.Mark()
	work()
	x.settle(x.limit)
	x.got.calls(situation, each, x.log.Since(from, tally.Standard, matches))
	x.t.Logf("%s: %s: %s\n%s", x.what.name(), situation, x.got[situation], x.got[situation].calls)
	return from
}

func (x *trial) duration(situation string, took time.Duration, done bool) {
	x.got.seconds(situation, took, done)
	x.t.Logf("%s: %s: %s", x.what.name(), situation, x.got[situation])
}

// startNodes: a fresh controller, and all Nodes at once.
func (x *trial) startNodes() {
	x.phase(nodesInitialised, 1, nil, func() {
		x.current = x.what.start(x.world)
		if _, ok := x.awaitLeader("", time.Minute); !ok {
			x.t.Fatalf("%s does not lead:\n%s", x.what.name(), x.current.tail())
		}
		start := time.Now()
		x.atOnce(func() { x.addNodes(1, x.N) })
		_, reached := x.awaitSchedulable(x.N, x.limit)
		x.duration(nodesSchedulable, time.Since(start), reached == x.N)
		if reached < x.N {
			x.t.Logf("%d of %d nodes\n%s", reached, x.N, x.current.tail())
		}
	})
}

// atOnce lets the controller see at one moment what takes this process a while.
func (x *trial) atOnce(do func()) {
	x.t.Helper()
	send(x.t, x.current.PID(), syscall.SIGSTOP)
	defer send(x.t, x.current.PID(), syscall.SIGCONT)
	do()
}

// failed tells what the subject did not do, which is a failure of the test where
// the subject is the product.
func (x *trial) failed(format string, args ...any) {
	x.t.Helper()
	report := x.t.Logf
	if x.what.judged() {
		report = x.t.Errorf
	}
	report("%s: "+format, append([]any{x.what.name()}, args...)...)
}

// oneService lives and dies alone.
func (x *trial) oneService() {
	x.phase(serviceCreated, 1, ofSLB, func() {
		x.must(x.createService(x.t.Context(), 0))
		if _, reached := x.awaitAddresses(1, x.limit); reached < 1 {
			x.t.Errorf("%s: the Service has no address:\n%s", x.what.name(), x.current.tail())
		}
	})
	x.phase(serviceUntouched, 1, ofSLB, func() { x.must(x.touchService(x.t.Context(), 0)); x.pause() })
	x.phase(serviceDeleted, 1, ofSLB, func() {
		x.must(x.deleteService(x.t.Context(), 0))
		x.awaitGone(x.limit)
	})
}

// pause gives a change time to arrive: what is expected is that nothing happens.
func (x *trial) pause() { x.await(quiet, 1, func() int { return 0 }) }

func (x *trial) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// manyServices are created at once, and touched.
func (x *trial) manyServices() {
	s := x.S
	x.phase(manyCreated, s, ofSLB, func() {
		start := time.Now()
		x.each(1, s, x.createService)
		_, reached := x.awaitAddresses(s, x.limit)
		x.duration(manyAddresses, time.Since(start), reached == s)
		if reached < s {
			x.t.Logf("%d of %d Services\n%s", reached, s, x.current.tail())
		}
	})
	x.phase(manyUntouched, 1, ofSLB, func() { x.each(1, s, x.touchService); x.pause() })
}

// oneNode joins; one that serves drains and leaves.
func (x *trial) oneNode() {
	number := x.N + 2
	var start time.Time
	from := x.phase(nodeJoins, 1, nil, func() {
		start = time.Now()
		x.addNodes(number, number)
		x.awaitSchedulable(number, x.limit)
		x.pause()
	})
	last := x.log.Last(from, func(e *journal.Entry) bool { return ofSLB(e) && e.Mutating && e.Code == journal.OK })
	if with := x.balancersWith(number); last.IsZero() {
		x.t.Logf("%s: no load balancer was given the new node (%d have it)", x.what.name(), with)
	} else {
		x.duration(nodeServes, last.Sub(start), true)
		x.t.Logf("%s: %d load balancers have the new node", x.what.name(), with)
	}
	if number > allServe {
		number = 1
	}
	x.t.Logf("%s: %d load balancers have the node that will drain", x.what.name(), x.balancersWith(number))
	x.phase(nodeDrains, 1, ofSLB, func() { x.must(x.drain(x.t.Context(), rig.NodeName(number))); x.pause() })
	x.phase(nodeLeaves, 1, ofSLB, func() {
		x.must(x.fleet.Remove(x.t.Context(), rig.NodeName(number)))
		x.pause()
	})
	if with := x.balancersWith(number); with > 0 {
		x.failed("%d load balancers still have the node that left", with)
	}
}

// restart kills the replica and starts another that finds all as it was.
func (x *trial) restart() {
	x.current.Kill()
	x.freeLease()
	if x.calm != nil {
		x.calm()
	}
	if x.restartLimit > 0 {
		limit := x.limit
		x.limit = x.restartLimit
		defer func() { x.limit = limit }()
	}
	from := x.log.Mark()
	start := time.Now()
	x.phase(restarted, 1, nil, func() {
		x.current = x.what.start(x.world)
		if _, ok := x.awaitLeader("", time.Minute); !ok {
			x.t.Fatalf("%s does not lead:\n%s", x.what.name(), x.current.tail())
		}
		x.pause()
	})
	done := x.log.Idle() > quiet
	x.duration(restartedQuiet, x.log.Last(from, everything).Sub(start), done)
	x.got[restartedCPU] = figure{value: cpu(x.t, x.current.PID()).Seconds(), unit: "CPU-s", least: !done}
	now, most := memory(x.t, x.current.PID())
	x.got[residentMemory] = figure{value: float64(now), unit: "MiB"}
	x.got[peakMemory] = figure{value: float64(most), unit: "MiB"}
	if writes := x.got[restarted].calls.Writes; tally.Sum(writes) > 0 {
		x.t.Logf("%s: writes at a restart that changes nothing: %v", x.what.name(), writes)
	}
	x.t.Logf("%s: restart: %s, %s, %s", x.what.name(), x.got[restartedQuiet], x.got[restartedCPU], x.got[residentMemory])
}

func everything(*journal.Entry) bool { return true }

// takeOver ends the leader in order while another replica waits.
func (x *trial) takeOver() {
	first := x.holder()
	second := x.what.start(x.world)
	x.await(10*time.Second, 1, func() int { return 0 }) // until it has warmed its informers
	start := time.Now()
	send(x.t, x.current.PID(), syscall.SIGTERM)
	x.must(x.createService(x.t.Context(), 0))
	_, ok := x.awaitLeader(first, time.Minute)
	x.duration(takeover, time.Since(start), ok)
	_, reached := x.awaitAddresses(x.S+1, x.limit)
	x.duration(takeoverWork, time.Since(start), reached > x.S)
	x.current = second
	x.must(x.deleteService(x.t.Context(), 0))
	x.await(x.limit, -x.S, func() int { return -len(x.all()) })
	x.settle(x.limit)
}

// deleteServices deletes all Services at once.
func (x *trial) deleteServices() {
	s := x.S
	x.phase(manyDeleted, s, ofSLB, func() {
		start := time.Now()
		x.each(1, s, x.deleteService)
		_, left := x.awaitGone(x.limit)
		x.duration(manyGone, time.Since(start), left == 0)
	})
	if n := x.balancers(); n > 0 {
		x.failed("%d load balancers are left over", n)
	}
}

// run measures all situations in a world of their own.
func run(t *testing.T, what subject, profile string, s sizes) figures {
	t.Helper()
	got := figures{}
	t.Run(what.name(), func(t *testing.T) {
		x := &trial{world: newWorld(t, s.N+5, profile, what), sizes: s, got: got}
		x.startNodes()
		x.addNodes(s.N+1, s.N+1)
		x.awaitSchedulable(s.N+1, s.limit)
		x.settle(s.limit)
		x.oneService()
		x.manyServices()
		x.oneNode()
		x.restart()
		if s.takeover {
			x.takeOver()
		}
		x.deleteServices()
	})
	return got
}
