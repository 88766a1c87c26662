package kubelet

import (
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

func TestNodesBecomeReady(t *testing.T) {
	w := two(t)
	for i, n := range w.nodes {
		pids := n.PIDs()
		for _, name := range []string{Containerd, Kubelet, KubeProxy} {
			if pids[name] == 0 {
				t.Errorf("%s of node %s does not run", name, n.Name())
			}
		}
		t.Logf("node %s: ready in %s; containerd %d MiB, kubelet %d MiB, kube-proxy %d MiB, all %d MiB", n.Name(), w.ready[i].Round(100*time.Millisecond),
			memory(pids[Containerd]), memory(pids[Kubelet]), memory(pids[KubeProxy]), memory(sandbox.Processes("/"+w.sandbox.ID()+"/"+n.Name())...))
	}
}
