package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// apiHealthTimeout is within a load balancer's shortest useful time-out.
	apiHealthTimeout = 2 * time.Second
	// apiHealthAge is for how long an answer serves others: everybody who reaches
	// the port may ask, and the API server is not to feel it.
	apiHealthAge = 500 * time.Millisecond
)

// apiHealth answers in the clear whether the API server that this replica speaks with
// is ready: a load balancer before API servers cannot ask them over HTTPS.
type apiHealth struct {
	client *http.Client
	url    string

	mu sync.Mutex
	// asked and ready are guarded by mu.
	asked time.Time
	ready bool
}

func newAPIHealth(config *rest.Config) (*apiHealth, error) {
	client, err := rest.HTTPClientFor(rest.CopyConfig(config))
	if err != nil {
		return nil, fmt.Errorf("client of the API server's health: %w", err)
	}
	client.Timeout = apiHealthTimeout
	base := strings.TrimSuffix(config.Host, "/")
	if !strings.Contains(base, "://") {
		base = "https://" + base
	}
	return &apiHealth{client: client, url: base + "/readyz"}, nil
}

// ServeHTTP answers /readyz with 200 or 503 and tells nothing more.
func (h *apiHealth) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	switch {
	case request.URL.Path != "/readyz":
		http.NotFound(w, request)
	case request.Method != http.MethodGet && request.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case h.ask(request.Context()):
		_, _ = w.Write([]byte("ok\n"))
	default:
		http.Error(w, "the API server is not ready", http.StatusServiceUnavailable)
	}
}

// ask asks the API server, unless somebody has just done so.
func (h *apiHealth) ask(ctx context.Context) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < apiHealthAge {
		return h.ready
	}
	h.ready = h.answers(context.WithoutCancel(ctx))
	h.asked = time.Now()
	return h.ready
}

func (h *apiHealth) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, apiHealthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return false
	}
	response, err := h.client.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

// serveAPIHealth serves it until ctx ends, if it is wanted. stopped is closed when
// the server has ended.
func serveAPIHealth(ctx context.Context, address string, config *rest.Config) (stopped <-chan struct{}, err error) {
	done := make(chan struct{})
	if address == "" {
		close(done)
		return done, nil
	}
	handler, err := newAPIHealth(config)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the API server's health (--api-health-address): %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: apiHealthTimeout, ReadTimeout: apiHealthTimeout, WriteTimeout: 2 * apiHealthTimeout,
		IdleTimeout: apiHealthTimeout, MaxHeaderBytes: 4 << 10,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close()
		}
	}()
	go func() {
		defer close(done)
		<-ctx.Done()
		_ = server.Close()
		<-ended
		handler.client.CloseIdleConnections()
	}()
	return done, nil
}
