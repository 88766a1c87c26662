// Package process starts programs for tests and the demo, and ends them by
// their id, never by their name.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Program is what to start.
type Program struct {
	// Name is for messages.
	Name   string
	Binary string
	Args   []string
	// Env is added to the environment of this process.
	Env []string
	// Log is the file that gets what the program prints; it is appended to.
	Log string
	// Detached programs outlive this process. Others are killed by the kernel
	// when this process ends, however it ends.
	Detached bool
	// Enter, if set, is called on the thread that starts the program, to move it
	// into the namespaces and control groups where the program is to be.
	Enter func() error
}

// Process is a program that runs, or has run.
type Process struct {
	program Program
	process *os.Process
	done    chan struct{}
	state   *os.ProcessState
}

// Start starts a program. The context bounds the start, not the program's life.
func Start(ctx context.Context, program Program) (*Process, error) {
	output, err := os.OpenFile(program.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", program.Name, err)
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), program.Binary, program.Args...) // #nosec G204 -- the caller's own programs
	command.Stdout, command.Stderr = output, output
	command.Env = append(os.Environ(), program.Env...)
	// A session or group of its own: an interrupt typed at the terminal reaches
	// the parent alone, which then ends its children in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if program.Detached {
		command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	p := &Process{program: program, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that forked
		// ends; this one stays until the program has ended.
		runtime.LockOSThread()
		if program.Enter == nil {
			defer runtime.UnlockOSThread()
		}
		err := enter(program)
		if err == nil {
			err = command.Start()
		}
		_ = output.Close()
		if err != nil {
			started <- err
			return
		}
		p.process = command.Process
		started <- nil
		_ = command.Wait()
		p.state = command.ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program.Name, err)
	}
	return p, nil
}

// enter moves the thread, which is never used for anything else afterwards.
func enter(program Program) error {
	if program.Enter == nil {
		return nil
	}
	return program.Enter()
}

// PID is the process id.
func (p *Process) PID() int { return p.process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says how the program ended, or "" while it runs.
func (p *Process) Ended() string {
	select {
	case <-p.done:
		return p.state.String()
	default:
		return ""
	}
}

// Signal sends a signal. A program that has ended gets none, without an error.
func (p *Process) Signal(sig os.Signal) error {
	if p.Ended() != "" {
		return nil
	}
	if err := p.process.Signal(sig); err != nil && p.Ended() == "" {
		return fmt.Errorf("signal %s: %w", p.program.Name, err)
	}
	return nil
}

// Wait waits until the program has ended, or ctx.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s has not ended: %w", p.program.Name, ctx.Err())
	}
}
