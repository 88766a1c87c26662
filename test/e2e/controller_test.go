package e2e

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// kill kills the controller of a server as a crash would.
func kill(t *testing.T, server *stage.Server) (pid int) {
	t.Helper()
	pid, err := theatre.ControllerPID(server)
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Signal(syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// restartController kills the master's controller and waits until the kubelet has
// started another that leads.
func restartController(t *testing.T) time.Duration {
	t.Helper()
	holder, err := theatre.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	killed := kill(t, theatre.Master())
	return eventually(t, "another controller leads", func(ctx context.Context) error {
		pid, err := theatre.ControllerPID(theatre.Master())
		if err != nil {
			return err
		}
		now, err := theatre.Leader(ctx)
		if err != nil {
			return err
		}
		if pid == killed || now == holder || now == "" {
			return errNotYet
		}
		return nil
	})
}
