package ram

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Key is a long-lived access key.
type Key struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	// User is the RAM user's name; empty for the account itself.
	User     string `json:"user,omitempty"`
	Inactive bool   `json:"inactive,omitempty"`
	// Policies limit the key; without any it may do everything.
	Policies []Policy `json:"policies,omitempty"`
}

// Role can be assumed by keys, by OIDC tokens and by servers.
type Role struct {
	Name string `json:"name"`
	// MaxSession is the longest session in seconds; 0 is 3600.
	MaxSession int `json:"maxSessionSeconds,omitempty"`
	// Policies limit the role's sessions; without any they may do everything.
	Policies []Policy `json:"policies,omitempty"`
	// OIDCProvider is the ARN of the identity provider that is trusted; any when empty.
	OIDCProvider string `json:"oidcProvider,omitempty"`
	// DenyAssume makes every AssumeRole of this role fail with NoPermission.
	DenyAssume bool `json:"denyAssume,omitempty"`
}

// Session is temporary credentials of a role.
type Session struct {
	KeyID   string    `json:"keyId"`
	Secret  string    `json:"secret"`
	Token   string    `json:"token"`
	Role    string    `json:"role"`
	Name    string    `json:"name"`
	Expires time.Time `json:"expires"`
	// Limit is the policy given at issue, which narrows the role's.
	Limit *Policy `json:"limit,omitempty"`
}

// afterlife is how long an expired session is told apart from an unknown one.
const afterlife = 24 * time.Hour

// Store is the identities of one account. It is safe for concurrent use.
type Store struct {
	account string

	mu       sync.RWMutex
	keys     map[string]Key
	roles    map[string]Role
	sessions map[string]Session
	// next is when the oldest session may be forgotten.
	next time.Time
}

// NewStore makes an account without keys.
func NewStore(account string) *Store {
	return &Store{account: account, keys: map[string]Key{}, roles: map[string]Role{}, sessions: map[string]Session{}}
}

// Failures of the store.
var (
	ErrNoKey  = errors.New("no such access key")
	ErrNoRole = errors.New("no such role")
	ErrEmpty  = errors.New("name or secret is empty")
)

// PutKey adds or replaces a key.
func (s *Store) PutKey(k Key) error {
	if k.ID == "" || k.Secret == "" {
		return fmt.Errorf("access key: %w", ErrEmpty)
	}
	for _, p := range k.Policies {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("access key %s: %w", k.ID, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.ID] = k
	return nil
}

// Attach replaces the policies of a key; none lets it do everything.
func (s *Store) Attach(id string, policies ...Policy) error {
	s.mu.RLock()
	k, ok := s.keys[id]
	s.mu.RUnlock()
	if !ok {
		return fmt.Errorf("%w: %s", ErrNoKey, id)
	}
	k.Policies = policies
	return s.PutKey(k)
}

// DeleteKey removes a key.
func (s *Store) DeleteKey(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, id)
}

// PutRole adds or replaces a role.
func (s *Store) PutRole(r Role) error {
	if r.Name == "" {
		return fmt.Errorf("role: %w", ErrEmpty)
	}
	for _, p := range r.Policies {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("role %s: %w", r.Name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[r.Name] = r
	return nil
}

// DeleteRole removes a role; its sessions end.
func (s *Store) DeleteRole(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.roles, name)
	maps.DeleteFunc(s.sessions, func(_ string, v Session) bool { return v.Role == name })
}

// Role returns a role by name.
func (s *Store) Role(name string) (Role, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.roles[name]
	return r, ok
}

// PutSession remembers issued credentials, and forgets those that expired long
// before now.
func (s *Store) PutSession(now time.Time, v Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.roles[v.Role]; !ok {
		return fmt.Errorf("%w: %s", ErrNoRole, v.Role)
	}
	if !now.Before(s.next) {
		s.next = now.Add(time.Hour)
		maps.DeleteFunc(s.sessions, func(_ string, old Session) bool { return now.Sub(old.Expires) > afterlife })
	}
	s.sessions[v.KeyID] = v
	return nil
}

// ExpireSessions makes every session of a role (all of them when empty) expire now.
func (s *Store) ExpireSessions(now time.Time, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, v := range s.sessions {
		if (role == "" || v.Role == role) && v.Expires.After(now) {
			v.Expires = now
			s.sessions[id] = v
		}
	}
}

// dump is the store as it is saved.
type dump struct {
	Keys     []Key     `json:"keys"`
	Roles    []Role    `json:"roles,omitempty"`
	Sessions []Session `json:"sessions,omitempty"`
}

// Dump returns everything, secrets included.
func (s *Store) Dump() (json.RawMessage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := dump{Keys: sorted(s.keys), Roles: sorted(s.roles), Sessions: sorted(s.sessions)}
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("dump identities: %w", err)
	}
	return raw, nil
}

// Restore replaces everything by an earlier Dump.
func (s *Store) Restore(raw json.RawMessage) error {
	var d dump
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("restore identities: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.roles, s.sessions = map[string]Key{}, map[string]Role{}, map[string]Session{}
	for _, k := range d.Keys {
		s.keys[k.ID] = k
	}
	for _, r := range d.Roles {
		s.roles[r.Name] = r
	}
	for _, v := range d.Sessions {
		s.sessions[v.KeyID] = v
	}
	return nil
}

func sorted[T any](m map[string]T) []T {
	out := make([]T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}
