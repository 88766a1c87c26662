package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Record is what a later process needs to end a detached program.
type Record struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// Marker is text among the program's arguments that no other process has,
	// such as the path of its folder: process ids are used again.
	Marker string `json:"marker"`
	Log    string `json:"log"`
	// URL is where the program serves, if it does.
	URL string `json:"url,omitempty"`
}

// Alive tells whether the recorded program runs. A dead process that nobody
// waited for has no arguments left.
func (r Record) Alive() bool {
	if r.PID <= 1 || r.Marker == "" {
		return false
	}
	arguments, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(r.PID), "cmdline"))
	return err == nil && bytes.Contains(arguments, []byte(r.Marker))
}

// killTimeout bounds the wait for a killed process to be gone.
const killTimeout = 10 * time.Second

var errStillThere = errors.New("the process has not ended")

// End asks the program to stop, and kills it when ctx or the grace is over.
func (r Record) End(ctx context.Context, grace time.Duration) error {
	// The handle comes first: what is looked at is then what is signalled, even
	// if the process ends in between and its id is used again.
	handle, err := os.FindProcess(r.PID)
	if err != nil {
		return fmt.Errorf("find %s: %w", r.Name, err)
	}
	defer func() { _ = handle.Release() }()
	if !r.Alive() {
		return nil
	}
	if err := handle.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", r.Name, err)
	}
	if r.gone(ctx.Done(), grace) {
		return nil
	}
	return KillAll(r)
}

// KillAll kills those of the recorded programs that run, and waits until they
// are gone.
func KillAll(records ...Record) error {
	var problems []error
	for _, r := range records {
		problems = append(problems, r.kill())
	}
	for _, r := range records {
		if !r.gone(nil, killTimeout) {
			problems = append(problems, fmt.Errorf("%s (process %d): %w", r.Name, r.PID, errStillThere))
		}
	}
	return errors.Join(problems...)
}

func (r Record) kill() error {
	handle, err := os.FindProcess(r.PID)
	if err != nil {
		return fmt.Errorf("find %s: %w", r.Name, err)
	}
	defer func() { _ = handle.Release() }()
	if !r.Alive() {
		return nil
	}
	if err := handle.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", r.Name, err)
	}
	return nil
}

// gone waits until the program has ended; false when stop or the limit was first.
func (r Record) gone(stop <-chan struct{}, limit time.Duration) bool {
	over := time.NewTimer(limit)
	defer over.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.Alive() {
		select {
		case <-stop:
			return false
		case <-over.C:
			return false
		case <-tick.C:
		}
	}
	return true
}
