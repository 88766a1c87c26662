// Package metadata simulates the instance metadata service: what a server can
// ask about itself, with the credentials of its RAM role and the hardened mode.
package metadata

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

// Knobs are the run-time settings of the service.
type Knobs struct {
	// Disabled closes connections without an answer.
	Disabled bool
	// TokenRequired refuses reads without a token; TokensUnsupported does not
	// know tokens, like old servers.
	TokenRequired, TokensUnsupported bool
	// TokenDelay is how long a request for a token takes.
	TokenDelay time.Duration
	// Instance is the server that /latest speaks of; empty: the first one.
	Instance string
	// Role is the RAM role of all servers; empty for none.
	Role string
	// Validity is how long the role's credentials last; they are renewed when
	// RotateBefore is left.
	Validity, RotateBefore time.Duration
	// RoleFails answers requests for credentials with 500.
	RoleFails bool
	// SpotTermination is when a server will be taken away, by server.
	SpotTermination map[string]string
}

// DefaultKnobs are a service as published.
func DefaultKnobs() Knobs {
	return Knobs{Validity: 6 * time.Hour, RotateBefore: 30 * time.Minute}
}

// Source is the region behind the service.
type Source interface {
	// Instance describes a server; the first one for an empty id; false when
	// there is none.
	Instance(id string) (Instance, bool)
	// RoleDocument returns the credentials of a role as JSON; false when there is
	// no such role.
	RoleDocument(role string, validity, rotateBefore time.Duration) (string, bool)
}

// Service is the HTTP handler. It is safe for concurrent use.
type Service struct {
	source  Source
	clock   *simclock.Clock
	stopped <-chan struct{}
	knobs   atomic.Pointer[Knobs]
	tokens  *tokens
}

// New makes the service; the context ends its waits.
func New(ctx context.Context, source Source, clock *simclock.Clock) *Service {
	s := &Service{source: source, clock: clock, stopped: ctx.Done(), tokens: newTokens()}
	s.SetKnobs(DefaultKnobs())
	return s
}

// Knobs returns the settings in force.
func (s *Service) Knobs() Knobs { return *s.knobs.Load() }

// SetKnobs replaces the settings.
func (s *Service) SetKnobs(k Knobs) { s.knobs.Store(&k) }

const (
	tokenHeader = "X-Aliyun-Ecs-Metadata-Token"
	ttlHeader   = "X-Aliyun-Ecs-Metadata-Token-Ttl-Seconds"
	maxTTL      = 21600
)

// ServeHTTP serves /latest/... for the default server and
// /metadata/<server>/latest/... for any.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k := s.knobs.Load()
	if k.Disabled {
		panic(http.ErrAbortHandler)
	}
	id, path := k.Instance, r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/metadata/"); ok {
		var found bool
		if id, path, found = strings.Cut(rest, "/"); !found {
			http.NotFound(w, r)
			return
		}
		path = "/" + path
	}
	path, ok := strings.CutPrefix(path, "/latest/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	instance, ok := s.source.Instance(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	instance.SpotTermination = k.SpotTermination[instance.ID]
	switch {
	case path == "api/token":
		s.token(w, r, k, instance.ID)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case !s.admitted(r, k, instance.ID):
		http.Error(w, "forbidden", http.StatusForbidden)
	default:
		s.read(w, r, k, instance, path)
	}
}

// admitted checks the token of a read: one that is given must be good also where
// none is required.
func (s *Service) admitted(r *http.Request, k *Knobs, instance string) bool {
	token := r.Header.Get(tokenHeader)
	if token == "" || k.TokensUnsupported {
		return !k.TokenRequired
	}
	return s.tokens.good(token, instance, s.clock.Now())
}

// token answers PUT /latest/api/token.
func (s *Service) token(w http.ResponseWriter, r *http.Request, k *Knobs, instance string) {
	if k.TokensUnsupported {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPut {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Get("X-Forwarded-For") != "" {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		http.Error(w, fmt.Sprintf("the ttl must be 1 to %d", maxTTL), http.StatusBadRequest)
		return
	}
	if k.TokenDelay > 0 {
		if s.clock.WaitUntil(r.Context(), s.stopped, s.clock.Now().Add(k.TokenDelay)) != nil {
			panic(http.ErrAbortHandler)
		}
	}
	write(w, s.tokens.issue(instance, s.clock.Now(), time.Duration(ttl)*time.Second))
}

func (s *Service) read(w http.ResponseWriter, r *http.Request, k *Knobs, instance Instance, path string) {
	leaves := map[string]string{
		"dynamic/instance-identity/document": instance.identity(),
		"dynamic/instance-identity/pkcs7":    "MIIB",
	}
	for leaf, value := range instance.leaves() {
		leaves["meta-data/"+leaf] = value
	}
	const roles = "meta-data/ram/security-credentials/"
	if k.Role != "" {
		if strings.HasPrefix(path, roles) && k.RoleFails {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		leaves[roles+k.Role] = ""
		if path == roles+k.Role {
			document, ok := s.source.RoleDocument(k.Role, k.Validity, k.RotateBefore)
			if !ok {
				http.NotFound(w, r)
				return
			}
			leaves[path] = document
		}
	}
	text, ok := look(leaves, path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	write(w, text)
}

func write(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// The client may have gone; it is its loss.
	_, _ = io.WriteString(w, text)
}
