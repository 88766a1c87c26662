package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

func TestKeyRotatedUnderLoadIsNeverMixed(t *testing.T) {
	s := newServer(t)
	source := credentials.NewPushed("test")
	push := func(n int) {
		token := ""
		if n%2 == 0 { // a temporary key after a permanent one, and back
			token = fmt.Sprintf("test-token-%d", n)
		}
		source.Update(fmt.Sprintf("test-id-%d", n), fmt.Sprintf("test-secret-%d", n), token)
	}
	push(0)
	tr := newTransport(t, s.URL, func(o *Options) { o.Credentials = source })
	stop := make(chan struct{})
	var rotating, calling sync.WaitGroup
	rotating.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				push(n)
			}
		}
	})
	var failed atomic.Int32
	for range 50 {
		calling.Go(func() {
			for range 10 {
				if err := tr.Do(t.Context(), read()); err != nil {
					failed.Add(1)
				}
			}
		})
	}
	calling.Wait()
	close(stop)
	rotating.Wait()
	if failed.Load() != 0 {
		t.Errorf("%d calls failed", failed.Load())
	}
	for _, r := range s.requests() {
		var n int
		if _, err := fmt.Sscanf(r.Form.Get("AccessKeyId"), "test-id-%d", &n); err != nil {
			t.Fatal(err)
		}
		want := ""
		if n%2 == 0 {
			want = fmt.Sprintf("test-token-%d", n)
		}
		if got := r.Form.Get("SecurityToken"); got != want {
			t.Fatalf("key %d was sent with token %q", n, got)
		}
	}
}

func TestExpiredTokenIsReplacedAndTheCallRepeatedOnce(t *testing.T) {
	s := newServer(t, refusal("InvalidSecurityToken.Expired", 400))
	tr := newTransport(t, s.URL, func(o *Options) { o.Credentials = &rotating{} })
	if err := tr.Do(t.Context(), write()); err != nil {
		t.Fatal(err)
	}
	seen := s.requests()
	if len(seen) != 2 || seen[0].Form.Get("SecurityToken") == seen[1].Form.Get("SecurityToken") {
		t.Errorf("%d requests", len(seen))
	}
}

// rotating yields another token each time it is told that one was refused.
type rotating struct{ n atomic.Int32 }

func (r *rotating) Get(context.Context) (credentials.Credentials, error) {
	return credentials.Credentials{AccessKeyID: "test-id", AccessKeySecret: "test-s", SecurityToken: fmt.Sprintf("test-%d", r.n.Load())}, nil
}

func (r *rotating) Invalidate(credentials.Credentials) { r.n.Add(1) }

func TestRefusedKeyWithoutAnotherIsReportedAtOnce(t *testing.T) {
	s := newServer(t, refusal("InvalidAccessKeyId.NotFound", 404))
	err := newTransport(t, s.URL).Do(t.Context(), read())
	if !errors.Is(err, apierror.ErrDenied) || errors.Is(err, apierror.ErrNotFound) || len(s.requests()) != 1 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

func TestMissingCredentialsAreAClearErrorAndNothingIsSent(t *testing.T) {
	s := newServer(t)
	source := credentials.NewPushed("Secret kube-system/aliyun-creds")
	source.Absent("it does not exist")
	tr := newTransport(t, s.URL, func(o *Options) { o.Credentials, o.MaxAttempts = source, 1 })
	err := tr.Do(t.Context(), write())
	if !errors.Is(err, credentials.ErrUnavailable) || apierror.MaybeExecuted(err) || len(s.requests()) != 0 {
		t.Errorf("got %v", err)
	}
	source.Update("test-id", "test-secret", "")
	if err := tr.Do(t.Context(), write()); err != nil {
		t.Error(err)
	}
}

func TestRoleIsAssumedThroughTheSamePipeline(t *testing.T) {
	expires := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	s := newServer(t, refusal("Throttling", 400), reply{status: http.StatusOK, body: `{"RequestId":"R","Credentials":{"AccessKeyId":"STS.test","AccessKeySecret":"test-s","SecurityToken":"test-t","Expiration":"` + expires + `"}}`})
	base := newTransport(t, s.URL)
	role := credentials.Role{ARN: "acs:ram::1:role/r", ExternalID: "x"}
	source := credentials.NewRefreshing(credentials.NewAssumedRole(NewAssumer(base), role), clock.RealClock{})
	tr := newTransport(t, s.URL, func(o *Options) { o.Credentials = source })
	for range 2 {
		if err := tr.Do(t.Context(), read()); err != nil {
			t.Fatal(err)
		}
	}
	seen := s.requests()
	if len(seen) != 4 {
		t.Fatalf("%d requests", len(seen))
	}
	assume, use := seen[1].Form, seen[3].Form
	if assume.Get("Action") != "AssumeRole" || assume.Get("ExternalId") != "x" || assume.Get("DurationSeconds") != "3600" || assume.Get("AccessKeyId") != "test-key-id" {
		t.Errorf("assumed with %v", assume)
	}
	if use.Get("AccessKeyId") != "STS.test" || use.Get("SecurityToken") != "test-t" {
		t.Error("the role's credentials were not used")
	}
}
