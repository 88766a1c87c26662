package transport

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

func TestReplyIsDecodedAndRequestIsLeftAsItWas(t *testing.T) {
	s := newServer(t)
	call := write()
	if err := newTransport(t, s.URL).Do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if got, ok := call.Response.(*sts.AssumeRoleResponse); !ok || got.RequestId != "REQ-OK" {
		t.Errorf("reply %v", call.Response)
	}
	if left := call.Request.GetQueryParams(); len(left) != 0 {
		t.Errorf("the request still holds %v", left)
	}
	sent := s.requests()[0].Form
	for name, want := range map[string]string{"Action": "AssumeRole", "RegionId": "cn-hangzhou", "AccessKeyId": "test-key-id", "RoleArn": "acs:ram::1:role/test"} {
		if sent.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, sent.Get(name), want)
		}
	}
	if sent.Get("Signature") == "" {
		t.Error("the request is not signed")
	}
}

// How each answer is treated: how often the call is sent and what comes out.
func TestOnlySafeAnswersAreRepeated(t *testing.T) {
	throttled := refusal("Throttling.User", 400)
	busy := refusal("OperationBusy", 400)
	internal := refusal("InternalError", 500)
	lost := reply{drop: true}
	for name, c := range map[string]struct {
		call    func() Call
		replies []reply
		sent    int
		want    error // nil: success
		maybe   bool
	}{
		"throttled read":               {read, []reply{throttled, throttled}, 3, nil, false},
		"throttled write":              {write, []reply{throttled}, 2, nil, false},
		"busy write":                   {write, []reply{busy, busy, busy}, 4, nil, false},
		"internal error on read":       {read, []reply{internal}, 2, nil, false},
		"internal error on write":      {write, []reply{internal}, 1, apierror.ErrUnavailable, true},
		"lost reply to read":           {read, []reply{lost, lost}, 3, nil, false},
		"lost reply to write":          {write, []reply{lost}, 1, apierror.ErrUnavailable, true},
		"denied":                       {read, []reply{refusal("Forbidden.RAM", 403)}, 1, apierror.ErrDenied, false},
		"not found":                    {read, []reply{refusal("InvalidInstanceId.NotFound", 404)}, 1, apierror.ErrNotFound, false},
		"quota":                        {write, []reply{refusal("QuotaExceeded", 400)}, 1, apierror.ErrQuota, false},
		"lost, then refused":           {read, []reply{lost, refusal("InvalidInstanceId.NotFound", 404)}, 2, apierror.ErrNotFound, true},
		"empty reply to read":          {read, []reply{{status: 200}}, 2, nil, false},
		"empty reply to write":         {write, []reply{{status: 200}}, 1, apierror.ErrUnavailable, true},
		"reply without RequestId":      {write, []reply{{status: 200, body: `{}`}}, 1, apierror.ErrUnavailable, true},
		"truncated reply":              {write, []reply{{status: 200, body: `{"RequestId":"R`}}, 1, apierror.ErrUnavailable, true},
		"page of a proxy":              {write, []reply{{status: 404, body: `<html>`}}, 1, apierror.ErrUnavailable, true},
		"numeric code":                 {write, []reply{{status: 404, body: `{"Code":404,"RequestId":"R"}`}}, 1, apierror.ErrUnavailable, true},
		"redirect":                     {write, []reply{{status: 302, header: map[string]string{"Location": "http://127.0.0.1:1/"}}}, 1, apierror.ErrUnavailable, true},
		"redirect that keeps the POST": {write, []reply{{status: 307, header: map[string]string{"Location": "http://127.0.0.1:1/"}}}, 1, apierror.ErrUnavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.replies...)
			err := newTransport(t, s.URL).Do(t.Context(), c.call())
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if apierror.MaybeExecuted(err) != c.maybe {
				t.Errorf("may have been executed: %v, want %v", apierror.MaybeExecuted(err), c.maybe)
			}
			if sent := len(s.requests()); sent != c.sent {
				t.Errorf("sent %d times, want %d", sent, c.sent)
			}
		})
	}
}

