package credentials

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Pushed is a Source that others fill, for example from a watched Secret.
type Pushed struct {
	name string

	mu      sync.Mutex
	current Credentials
	reason  string
}

// NewPushed returns a source that yields what was last pushed into it, and an
// error with the reason while there is nothing. name is for messages.
func NewPushed(name string) *Pushed {
	return &Pushed{name: name, reason: "not read yet"}
}

// Update makes the key current. Half a key makes the source unavailable.
func (p *Pushed) Update(accessKeyID, accessKeySecret, securityToken string) {
	c := Credentials{
		AccessKeyID:     strings.TrimSpace(accessKeyID),
		AccessKeySecret: strings.TrimSpace(accessKeySecret),
		SecurityToken:   strings.TrimSpace(securityToken),
		Provider:        p.name,
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.AccessKeyID == "" || c.AccessKeySecret == "" {
		p.current, p.reason = Credentials{}, "it needs both accessKey and accessKeySecret"
		return
	}
	p.current, p.reason = c, ""
}

// Absent makes the source unavailable, for a reason that a person can act on.
func (p *Pushed) Absent(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current, p.reason = Credentials{}, reason
}

// Get implements Source.
func (p *Pushed) Get(context.Context) (Credentials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason != "" {
		return Credentials{}, fmt.Errorf("%w from %s: %s", ErrUnavailable, p.name, p.reason)
	}
	return p.current, nil
}
