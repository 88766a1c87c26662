package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

// holdLimit bounds the start of real servers. The first builds programs.
const holdLimit = 4 * time.Minute

// startHolder starts the process that holds real servers, which is this program
// again, and tells its progress until all of it can be used.
func (s *starter) startHolder(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	for _, name := range []string{controllerName, "aliyun-sim"} {
		if _, err := os.Stat(s.binary(name)); err != nil {
			return fmt.Errorf("%w; `make build` first", err)
		}
	}
	p, err := s.launch(ctx, holderName, self, "--state="+s.state(), "", "hold", "--workers="+strconv.Itoa(s.record.Nodes))
	if err != nil {
		return err
	}
	told := &follower{path: s.progress(), console: s.console}
	what := fmt.Sprintf("a master and %d workers are real nodes, with a network and load balancers", s.record.Nodes)
	_, err = s.console.Until(ctx, holdLimit, what, func(context.Context) (string, error) {
		last, err := told.follow()
		if err != nil {
			return "", err
		}
		if ended := p.Ended(); ended != "" {
			return "", &console.HopelessError{Err: fmt.Errorf("%s has ended (%s): %w", holderName, ended, errEnded)}
		}
		return s.readHeld(last)
	})
	if err != nil {
		return fmt.Errorf("%w\n--- the end of %s:\n%s", err, s.short(s.log(holderName)), tail(s.log(holderName), 20))
	}
	return s.save(s.record)
}

// readHeld reads what the holder tells, which is missing until it is ready.
func (s *starter) readHeld(last string) (missing string, err error) {
	content, err := os.ReadFile(s.state())
	if errors.Is(err, fs.ErrNotExist) {
		return "so far: " + last, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading what the holder tells: %w", err)
	}
	var h held
	if err := json.Unmarshal(content, &h); err != nil {
		return "", fmt.Errorf("reading what the holder tells: %w", err)
	}
	s.record.Held, s.record.Kubeconfig, s.record.SimulatorURL = &h, h.Kubeconfig, h.SimulatorURL
	return "", nil
}

// follower tells the lines of a file that grows.
type follower struct {
	path    string
	console *console.Console
	read    int
	last    string
}

// follow tells complete lines that are new, and returns the last of all.
func (f *follower) follow() (last string, err error) {
	if f.last == "" {
		f.last = "programs and images are being built"
	}
	content, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.last, nil
	}
	if err != nil {
		return "", fmt.Errorf("following the holder's progress: %w", err)
	}
	for line := range strings.Lines(string(content[f.read:])) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		f.read += len(line)
		// The holder's own clock says less than the console's.
		if _, text, found := strings.Cut(strings.TrimSpace(line), "s  "); found {
			f.last = text
			f.console.Step("  %s", text)
		}
	}
	return f.last, nil
}
