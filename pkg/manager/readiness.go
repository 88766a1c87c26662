package manager

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// readiness answers /readyz with a line for each condition, and its reason
// while it does not hold.
type readiness struct {
	mu      sync.Mutex
	order   []string
	reasons map[string]string
}

// newReadiness starts with every condition unmet.
func newReadiness(conditions ...string) *readiness {
	r := &readiness{order: conditions, reasons: map[string]string{}}
	for _, c := range conditions {
		r.reasons[c] = "not started"
	}
	return r
}

// ok marks a condition as met.
func (r *readiness) ok(condition string) { r.set(condition, "") }

// set marks a condition as unmet for a reason; an empty reason means met.
func (r *readiness) set(condition, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.order, condition) {
		r.order = append(r.order, condition)
	}
	r.reasons[condition] = reason
}

// ServeHTTP answers 200 when everything holds and 503 otherwise.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusOK
	var b strings.Builder
	for _, c := range r.order {
		if reason := r.reasons[c]; reason != "" {
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&b, "[-]%s: %s\n", c, reason)
		} else {
			fmt.Fprintf(&b, "[+]%s ok\n", c)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

// unmet lists the conditions that do not hold, each with its reason.
func (r *readiness) unmet() string {
	r.mu.Lock()
	order := slices.Clone(r.order)
	r.mu.Unlock()
	return r.unmetAmong(order)
}

// unmetAmong is unmet for some of the conditions.
func (r *readiness) unmetAmong(conditions []string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var reasons []string
	for _, c := range conditions {
		if reason := r.reasons[c]; reason != "" {
			reasons = append(reasons, c+": "+reason)
		}
	}
	return strings.Join(reasons, "; ")
}
