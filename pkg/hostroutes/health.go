package hostroutes

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Health answers whether an Agent works. Healthy is whose last pass has come to an
// end within three periods, and without an error; a pass that has to wait for
// something is fine, as a new start would not bring it. Ready is who has made the
// routes once.
type Health struct {
	period time.Duration

	mu     sync.Mutex
	good   time.Time
	ready  bool
	reason string
}

func newHealth(period time.Duration) *Health {
	return &Health{period: period, good: time.Now(), reason: "no pass has been made yet"}
}

// passed notes a pass.
func (h *Health) passed(r Report) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case r.Err != nil:
		h.reason = r.Err.Error()
		return
	case r.Waiting != "":
		h.reason = r.Waiting
	default:
		h.reason, h.ready = "", true
	}
	h.good = time.Now()
}

// Healthz answers liveness probes.
func (h *Health) Healthz(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if age := time.Since(h.good); age >= 3*h.period {
		answer(w, http.StatusServiceUnavailable, fmt.Sprintf("no pass has succeeded for %s: %s\n", age.Round(time.Second), h.reason))
		return
	}
	answer(w, http.StatusOK, "ok\n")
}

// Readyz answers readiness probes.
func (h *Health) Readyz(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ready {
		answer(w, http.StatusServiceUnavailable, "not ready: "+h.reason+"\n")
		return
	}
	answer(w, http.StatusOK, "ok\n")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
