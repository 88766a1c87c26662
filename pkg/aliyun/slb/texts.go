package slb

import "sync"

// maxTexts bounds what is kept for texts that are no longer used, such as the
// ids of servers that went.
const maxTexts = 1 << 14

// texts keeps one copy of each text that replies repeat. It is safe for
// concurrent use.
type texts struct {
	mu    sync.Mutex
	known map[string]string
}

// one returns the copy that is kept of a text.
func (t *texts) one(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, found := t.known[text]; found {
		return known
	}
	if t.known == nil || len(t.known) >= maxTexts {
		t.known = map[string]string{}
	}
	t.known[text] = text
	return text
}
