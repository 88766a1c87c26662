package main

import (
	"context"
	"fmt"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

// clusterCIDR is the range of Pod addresses.
const clusterCIDR = "10.244.0.0/16"

// grace is how long a Node may miss its heartbeats: short, so that nobody has to
// wait long to see a stopped server, unless there are so many Nodes that
// frequent heartbeats would load the machine.
func grace(nodes int) time.Duration {
	if nodes > 50 {
		return 50 * time.Second
	}
	return 15 * time.Second
}

// startControlPlane starts etcd and the programs of Kubernetes.
func (s *starter) startControlPlane(ctx context.Context) error {
	told := &startLog{console: s.console}
	c, err := cluster.Start(ctx, cluster.Options{
		Dir: s.place.cluster(), Binaries: s.kubernetes(), ClusterCIDR: []string{clusterCIDR},
		ControllerManager: true, Scheduler: true, NodeMonitorGrace: s.record.Grace, Detach: true, Log: told,
	})
	if err != nil {
		return fmt.Errorf("starting the control plane: %w", err)
	}
	told.end()
	s.cluster = c
	s.record.Kubeconfig = c.Kubeconfig()
	return s.save(s.record)
}

// startLog tells what the control plane reports while it starts. That its
// programs end one day is no news.
type startLog struct {
	console *console.Console
	ended   atomic.Bool
}

func (l *startLog) end() { l.ended.Store(true) }

// Write implements io.Writer.
func (l *startLog) Write(text []byte) (int, error) {
	if l.ended.Load() {
		return len(text), nil
	}
	return l.console.Write(text)
}

// grantRights gives the controller the rights of the manifest that is shipped.
func (s *starter) grantRights(ctx context.Context) error {
	manifest := s.repositoryFile("deploy", "controller", "rbac.yaml")
	command := exec.CommandContext(ctx, s.kubectl(), "--kubeconfig="+s.record.Kubeconfig, "apply", "-f", manifest)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply -f %s: %w\n%s", manifest, err, out)
	}
	s.console.Step("rights granted: kubectl apply -f %s", s.short(manifest))
	return nil
}
