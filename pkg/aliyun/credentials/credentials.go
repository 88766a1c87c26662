// Package credentials yields what API calls are signed with, from the place
// the configuration names: an access key, a file, a pushed Secret, the server's
// RAM role, an OIDC token, or a role assumed with one of these.
package credentials

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrUnavailable means that a source has no usable credentials at present. It may have
// some later; nothing needs to be restarted.
var ErrUnavailable = errors.New("no credentials")

// Credentials sign calls. The zero Expires means that they do not expire.
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string
	Expires         time.Time
	// Provider names the source in messages ("file", "ram-role", ...).
	Provider string
}

// String hides everything but the source.
func (c Credentials) String() string { return "credentials(" + c.Provider + ")" }

// GoString hides everything but the source.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides everything but the source.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalLog hides everything but the source from structured loggers.
func (c Credentials) MarshalLog() any { return c.String() }

// Source yields credentials that are usable now.
type Source interface {
	Get(ctx context.Context) (Credentials, error)
}

// Invalidator is implemented by sources that can be told that the API refused
// what they yielded, so that the next Get does not yield the same from memory.
type Invalidator interface {
	Invalidate(refused Credentials)
}
