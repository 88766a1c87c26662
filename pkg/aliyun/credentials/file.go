package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"
)

// File is a Source backed by a file. The file is looked at on every Get, so a
// changed key is used by the next call.
type File struct {
	path  string
	clock clock.PassiveClock

	mu      sync.Mutex
	content []byte
	current Credentials
	read    time.Time // when current was last found in the file
}

const (
	maxFileSize = 64 << 10
	// fileGrace is how long the last good key serves while the file is missing
	// or half written: not everybody replaces files atomically.
	fileGrace = time.Minute
)

// NewFile reads path: YAML or JSON with accessKey, accessKeySecret and
// optionally securityToken and expiration (RFC 3339).
func NewFile(path string) *File {
	return &File{path: path, clock: clock.RealClock{}}
}

// Get implements Source.
func (f *File) Get(context.Context) (Credentials, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	err := f.load()
	if err == nil {
		f.read = now
	} else if f.current.AccessKeyID == "" || now.Sub(f.read) > fileGrace {
		return Credentials{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if e := f.current.Expires; !e.IsZero() && !now.Before(e) {
		return Credentials{}, fmt.Errorf("%w: the token in %s expired at %s", ErrUnavailable, f.path, e.UTC().Format(time.RFC3339))
	}
	return f.current, nil
}

// load brings current up to date with the file, or fails and leaves it.
func (f *File) load() error {
	content, err := readAtMost(f.path, maxFileSize)
	if err != nil {
		return fmt.Errorf("reading the credentials file: %w", err)
	}
	if f.content != nil && bytes.Equal(content, f.content) {
		return nil
	}
	c, err := parseFile(content)
	if err != nil {
		return fmt.Errorf("credentials file %s: %w", f.path, err)
	}
	f.content, f.current = content, c
	return nil
}

func readAtMost(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err //nolint:wrapcheck // names the operation and the path
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err //nolint:wrapcheck // names the operation and the path
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return content, nil
}

// The parser's own errors quote the text, which holds the secret.
var (
	errFileFormat = errors.New("not YAML or JSON with the texts accessKey, accessKeySecret and, for a temporary key, securityToken and expiration")
	errFileHalf   = errors.New("accessKey and accessKeySecret are both needed")
	errFileExpiry = errors.New("expiration is not a time such as 2026-01-02T15:04:05Z")
)

func parseFile(content []byte) (Credentials, error) {
	var doc struct {
		AccessKey       string `json:"accessKey"`
		AccessKeySecret string `json:"accessKeySecret"`
		SecurityToken   string `json:"securityToken"`
		Expiration      string `json:"expiration"`
	}
	if yaml.UnmarshalStrict(content, &doc) != nil {
		return Credentials{}, errFileFormat
	}
	c := Credentials{
		AccessKeyID:     strings.TrimSpace(doc.AccessKey),
		AccessKeySecret: strings.TrimSpace(doc.AccessKeySecret),
		SecurityToken:   strings.TrimSpace(doc.SecurityToken),
		Provider:        "file",
	}
	if c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return Credentials{}, errFileHalf
	}
	if doc.Expiration != "" {
		expires, err := time.Parse(time.RFC3339, doc.Expiration)
		if err != nil {
			return Credentials{}, errFileExpiry
		}
		c.Expires = expires
	}
	return c, nil
}
