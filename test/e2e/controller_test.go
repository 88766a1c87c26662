package e2e

import (
	"context"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/traffic"
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

// lossless runs something while connections are held and new ones are made, none of
// which may fail.
func lossless(t *testing.T, name string, do func()) {
	t.Helper()
	deploy(t, name, 2, nil)
	address := expose(t, name, name, corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	everywhere(t, address, 2)
	held, err := traffic.Hold(t.Context(), theatre.Internet().Dial, net.JoinHostPort(address, strconv.Itoa(echoPort)), 10)
	if err != nil {
		t.Fatal(err)
	}
	l := load(t, address, 5*time.Second)
	do()
	report := l.Stop()
	lines, lost := held.Stop()
	t.Logf("%s; 10 connections were held, with %d lines", report, lines)
	if lost != nil || len(report.Failures) > 0 {
		t.Errorf("lost connections: %v; failed requests: %d", lost, len(report.Failures))
	}
}

// works shows that a controller works: a new Service gets an address that answers.
func works(t *testing.T, name, app string) {
	t.Helper()
	begin := time.Now()
	address := expose(t, name, app, corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	answers(t, "tcp4", address, echoPort)
	t.Logf("a new Service answers %.1f s after it was made", time.Since(begin).Seconds())
}

func TestControllersCrashCostsNoConnection(t *testing.T) {
	lossless(t, "crashing", func() {
		took := restartController(t)
		t.Logf("another controller leads %.1f s after the crash", took.Seconds())
		works(t, "crashed", "crashing")
	})
}

func TestTakeoverCostsNoConnection(t *testing.T) {
	other := theatre.Workers()[0]
	if err := theatre.RunController(other); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a second controller is ready", func(ctx context.Context) error {
		return controllerReady(ctx, other)
	})
	t.Cleanup(func() {
		// The master's is the only one again.
		if err := theatre.EndController(other); err != nil {
			t.Error(err)
		}
	})
	lossless(t, "taking", func() {
		before, err := theatre.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := theatre.EndController(theatre.Master()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the leader was told to end", func(context.Context) error {
			if _, err := theatre.ControllerPID(theatre.Master()); err == nil {
				return errNotYet
			}
			return nil
		})
		took := eventually(t, "the other one leads", func(ctx context.Context) error {
			now, err := theatre.Leader(ctx)
			if err == nil && (now == before || now == "") {
				err = errNotYet
			}
			return err
		})
		t.Logf("another controller leads %.1f s after the leader has ended", took.Seconds())
		works(t, "taken", "taking")
	})
	if err := theatre.RunController(theatre.Master()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the master's controller is ready", func(ctx context.Context) error {
		return controllerReady(ctx, theatre.Master())
	})
}

func TestDaemonSetTakesThePlaceOfTheStaticPod(t *testing.T) {
	master := theatre.Master()
	if err := theatre.EndController(master); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the static Pod is gone", func(ctx context.Context) error {
		_, err := theatre.Client().CoreV1().Pods(metav1.NamespaceSystem).Get(ctx, "aliyun-controller-"+master.Name(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errNotYet
	})
	begin := time.Now()
	if err := theatre.RunDaemonSet(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("the DaemonSet is ready after %.1f s", time.Since(begin).Seconds())
	deploy(t, "daemon", 2, nil)
	works(t, "daemon", "daemon")

	if err := theatre.EndDaemonSet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := theatre.RunController(master); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the static Pod is ready again", func(ctx context.Context) error {
		return controllerReady(ctx, master)
	})
}

// controllerReady tells whether a server's static Pod is ready.
func controllerReady(ctx context.Context, server *stage.Server) error {
	if _, err := theatre.ControllerPID(server); err != nil {
		return err
	}
	pod, err := theatre.Client().CoreV1().Pods(metav1.NamespaceSystem).Get(ctx, "aliyun-controller-"+server.Name(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return errNotYet
}
