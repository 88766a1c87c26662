package manager

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
)

// apiServer answers /readyz as it is told, and counts.
type apiServer struct {
	ready atomic.Bool
	asked atomic.Int32
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	s.asked.Add(1)
	if request.URL.Path != "/readyz" || !s.ready.Load() {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// health asks a handler and returns the status.
func health(t *testing.T, h http.Handler, method, path string) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Code
}

func TestAPIHealthSaysWhatTheAPIServerSays(t *testing.T) {
	api := &apiServer{}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	for _, ready := range []bool{true, false} {
		api.ready.Store(ready)
		h, err := newAPIHealth(&rest.Config{Host: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: 200, false: 503}[ready]
		// As load balancers ask.
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if got := health(t, h, method, "/readyz"); got != want {
				t.Errorf("ready %v: %s gives %d", ready, method, got)
			}
		}
	}
	h, err := newAPIHealth(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if got := health(t, h, http.MethodGet, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("without an API server: %d", got)
	}
}

func TestAPIHealthIsNoWayToTheAPI(t *testing.T) {
	api := &apiServer{}
	api.ready.Store(true)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	h, err := newAPIHealth(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got := health(t, h, http.MethodGet, "/api/v1/secrets"); got != http.StatusNotFound {
		t.Errorf("another path: %d", got)
	}
	if got := health(t, h, http.MethodPost, "/readyz"); got != http.StatusMethodNotAllowed {
		t.Errorf("a write: %d", got)
	}
	for range 100 {
		health(t, h, http.MethodGet, "/readyz")
	}
	if n := api.asked.Load(); n > 5 {
		t.Errorf("100 clients asked the API server %d times", n)
	}
}

func TestAPIHealthEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stopped, err := serveAPIHealth(ctx, "127.0.0.1:0", &rest.Config{Host: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-stopped
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	if _, err := serveAPIHealth(t.Context(), taken.Addr().String(), &rest.Config{Host: "127.0.0.1:1"}); err == nil {
		t.Error("a port that is taken is no error")
	}
	if stopped, err := serveAPIHealth(t.Context(), "", &rest.Config{}); err != nil {
		t.Error(err)
	} else {
		<-stopped
	}
}
