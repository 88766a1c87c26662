package bootstrap

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/test/bootstrap/bare"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/traffic"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

// clients ask the Service on the internet 20 times a second.
func clients(t *testing.T) *traffic.Load {
	t.Helper()
	service, err := world.Client.CoreV1().Services(namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	target := net.JoinHostPort(service.Status.LoadBalancer.Ingress[0].IP, "80")
	// What an earlier test has left is over when a hundred in a row are answered.
	inARow := 0
	eventually(t, "every node serves", func(ctx context.Context) error {
		for inARow < 100 {
			if _, err := echo.Ask(ctx, world.Region.Internet.Dial, "tcp", target, "hello"); err != nil {
				inARow = 0
				return err
			}
			inARow++
		}
		return nil
	})
	return traffic.Start(t.Context(), traffic.Options{Rate: 20, Timeout: 2 * time.Second, Ask: func(ctx context.Context) (echo.Answer, error) {
		return echo.Ask(ctx, world.Region.Internet.Dial, "tcp", target, "hello")
	}})
}

// etcdHealthy asks a member on its own loopback.
func etcdHealthy(ctx context.Context, m *bare.Machine) error {
	status, body, err := bare.Get(ctx, m.Dial, "http://127.0.0.1:2381/health")
	if err != nil || status != 200 || !strings.Contains(body, "true") {
		return fmt.Errorf("%w: %d %s: %w", errNotYet, status, body, err)
	}
	return nil
}

// pause lets traffic flow for a while.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

func TestR17AnyEtcdServerMayDie(t *testing.T) {
	for _, m := range world.Of(clusterfile.Etcd) {
		t.Run(m.Server.Address, func(t *testing.T) {
			load := clients(t)
			w := write(t, "etcd-"+strings.ReplaceAll(m.Server.Address, ".", "-"))
			pause(t, time.Second)
			if err := m.PowerOff(t.Context()); err != nil {
				t.Fatal(err)
			}
			pause(t, 10*time.Second)
			if err := world.PowerOn(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			back := eventually(t, "the member is back", func(ctx context.Context) error { return etcdHealthy(ctx, m) })
			t.Logf("the member is back %.1f s after its start", back.Seconds())
			if gap := w.end(t); gap > 5*time.Second {
				t.Errorf("%s without a write", gap)
			}
			report := load.Stop()
			t.Logf("clients on the internet: %s", report)
			if len(report.Failures) > 0 {
				t.Error("requests to Pods failed")
			}
		})
	}
}

// holders are the masters that hold the leases of the control plane.
func holders(ctx context.Context) (map[string]string, error) {
	held := map[string]string{}
	for _, name := range []string{"kube-controller-manager", "kube-scheduler", "cloud-controller-manager"} {
		lease, err := world.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		if lease.Spec.HolderIdentity != nil {
			held[name] = *lease.Spec.HolderIdentity + fmt.Sprintf(" %d", *lease.Spec.LeaseTransitions)
		}
	}
	return held, nil
}

// workersReady tells of a worker that is not Ready.
func workersReady(t *testing.T) {
	t.Helper()
	for _, m := range world.Of(clusterfile.Node) {
		node, err := world.Client.CoreV1().Nodes().Get(t.Context(), m.Server.Address, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				t.Errorf("worker %s: %s", node.Name, c.Message)
			}
		}
	}
}

func TestR18AnyMasterMayDie(t *testing.T) {
	for _, m := range world.Of(clusterfile.Master) {
		t.Run(m.Server.Address, func(t *testing.T) { killMaster(t, m) })
	}
}

func killMaster(t *testing.T, m *bare.Machine) {
	t.Helper()
	load := clients(t)
	w := write(t, "master-"+strings.ReplaceAll(m.Server.Address, ".", "-"))
	before, err := holders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pause(t, time.Second)
	died := time.Now()
	if err := m.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	survivors := slices.DeleteFunc(masters(), func(address string) bool { return address == m.Server.Address })
	eventually(t, "the Service kubernetes has living masters alone", func(ctx context.Context) error {
		if got, err := endpoints(ctx); err != nil || !slices.Equal(got, survivors) {
			return fmt.Errorf("%w: %v, %w", errNotYet, got, err)
		}
		return nil
	})
	alone := time.Since(died)
	// A lease that was the dead master's is another's now; one that was not has been
	// renewed all the time.
	eventually(t, "every lease is renewed", func(ctx context.Context) error {
		for name := range before {
			lease, err := world.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if lease.Spec.RenewTime.Time.Before(died.Add(5 * time.Second)) {
				return fmt.Errorf("%w: %s", errNotYet, name)
			}
		}
		return nil
	})
	led := time.Since(died)
	gap := w.end(t)
	workersReady(t)
	report := load.Stop()
	after, err := holders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("all leases renewed after %.1f s (before %v, after %v); the Service kubernetes right after %.1f s", led.Seconds(), before, after, alone.Seconds())
	t.Logf("clients on the internet: %s; the last failure began %.1f s after the death", report, report.After(died).Seconds())
	if gap > 10*time.Second || led > 30*time.Second+time.Second || alone > 60*time.Second || len(report.Failures) > 0 {
		t.Error("that took too long, or requests to Pods failed")
	}
	if err := world.PowerOn(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	back := eventually(t, "the master is back", func(ctx context.Context) error {
		if got, err := endpoints(ctx); err != nil || !slices.Equal(got, masters()) {
			return fmt.Errorf("%w: %v, %w", errNotYet, got, err)
		}
		return nodesReady(ctx)
	})
	t.Logf("the master is back %.1f s after its start", back.Seconds())
}

func TestKilledNodeTakesOnlyItsOwnPodsWithIt(t *testing.T) {
	m := world.Of(clusterfile.Node)[0]
	load := clients(t)
	pause(t, time.Second)
	died := time.Now()
	if err := m.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	pause(t, 60*time.Second)
	report := load.Stop()
	t.Logf("a node killed: %s; the last failure began after %.1f s", report, report.After(died).Seconds())
	if report.After(died) > 55*time.Second {
		t.Error("the Service does not go on with what is left")
	}
	if err := world.PowerOn(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	back := eventually(t, "the node is back", nodesReady)
	t.Logf("the node is Ready %.1f s after its start", back.Seconds())
}

func TestR28KubeletRefusesTheArticlesManifest(t *testing.T) {
	content, err := os.ReadFile("../../pkg/bootstrap/testdata/article-aliyun-controller.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := world.Of(clusterfile.Master)[0]
	path := m.HostPath("/etc/kubernetes/manifests/article.yaml")
	renamed := strings.Replace(string(content), "name: aliyun-controller\n  namespace", "name: article\n  namespace", 1)
	if err := os.WriteFile(path, []byte(renamed), 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}()
	eventually(t, "kubelet says why", func(context.Context) error {
		log, err := os.ReadFile(filepath.Join(m.Logs(), "kubelet.log"))
		if err != nil || !strings.Contains(string(log), "static pods may not reference secrets") {
			return fmt.Errorf("%w: %w", errNotYet, err)
		}
		return nil
	})
	_, err = world.Client.CoreV1().Pods(metav1.NamespaceSystem).Get(t.Context(), "article-"+m.Server.Address, metav1.GetOptions{})
	if err == nil {
		t.Error("there is a mirror Pod of what kubelet refuses")
	}
}
