package apierror

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestErrorMatchesTheSentinelOfItsKindAlone(t *testing.T) {
	sentinels := map[Kind]error{
		Throttled: ErrThrottled, NotFound: ErrNotFound, Conflict: ErrConflict, Busy: ErrBusy,
		Denied: ErrDenied, Quota: ErrQuota, Invalid: ErrInvalid, Unavailable: ErrUnavailable,
	}
	for kind := range kinds {
		err := fmt.Errorf("deleting: %w", &Error{Kind: kind})
		for other, sentinel := range sentinels {
			if got, want := errors.Is(err, sentinel), kind == other; got != want {
				t.Errorf("kind %v is %v: %v, want %v", kind, sentinel, got, want)
			}
		}
	}
}

func TestErrorTellsOperationReasonAndRequestID(t *testing.T) {
	err := New("Slb", "DeleteLoadBalancer", "OperationDenied.DeleteProtectionIsOn", "Protection is on.", "REQ-1", 400)
	want := "Slb.DeleteLoadBalancer: OperationDenied.DeleteProtectionIsOn: Protection is on., HTTP 400, request ID REQ-1"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	lost := &Error{Product: "Slb", Action: "CreateLoadBalancer", Kind: Unavailable, Sent: true, Err: context.DeadlineExceeded}
	want = "Slb.CreateLoadBalancer: context deadline exceeded (the request may have been executed)"
	if lost.Error() != want {
		t.Errorf("got  %s\nwant %s", lost, want)
	}
	if !errors.Is(lost, context.DeadlineExceeded) || !MaybeExecuted(lost) {
		t.Error("the cause or the doubt is lost")
	}
}

func TestItemIsAnErrorOfItsOwn(t *testing.T) {
	err := Item("Vpc", "DeleteRouteEntries", "VPC_ROUTER_ENTRY_NOT_EXIST", "gone")
	if !errors.Is(err, ErrNotFound) || CodeOf(err) != "VPC_ROUTER_ENTRY_NOT_EXIST" {
		t.Errorf("got %v", err)
	}
	if want := "Vpc.DeleteRouteEntries: VPC_ROUTER_ENTRY_NOT_EXIST: gone"; err.Error() != want {
		t.Errorf("got %s", err)
	}
}

func TestOnlyPassingTroubleIsRetryable(t *testing.T) {
	for kind, want := range map[Kind]bool{
		Unknown: false, Throttled: true, NotFound: false, Conflict: false, Busy: true,
		Denied: false, Quota: false, Invalid: false, Unavailable: true,
	} {
		if got := IsRetryable(fmt.Errorf("x: %w", &Error{Kind: kind})); got != want {
			t.Errorf("IsRetryable(%v) = %v", kind, got)
		}
	}
	if IsRetryable(errors.New("other")) || CodeOf(errors.New("other")) != "" || KindOf(nil) != Unknown {
		t.Error("errors of others are not ours to judge")
	}
}

func TestLabelsAreBounded(t *testing.T) {
	for code, want := range map[string]string{
		"TaskConflict": "TaskConflict", "Throttling.User": "Throttling", "Rejected.Throttling": "Throttling",
		"QuotaExceeded.RouteEntry": "QuotaExceed", "Forbidden.RAM": "Forbidden", "a proxy's own words": "other", "": "other",
	} {
		if got := Label(code); got != want {
			t.Errorf("Label(%q) = %q, want %q", code, got, want)
		}
	}
}
