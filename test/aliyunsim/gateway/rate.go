package gateway

import (
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// rates counts admitted calls per account and action in fixed windows.
type rates struct {
	mu      sync.Mutex
	windows map[string]*rateWindow
}

type rateWindow struct {
	began time.Time
	calls int
}

func newRates() *rates { return &rates{windows: map[string]*rateWindow{}} }

// admit counts a call unless the window is full; then it returns how long the
// window still lasts.
func (r *rates) admit(key string, now time.Time, limit int, window time.Duration) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.windows[key]
	if w == nil || now.Sub(w.began) >= window {
		w = &rateWindow{began: now}
		r.windows[key] = w
	}
	if w.calls >= limit {
		return w.began.Add(window).Sub(now), false
	}
	w.calls++
	return 0, true
}

// limit refuses the call when its action's rate window is full.
func (x *exchange) limit(account string) *failure {
	limit, ok := pick(x.knobs.RateLimits, x.entry.Action)
	if !ok || limit <= 0 {
		return nil
	}
	left, ok := x.g.rates.admit(account+"/"+x.action.rule, x.g.clock.Now(), limit, x.knobs.RateWindow)
	if ok {
		return nil
	}
	f := &failure{Error: api.Errorf(http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control.")}
	if x.knobs.ThrottleCode != "" {
		f.Error = api.Errorf(http.StatusBadRequest, x.knobs.ThrottleCode, "Request was denied due to api flow control.")
	}
	if x.knobs.RetryAfter {
		f.retryAfter = left
	}
	return f
}

// pick returns the value for an action: its own, or the one of the longest
// pattern that matches.
func pick[T any](m map[string]T, action string) (T, bool) {
	if v, ok := m[action]; ok {
		return v, true
	}
	var best T
	found, length := false, -1
	for pattern, v := range m {
		if ok, err := path.Match(pattern, action); err == nil && ok && len(pattern) > length {
			best, found, length = v, true, len(pattern)
		}
	}
	return best, found
}
