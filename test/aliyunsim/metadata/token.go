package metadata

import (
	"crypto/rand"
	"maps"
	"sync"
	"time"
)

// tokens are the tokens of hardened mode. Each is good for one server until it
// expires; there may be any number.
type tokens struct {
	mu    sync.Mutex
	known map[string]token
	prune time.Time
}

type token struct {
	instance string
	expires  time.Time
}

func newTokens() *tokens { return &tokens{known: map[string]token{}} }

func (t *tokens) issue(instance string, now time.Time, ttl time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !now.Before(t.prune) {
		maps.DeleteFunc(t.known, func(_ string, k token) bool { return !now.Before(k.expires) })
		t.prune = now.Add(time.Minute)
	}
	text := rand.Text() + rand.Text()
	t.known[text] = token{instance: instance, expires: now.Add(ttl)}
	return text
}

func (t *tokens) good(text, instance string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.known[text]
	return ok && k.instance == instance && now.Before(k.expires)
}
