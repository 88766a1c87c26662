package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
)

// child is a program that this process started.
type child struct {
	pid int
	// done is closed when the program has ended and was waited for.
	done chan struct{}
	// end says how it ended; to be read after done only.
	end string
	// expected is set before we end it ourselves.
	expected atomic.Bool
}

// startChild starts the program of a component, its output appended to the log
// file. Unless detached, the kernel ends it with this process.
func startChild(ctx context.Context, c component, detached bool) (*child, error) {
	output, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", c.Name, err)
	}
	// The context bounds the start, not the life of the program.
	command := exec.CommandContext(context.WithoutCancel(ctx), c.Binary, c.Args...) //nolint:gosec // the caller's own programs
	command.Stdout, command.Stderr = output, output
	if detached {
		command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	} else {
		// A group of its own: an interrupt typed at the terminal reaches the
		// parent alone, which then ends its children.
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	}

	started := make(chan error)
	p := &child{done: make(chan struct{})}
	go func() {
		// The kernel sends the parent-death signal when the *thread* that
		// forked ends. This one stays until the program has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		_ = output.Close()
		if err != nil {
			started <- err
			return
		}
		p.pid = command.Process.Pid
		started <- nil
		_ = command.Wait()
		p.end = command.ProcessState.String()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	return p, nil
}

// lastLines returns the end of a log: at most n lines out of its last 16 KiB.
func lastLines(path string, n int) string {
	const window = 16 << 10
	content, err := os.ReadFile(path) //nolint:gosec // a log of the control plane
	if err != nil {
		return ""
	}
	if len(content) > window {
		content = content[len(content)-window:]
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
