package transport

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

// fenceFallingAt lets the fence forbid from its n-th question on.
func fenceFallingAt(n int64, reason error) (fence func() error, reset func()) {
	var asked atomic.Int64
	return func() error {
		if asked.Add(1) >= n {
			return reason
		}
		return nil
	}, func() { asked.Store(0) }
}

// A process that is frozen after the decision to write, and woken when the lease
// is another's, is stopped by the connection itself: the third question.
func TestWriteIsNotSentWhenTheFenceFallsBeforeTheLastMoment(t *testing.T) {
	s := newServer(t)
	reason := errors.New("the lease is old")
	fence, reset := fenceFallingAt(3, reason)
	tr := newTransport(t, s.URL, func(o *Options) { o.Fence = fence })
	for _, connection := range []string{"new", "used"} {
		reset()
		err := tr.Do(t.Context(), write())
		if !errors.Is(err, ErrFenced) || !errors.Is(err, reason) || apierror.MaybeExecuted(err) {
			t.Errorf("%s connection: got %v", connection, err)
		}
		if n := len(s.requests()); connection == "new" && n != 0 || connection == "used" && n != 1 {
			t.Errorf("%s connection: %d requests have arrived", connection, n)
		}
		if err := tr.Do(t.Context(), read()); err != nil {
			t.Errorf("%s connection: a read after it: %v", connection, err)
		}
	}
}

func TestWriteOverTLSIsNotSentWhenTheFenceFallsBeforeTheLastMoment(t *testing.T) {
	var arrived atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		if r.ProtoMajor != 1 {
			t.Errorf("the request came by %s", r.Proto)
		}
		_, _ = w.Write([]byte(`{"RequestId":"R"}`))
	}))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	reason := errors.New("the lease is old")
	fence, reset := fenceFallingAt(3, reason)
	tr := newTransport(t, server.URL, func(o *Options) {
		o.Fence = fence
		o.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	})
	if err := tr.Do(t.Context(), write()); !errors.Is(err, ErrFenced) || arrived.Load() != 0 {
		t.Errorf("%d requests have arrived, %v", arrived.Load(), err)
	}
	reset()
	if err := tr.Do(t.Context(), read()); err != nil || arrived.Load() != 1 {
		t.Errorf("a read after it: %d requests have arrived, %v", arrived.Load(), err)
	}
}
