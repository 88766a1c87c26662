// Package victim is for tests of what a killed process leaves: it runs the test
// binary once more, as a process that holds something until it is killed.
package victim

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Victim is this test binary, running a second time.
type Victim struct {
	command *exec.Cmd
	output  *bufio.Reader
}

// Start runs the test binary with environment, "NAME=value" each, added to that of
// this process: TestMain sees by it that it is to be the victim. What the victim
// writes to standard error goes to this process's. It is killed at the end of the
// test, if not before.
func Start(t *testing.T, environment ...string) *Victim {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary) // #nosec G204 -- this test
	command.Env = append(os.Environ(), environment...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	v := &Victim{command: command, output: bufio.NewReader(output)}
	t.Cleanup(v.Kill)
	return v
}

// Line waits for the next line of the victim's standard output. It ends the test
// when the victim ends instead.
func (v *Victim) Line(t *testing.T) string {
	t.Helper()
	line, err := v.output.ReadString('\n')
	if err != nil {
		more, _ := io.ReadAll(v.output)
		t.Fatalf("the process to be killed said %q: %v\n%s", line, err, more)
	}
	return line[:len(line)-1]
}

// Kill ends the victim without warning and waits until it has ended. Further calls
// do nothing.
func (v *Victim) Kill() {
	_ = v.command.Process.Kill()
	_ = v.command.Wait()
}
