package gateway

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

func (x *rig) fault(r fault.Rule) {
	x.t.Helper()
	if _, err := x.faults.Add(r); err != nil {
		x.t.Fatal(err)
	}
}

// start sends StartInstance as the SDK does: POST, parameters in the query.
func (x *rig) start() (result, error) {
	x.t.Helper()
	return x.do(http.MethodPost, signed(http.MethodPost, "test-secret", params("StartInstance", "InstanceId=i-1")), nil)
}

func TestFaultsInTheProductsPlaceChangeNothing(t *testing.T) {
	for name, c := range map[string]struct {
		rule   fault.Rule
		status int
		code   string
	}{
		"throttle": {fault.Rule{Kind: fault.Throttle, RetryAfter: time.Second}, 400, "Throttling.User"},
		"503":      {fault.Rule{Kind: fault.ServerError}, 503, "ServiceUnavailable"},
		"500":      {fault.Rule{Kind: fault.ServerError, Status: 500}, 500, "InternalError"},
		"busy":     {fault.Rule{Kind: fault.ServerError, Status: 449, Code: "SystemBusy"}, 449, "SystemBusy"},
		"deny":     {fault.Rule{Kind: fault.Deny}, 403, "Forbidden.RAM"},
		"non-JSON": {fault.Rule{Kind: fault.NonJSON}, 502, ""},
		"empty":    {fault.Rule{Kind: fault.Empty}, 200, ""},
	} {
		x := newRig(t, 1)
		x.fault(c.rule)
		r, err := x.start()
		if err != nil || !r.is(c.status, c.code) {
			t.Errorf("%s: %d %s %v", name, r.status, r.raw, err)
		}
		if name == "empty" && r.raw != "" || name == "throttle" && r.header.Get("X-Acs-Retry-After") != "1000" {
			t.Errorf("%s: %v %q", name, r.header, r.raw)
		}
		if x.value() != 0 {
			t.Errorf("%s: the state changed", name)
		}
	}
}

func TestResetIsSeenByTheClient(t *testing.T) {
	x := newRig(t, 1)
	x.fault(fault.Rule{Kind: fault.Reset})
	if _, err := x.start(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	if x.value() != 0 {
		t.Error("the state changed")
	}
}

func TestDroppedReplyLeavesTheChange(t *testing.T) {
	x := newRig(t, 1)
	x.fault(fault.Rule{Kind: fault.DropReply, Action: "StartInstance", Count: 1})
	if _, err := x.start(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
	if x.value() != 1 {
		t.Errorf("value %d, want 1", x.value())
	}
	if got := x.journal.Codes()["StartInstance"][journal.DroppedReply]; got != 1 {
		t.Errorf("codes %v", x.journal.Codes())
	}
	if r, err := x.start(); err != nil || r.status != 200 {
		t.Errorf("the next call: %d %v", r.status, err)
	}
}

func TestDelayHoldsTheReplyNotTheChange(t *testing.T) {
	x := newRig(t, 0)
	x.fault(fault.Rule{Kind: fault.Delay, Action: "StartInstance", Delay: time.Minute})
	done := make(chan error, 1)
	go func() {
		_, err := x.start()
		done <- err
	}()
	for !strings.Contains(x.call("DescribeInstances").raw, `"TotalCount":1`) {
	}
	select {
	case err := <-done:
		t.Fatalf("replied before the delay: %v", err)
	default:
	}
	x.clock.Step(time.Minute)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestLateCallChangesTheStateAfterItsClientLeft(t *testing.T) {
	x := newRig(t, 0)
	x.fault(fault.Rule{Kind: fault.Late, Action: "StartInstance", Delay: time.Minute})
	x.client.Timeout = 50 * time.Millisecond
	if _, err := x.start(); err == nil {
		t.Fatal("the client got a reply")
	}
	x.client.Timeout = 0
	if r := x.call("DescribeInstances"); !strings.Contains(r.raw, `"TotalCount":0`) {
		t.Fatalf("changed too early: %s", r.raw)
	}
	x.clock.Step(time.Minute)
	for !strings.Contains(x.call("DescribeInstances").raw, `"TotalCount":1`) {
	}
}

func TestSlowBodyComesWhole(t *testing.T) {
	x := newRig(t, 1000)
	x.fault(fault.Rule{Kind: fault.DelayBody, Delay: 10 * time.Second})
	r := x.call("DescribeInstances")
	if r.status != 200 || !strings.HasSuffix(strings.TrimSpace(r.raw), "}") || r.body.RequestID == "" {
		t.Fatalf("%d %s", r.status, r.raw)
	}
}

func TestEmptiedListsKeepTheirShape(t *testing.T) {
	x := newRig(t, 1)
	x.fault(fault.Rule{Kind: fault.EmptyList, Action: "Describe*"})
	r := x.call("DescribeInstances")
	for _, part := range []string{`"Instances":{"Instance":[]}`, `"TotalCount":0`, `"NextToken":""`, `"Flat":[]`, `"Shape":{"A":1,"B":[2]}`} {
		if !strings.Contains(r.raw, part) {
			t.Errorf("%s lacks %s", r.raw, part)
		}
	}
	if got := emptied("DescribeInstanceAttribute", "Describe*", []byte(`{"A":[1]}`)); string(got) != `{"A":[1]}` {
		t.Errorf("an attribute reply became %s", got)
	}
	if got := emptied("DescribeInstanceAttribute", "DescribeInstanceAttribute", []byte(`{"A":[1]}`)); string(got) != `{"A":[]}` {
		t.Errorf("a named attribute reply stayed %s", got)
	}
}

func TestHooksGoWithOtherKinds(t *testing.T) {
	x := newRig(t, 1)
	var calls atomic.Int64
	count := func(fault.Event) { calls.Add(1) }
	x.fault(fault.Rule{Kind: fault.Throttle, Count: 1, Before: count})
	if r, err := x.start(); err != nil || !r.is(400, "Throttling.User") || calls.Load() != 1 {
		t.Errorf("throttled with a hook: %d %v, %d calls", r.status, err, calls.Load())
	}
	x.fault(fault.Rule{Kind: fault.DropReply, Count: 1, Before: count, After: count})
	if _, err := x.start(); err == nil || calls.Load() != 3 {
		t.Errorf("dropped with hooks: %v, %d calls", err, calls.Load())
	}
}

func TestHooksRunAroundTheNthChange(t *testing.T) {
	x := newRig(t, 1)
	var before, after atomic.Int64
	before.Store(-1)
	x.fault(fault.Rule{
		Kind: fault.Hook, Action: "StartInstance", Skip: 1, Count: 1,
		Before: func(fault.Event) {
			// No lock is held: the hook may look.
			x.lock.Lock()
			defer x.lock.Unlock()
			before.Store(int64(x.product.value))
		},
		After: func(e fault.Event) {
			x.lock.Lock()
			defer x.lock.Unlock()
			if e.Failure == nil && e.Params["InstanceId"] == "i-1" {
				after.Store(int64(x.product.value))
			}
		},
	})
	for range 3 {
		if _, err := x.start(); err != nil {
			t.Fatal(err)
		}
	}
	if before.Load() != 1 || after.Load() != 2 {
		t.Fatalf("hook saw %d before and %d after, want 1 and 2", before.Load(), after.Load())
	}
}
