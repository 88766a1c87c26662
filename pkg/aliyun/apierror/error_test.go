package apierror

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

func TestMissingRightIsNamed(t *testing.T) {
	const said = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
	err := New("Slb", "CreateLoadBalancer", "Forbidden.RAM", said, "REQ-1", 403)
	want := "Slb.CreateLoadBalancer: Forbidden.RAM: " + said +
		" Grant slb:CreateLoadBalancer to the RAM user or role (deploy/ram/controller.json is the whole policy), HTTP 403, request ID REQ-1"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if got := New("Vpc", "CreateRouteEntries", "NoPermission", "", "", 403).Error(); !strings.Contains(got, ": NoPermission. Grant vpc:CreateRouteEntries to") {
		t.Errorf("without a message: %s", got)
	}
	if got := New("Sts", "AssumeRole", "NoPermission", "m", "", 403).Error(); got != "Sts.AssumeRole: NoPermission: m. Grant sts:AssumeRole to the RAM user or role, HTTP 403" {
		t.Errorf("of another role: %s", got)
	}
	for _, code := range []string{"InvalidAccessKeyId.Inactive", "PAY.INSUFFICIENT_BALANCE", "Forbidden.RiskControl", "OperationBusy"} {
		if got := New("Slb", "CreateLoadBalancer", code, "m", "", 403).Error(); strings.Contains(got, "Grant") {
			t.Errorf("a right is no remedy: %s", got)
		}
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
		"TaskConflict": "TaskConflict", "BackendServerAttachedNumberOverLimit": "BackendServerAttachedNumberOverLimit", "Throttling.User": "Throttling", "Rejected.Throttling": "Throttling",
		"QuotaExceeded.RouteEntry": "QuotaExceed", "Forbidden.RAM": "Forbidden", "a proxy's own words": "other", "": "other",
	} {
		if got := Label(code); got != want {
			t.Errorf("Label(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestOnlyTokensThatWereUsedOtherwiseAreTokenConflicts(t *testing.T) {
	for code, want := range map[string]bool{
		"IdempotentParameterMismatch": true, "LX_REQUEST_TOKEN_CONFLICT": true,
		"OperationDenied.ForSale": false, "ProcessingSameRequest": false,
	} {
		err := fmt.Errorf("create: %w", New("Slb", "CreateLoadBalancer", code, "", "", 400))
		if got := TokenUsed(err); got != want {
			t.Errorf("%s: %t", code, got)
		}
	}
}
