//go:build nightly

package loadbalancer

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// statusBusy is what SystemBusy comes with.
const statusBusy = 449

// troubles are the answers that a call may get instead of the right one, by what
// they are called.
var troubles = map[string]fault.Rule{
	"reply lost":         {Kind: fault.DropReply},
	"reset":              {Kind: fault.Reset},
	"throttled":          {Kind: fault.Throttle},
	"throttled by group": {Kind: fault.Throttle, Code: "Throttling.Api"},
	"server error":       {Kind: fault.ServerError},
	"internal error":     {Kind: fault.ServerError, Status: http.StatusInternalServerError, Code: "InternalError"},
	"not JSON":           {Kind: fault.NonJSON},
	"empty":              {Kind: fault.Empty},

	"SystemBusy":               {Kind: fault.ServerError, Status: statusBusy, Code: "SystemBusy"},
	"OperationBusy":            busy("OperationBusy"),
	"ServiceIsStopping":        {Kind: fault.ServerError, Status: http.StatusConflict, Code: "ServiceIsStopping"},
	"BackendServer":            {Kind: fault.ServerError, Status: http.StatusConflict, Code: "BackendServer.configuring"},
	"ServiceIsConfiguring":     busy("ServiceIsConfiguring"),
	"ListenerStatusNotSupport": busy("OperationFailed.ListenerStatusNotSupport"),
	"ListenerProcessing":       busy("ListenerProcessing"),
	"VServerGroupProcessing":   busy("VServerGroupProcessing"),
	"ServiceGroupProcessing":   busy("OperationFailed.ServiceGroupProcessing"),
	"BackendServerProcessing":  busy("BackendServerProcessing"),
	"AclEntryProcessing":       busy("AclEntryProcessing"),
	"DomainExtension":          busy("DomainExtensionProcessing"),
	"VpcSystemBusy":            busy("VpcSystemBusy"),
	"ProcessingSameRequest":    busy("ProcessingSameRequest"),
}

func busy(code string) fault.Rule {
	return fault.Rule{Kind: fault.ServerError, Status: http.StatusBadRequest, Code: code}
}

// writes are the actions of calls that change something. The others are made by the
// test's own eyes too.
func writes(calls map[string]int) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(calls)), func(action string) bool { return strings.HasPrefix(action, "Describe") })
}

// TestTroubleAtEachWriteEndsInTheSameState lets the first call of each kind that a
// scenario makes fail, in each way, beside a load balancer of others that must stay
// as it is.
func TestTroubleAtEachWriteEndsInTheSameState(t *testing.T) {
	for name, sc := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actions := writes(suffer(t, sc, nil))
			for trouble, rule := range troubles {
				t.Run(trouble, func(t *testing.T) {
					t.Parallel()
					rules := make([]fault.Rule, 0, len(actions))
					for _, action := range actions {
						rule.Action, rule.Count = action, 1
						rules = append(rules, rule)
					}
					suffer(t, sc, rules)
				})
			}
		})
	}
}

// TestTroubleWithLoadBalancersOfOthersEndsInTheSameState does the same to those who
// use, give back and take over what others made.
func TestTroubleWithLoadBalancersOfOthersEndsInTheSameState(t *testing.T) {
	for name, play := range map[string]func(t *testing.T, trouble func(r *rig)) map[string]int{
		"used and given back": useTheirs, "taken over": takeOverOfficial,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actions := writes(play(t, func(*rig) {}))
			for trouble, rule := range troubles {
				t.Run(trouble, func(t *testing.T) {
					t.Parallel()
					play(t, func(r *rig) {
						for _, action := range actions {
							rule.Action, rule.Count = action, 1
							r.sim.Fault(rule)
						}
					})
				})
			}
		})
	}
}

// useTheirs lets a Service name a load balancer of others, and go.
func useTheirs(t *testing.T, trouble func(r *rig)) map[string]int {
	t.Helper()
	r := newRig(t, "instant", 2)
	r.seed(theirs())
	before := r.state("lb-theirs")
	r.start().surveyed()
	r.sim.ResetCounters()
	trouble(r)
	s := newService(1, with("id", "lb-theirs"))
	r.create(s)
	r.eventually("the Service has the address", func() bool { return r.address(s) != "" })
	if got := serving(r.read("lb-theirs"), 80); got != "i-1:30010=100 i-2:30010=100" {
		t.Errorf("port 80 goes to %s", got)
	}
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
	return r.sim.Counts()
}

// takeOverOfficial lets a Service have been the official controller's.
func takeOverOfficial(t *testing.T, trouble func(r *rig)) map[string]int {
	t.Helper()
	r := newRig(t, "instant", 3)
	s := newService(1, served)
	r.seed(official(s))
	r.create(s)
	r.sim.ResetCounters()
	trouble(r)
	r.start()
	r.eventually("it is taken over", func() bool {
		lb := r.read("lb-official")
		return len(r.all(s)) == 1 && lb.Instance.Tags["ack.aliyun.com"] == "" && serving(lb, 80) == "i-1:30010=40 i-2:30010=100 i-3:30010=100"
	})
	calls := r.sim.Counts()
	if n := calls[callCreate] + calls[callCreateTCP]; n > 0 {
		t.Errorf("calls %v", calls)
	}
	return calls
}

// suffer plays a scenario under faults, and returns the calls that it made.
func suffer(t *testing.T, sc scenario, rules []fault.Rule) map[string]int {
	t.Helper()
	region := sc.rig
	if region == nil {
		region = newRig
	}
	r := region(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.TagLag, k.ListLag = 100*time.Millisecond, 100*time.Millisecond })
	r.seed(theirs())
	s := sc.service()
	r.start().surveyed()
	if sc.living {
		r.create(s)
		r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
		r.settle()
	}
	before := r.state("lb-theirs")
	r.sim.ResetCounters()
	for _, rule := range rules {
		r.sim.Fault(rule)
	}
	sc.act(r, s)
	r.eventually("all is right", func() bool { return sc.right(r, s) == nil })
	r.settle()
	if err := sc.right(r, s); err != nil {
		t.Errorf("after a while: %v", err)
	}
	if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
		t.Errorf("the load balancer of others has changed: %s", diff)
	}
	return r.sim.Counts()
}
