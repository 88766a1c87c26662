package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// heldForever makes this test binary a process that opens a sandbox, fills it,
// tells its id and waits to be killed.
const heldForever = "SANDBOX_HELD_FOREVER"

func TestMain(m *testing.M) {
	if os.Getenv(heldForever) != "" {
		hold()
	}
	goleak.VerifyTestMain(m)
}

func hold() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := Open(ctx)
	if err == nil {
		_, err = fill(ctx, s)
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(s.ID() + "\n")
	<-ctx.Done()
	os.Exit(1)
}

// fill puts a namespace, a group with a process and a mount into a sandbox.
func fill(ctx context.Context, s *Sandbox) (*exec.Cmd, error) {
	if _, err := s.Namespace("one"); err != nil {
		return nil, err
	}
	group, err := s.Cgroup("one")
	if err != nil {
		return nil, err
	}
	sleeper := exec.CommandContext(ctx, "sleep", "60")
	if err := errors.Join(sleeper.Start(), group.Add(sleeper.Process.Pid)); err != nil {
		return nil, err
	}
	return sleeper, mountBelow(s.Dir())
}

func open(t *testing.T) *Sandbox {
	t.Helper()
	s, err := Open(t.Context())
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}
