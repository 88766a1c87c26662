package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// base holds a folder per sandbox. It is fixed, as the next sandbox has to find
// those that were left behind, and short, as sockets below it may have paths of
// 107 bytes at most.
const base = "/run/kube-aliyun"

// attempts are how many new folders are tried: somebody else's Sweep may take one
// for left behind in the moment before it is locked.
const attempts = 10

// ErrUnsupported is why there can be no sandbox: the process is not root, or may
// not make namespaces.
var ErrUnsupported = errors.New("no sandbox on this machine")

// Sandbox is a set of namespaces, control groups and files that goes as a whole.
// It is safe for concurrent use.
type Sandbox struct {
	id   string
	lock *os.File

	mu         sync.Mutex
	namespaces map[string]*Namespace
}

// Open makes a sandbox. What sandboxes of dead processes have left on the
// machine is removed first. The error is ErrUnsupported where the process lacks
// the rights.
func Open(ctx context.Context) (*Sandbox, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: it takes root", ErrUnsupported)
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := Sweep(ctx); err != nil {
		return nil, err
	}
	var problem error
	for range attempts {
		random := make([]byte, 3)
		_, _ = rand.Read(random) // never fails
		s := &Sandbox{id: "ka" + hex.EncodeToString(random), namespaces: map[string]*Namespace{}}
		if s.lock, problem = claim(s.Dir(), os.Mkdir); problem == nil {
			return s, nil
		}
		problem = fmt.Errorf("sandbox %s: %w", s.id, problem)
	}
	return nil, problem
}

// ID is in the name of everything of the sandbox: eight letters and digits.
func (s *Sandbox) ID() string { return s.id }

// Dir is a folder for files, sockets and mounts, readable by root alone.
func (s *Sandbox) Dir() string { return filepath.Join(base, s.id) }

// Close ends every process in the sandbox's control groups and removes all that
// was made. What could not be removed is in the error, and is tried again by the
// next sandbox.
func (s *Sandbox) Close(ctx context.Context) error {
	s.mu.Lock()
	for _, n := range s.namespaces {
		n.forget()
	}
	s.namespaces = map[string]*Namespace{}
	s.mu.Unlock()
	err := remove(ctx, s.id)
	return errors.Join(err, s.lock.Close())
}

// Sweep removes the sandboxes whose owners have ended without doing so.
func Sweep(ctx context.Context) error {
	entries, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sandboxes left behind: %w", err)
	}
	var problems []error
	for _, entry := range entries {
		lock, err := claim(filepath.Join(base, entry.Name()), nil)
		if err != nil {
			continue // somebody has it
		}
		if err := remove(ctx, entry.Name()); err != nil {
			problems = append(problems, fmt.Errorf("sandbox %s, left behind: %w", entry.Name(), err))
		}
		_ = lock.Close()
	}
	return errors.Join(problems...)
}

// claim locks a sandbox's folder, which create makes where it is given. The
// kernel gives the lock back when the process ends, however it ends.
func claim(dir string, create func(string, os.FileMode) error) (*os.File, error) {
	if create != nil {
		if err := create(dir, 0o700); err != nil {
			return nil, err
		}
	}
	lock, err := os.Open(dir) // #nosec G304 -- a folder of base
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil { // #nosec G115 -- a file descriptor
		return nil, errors.Join(err, lock.Close())
	}
	// Who had it before may have removed it.
	locked, err := lock.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Stat(dir); err == nil && !os.SameFile(locked, there) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}