func TestEveryAttemptIsSignedAnew(t *testing.T) {
	s := newServer(t, refusal("Throttling", 400), refusal("OperationBusy", 400))
	if err := newTransport(t, s.URL).Do(t.Context(), read()); err != nil {
		t.Fatal(err)
	}
	nonces := map[string]bool{}
	for _, r := range s.requests() {
		nonces[r.Form.Get("SignatureNonce")] = true
	}
	if len(nonces) != 3 {
		t.Errorf("%d different nonces in 3 attempts", len(nonces))
	}
}

func TestUnreachableEndpointIsRetriedBecauseNothingWasSent(t *testing.T) {
	s := newServer(t)
	s.Close()
	var attempts int
	tr := newTransport(t, s.URL, func(o *Options) {
		o.MaxAttempts = 3
		o.Observe = func(Attempt) { attempts++ }
	})
	err := tr.Do(t.Context(), write())
	if !errors.Is(err, apierror.ErrUnavailable) || apierror.MaybeExecuted(err) {
		t.Errorf("got %v", err)
	}
	if attempts != 3 {
		t.Errorf("%d attempts", attempts)
	}
}

func TestThrottlingIsGivenUpAfterTheLastAttempt(t *testing.T) {
	replies := make([]reply, 20)
	for i := range replies {
		replies[i] = refusal("Throttling", 400)
	}
	s := newServer(t, replies...)
	err := newTransport(t, s.URL, func(o *Options) { o.MaxAttempts = 3 }).Do(t.Context(), read())
	if !errors.Is(err, apierror.ErrThrottled) || len(s.requests()) != 3 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

func TestBusyIsGivenUpWhenItsBudgetIsSpent(t *testing.T) {
	replies := make([]reply, 200)
	for i := range replies {
		replies[i] = refusal("OperationBusy", 400)
	}
	s := newServer(t, replies...)
	err := newTransport(t, s.URL, func(o *Options) { o.BusyBudget = time.Second }).Do(t.Context(), write())
	if !errors.Is(err, apierror.ErrBusy) {
		t.Errorf("got %v", err)
	}
	if sent := len(s.requests()); sent < 3 || sent > 15 {
		t.Errorf("%d requests in a second: too hot or too cold", sent)
	}
}

func TestCancellationEndsACallAtOnce(t *testing.T) {
	s := newServer(t, reply{delay: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newTransport(t, s.URL).Do(ctx, write()) }()
	await(t, func() bool { return len(s.requests()) > 0 })
	start := time.Now()
	cancel()
	err := <-done
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("returned %v after the cancellation", took)
	}
	if !errors.Is(err, context.Canceled) || !apierror.MaybeExecuted(err) {
		t.Errorf("got %v", err)
	}
}

func TestCancellationWithACauseTellsBoth(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("lease lost")
	cancel(cause)
	err := newTransport(t, s.URL).Do(ctx, read())
	if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || len(s.requests()) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestSlowAttemptIsCutOffAndARepeatableCallGoesOn(t *testing.T) {
	s := newServer(t, reply{delay: time.Minute})
	tr := newTransport(t, s.URL, func(o *Options) { o.Timeout = 100 * time.Millisecond })
	if err := tr.Do(shortly(t, 5*time.Second), read()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestSlowAnswerToAWriteIsReportedAsPerhapsExecuted(t *testing.T) {
	s := newServer(t, reply{delay: time.Minute})
	tr := newTransport(t, s.URL, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	err := tr.Do(t.Context(), write())
	if !errors.Is(err, context.DeadlineExceeded) || !apierror.MaybeExecuted(err) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
}

func TestNoPauseIsBegunThatOutlivesTheDeadline(t *testing.T) {
	s := newServer(t, reply{status: 400, header: map[string]string{"x-acs-retry-after": "30000"}, body: refusal("Throttling", 400).body})
	start := time.Now()
	err := newTransport(t, s.URL).Do(shortly(t, 5*time.Second), read())
	if !errors.Is(err, apierror.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestFencedWriteIsNotSentAndReadsGoOn(t *testing.T) {
	s := newServer(t)
	reason := errors.New("the lease is old")
	tr := newTransport(t, s.URL, func(o *Options) { o.Fence = func() error { return reason } })
	if err := tr.Do(t.Context(), write()); !errors.Is(err, ErrFenced) || !errors.Is(err, reason) || apierror.MaybeExecuted(err) {
		t.Errorf("got %v", err)
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	if err := tr.Do(t.Context(), read()); err != nil {
		t.Error(err)
	}
}

func TestFenceIsAskedBeforeEachAttempt(t *testing.T) {
	s := newServer(t, refusal("OperationBusy", 400), refusal("OperationBusy", 400))
	tr := newTransport(t, s.URL, func(o *Options) {
		o.Fence = func() error {
			if len(s.requests()) >= 2 {
				return errors.New("the lease went")
			}
			return nil
		}
	})
	if err := tr.Do(t.Context(), write()); !errors.Is(err, ErrFenced) || len(s.requests()) != 2 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

func TestRefusedReplySaysSoInsideASuccess(t *testing.T) {
	s := newServer(t, reply{status: 200, body: `{"RequestId":"R","Success":false,"Code":"Forbidden","Message":"no"}`})
	call := read()
	call.Response = &replyWithSuccess{GetCallerIdentityResponse: sts.CreateGetCallerIdentityResponse()}
	if err := newTransport(t, s.URL).Do(t.Context(), call); !errors.Is(err, apierror.ErrDenied) {
		t.Errorf("got %v", err)
	}
}

// replyWithSuccess has the fields of those VPC replies that carry their own verdict.
type replyWithSuccess struct {
	*sts.GetCallerIdentityResponse

	Success bool   `json:"Success"`
	Code    string `json:"Code"`
	Message string `json:"Message"`
}

func TestObserverSeesEachAttemptWithoutSecrets(t *testing.T) {
	s := newServer(t, refusal("Throttling", 400))
	var seen []Attempt
	tr := newTransport(t, s.URL, func(o *Options) { o.Observe = func(a Attempt) { seen = append(seen, a) } })
	if err := tr.Do(t.Context(), write()); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || seen[0].Code != "Throttling" || seen[1].Code != "OK" || seen[1].Number != 2 || seen[1].RequestID != "REQ-OK" {
		t.Fatalf("got %+v", seen)
	}
	want := map[string]string{"RoleArn": "acs:ram::1:role/test", "RegionId": "cn-hangzhou"}
	if got := seen[1].Params; len(got) != len(want) || got["RoleArn"] != want["RoleArn"] || got["RegionId"] != want["RegionId"] {
		t.Errorf("params %v", got)
	}
}

func TestUserAgentNamesUs(t *testing.T) {
	s := newServer(t)
	tr := newTransport(t, s.URL, func(o *Options) { o.UserAgent = "kube-aliyun/test" })
	if err := tr.Do(t.Context(), read()); err != nil {
		t.Fatal(err)
	}
	if got := s.requests()[0].Header.Get("User-Agent"); !strings.Contains(got, "kube-aliyun/test") {
		t.Errorf("User-Agent %q", got)
	}
}

func TestBadProxyExceptionsOfTheEnvironmentHurtNobody(t *testing.T) {
	t.Setenv("NO_PROXY", "+[not-a-regular-expression")
	t.Setenv("HTTP_PROXY", "http://bad host:x")
	s := newServer(t)
	if err := newTransport(t, s.URL, func(o *Options) { o.RoundTripper = &http.Transport{DisableKeepAlives: true} }).Do(t.Context(), read()); err != nil {
		t.Error(err)
	}
}
