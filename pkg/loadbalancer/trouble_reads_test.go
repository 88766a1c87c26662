package loadbalancer

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// readTroubles are wrong answers to a read. Those without a count are not repeated
// by the transport, or are there each time that it repeats the call.
var readTroubles = []struct {
	name string
	rule fault.Rule
}{
	{"empty list", fault.Rule{Kind: fault.EmptyList}},
	{"denied", fault.Rule{Kind: fault.Deny}},
	{"unknown error", fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: "Something.New"}},
	{"empty", fault.Rule{Kind: fault.Empty, Count: 1}},
	{"reset", fault.Rule{Kind: fault.Reset, Count: 1}},
	{"not JSON", fault.Rule{Kind: fault.NonJSON, Count: 1}},
	{"throttled", fault.Rule{Kind: fault.Throttle, Count: 1}},
}

// spoiler is a controller's transport with which one read goes wrong.
type spoiler struct {
	inner transport.Doer
	r     *rig
	rule  fault.Rule
	// others lets nobody else meet the fault.
	others *sync.RWMutex

	mu    sync.Mutex
	armed bool
	// left is how many reads come before the one that goes wrong; reads counts all.
	left, reads int
}

// arm spoils the n-th read from now on.
func (s *spoiler) arm(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.left = true, n
}

func (s *spoiler) spoils(action string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed || !strings.HasPrefix(action, "Describe") {
		return false
	}
	s.reads++
	s.left--
	return s.left == 0
}

// made is how many reads were made since arm.
func (s *spoiler) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func (s *spoiler) Do(ctx context.Context, call transport.Call) error {
	action := call.Request.GetActionName()
	if !s.spoils(action) {
		s.others.RLock()
		defer s.others.RUnlock()
		return s.inner.Do(ctx, call)
	}
	s.others.Lock()
	defer s.others.Unlock()
	rule := s.rule
	rule.Action = action
	id := s.r.sim.Fault(rule)
	defer s.r.sim.ClearFault(id)
	return s.inner.Do(ctx, call)
}

// polite is a transport that waits while a fault is set for somebody else.
type polite struct {
	inner  transport.Doer
	others *sync.RWMutex
}

func (p polite) Do(ctx context.Context, call transport.Call) error {
	p.others.RLock()
	defer p.others.RUnlock()
	return p.inner.Do(ctx, call)
}

// misread plays a scenario in which the n-th read goes wrong: of a controller that
// works, or, asleep, of one that starts after it has happened. It returns how many
// reads there were.
func misread(t *testing.T, sc scenario, asleep bool, n int, rule fault.Rule) int {
	t.Helper()
	region := sc.rig
	if region == nil {
		region = newRig
	}
	r := region(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.TagLag, k.ListLag = 100*time.Millisecond, 100*time.Millisecond })
	r.seed(theirs())
	var others sync.RWMutex
	r.eyes = slb.New(polite{r.transport(nil), &others})
	x := &spoiler{inner: r.transport(nil), r: r, rule: rule, others: &others}
	spoiled := func(o *Options) { o.Cloud, o.Interfaces = slb.New(x), ecs.New(x) }
	s := sc.service()
	first := r.start(spoiled).surveyed()
	if sc.living {
		r.create(s)
		r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
		r.settle()
	}
	before := r.state("lb-theirs")
	if asleep {
		first.stop()
	}
	x.arm(n)
	sc.act(r, s)
	if asleep {
		r.start(spoiled)
	}
	r.eventually("all is right", func() bool { return sc.right(r, s) == nil })
	r.settle()
	if err := sc.right(r, s); err != nil {
		t.Errorf("after a while: %v", err)
	}
	if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
		t.Errorf("the load balancer of others has changed: %s", diff)
	}
	return x.made()
}

// misreads plays a scenario once for each of its reads: with every trouble, or with
// one after the other in turn.
func misreads(t *testing.T, sc scenario, every bool) {
	for _, asleep := range []bool{false, true} {
		t.Run(fmt.Sprintf("asleep=%t", asleep), func(t *testing.T) {
			t.Parallel()
			reads := misread(t, sc, asleep, never, fault.Rule{})
			for n := 1; n <= reads; n++ {
				for i, trouble := range readTroubles {
					if !every && i != n%len(readTroubles) {
						continue
					}
					t.Run(fmt.Sprintf("read=%d,%s", n, trouble.name), func(t *testing.T) {
						t.Parallel()
						misread(t, sc, asleep, n, trouble.rule)
					})
				}
			}
		})
	}
}

// TestOneWrongAnswerToAReadEndsInTheSameState is a part of what the nightly test
// does to all scenarios.
func TestOneWrongAnswerToAReadEndsInTheSameState(t *testing.T) {
	for _, name := range []string{"create closed", "node port changed", "shared: opened", "shared: delete closed", "pods: replaced"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			misreads(t, table[name], false)
		})
	}
}
