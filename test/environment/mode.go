package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

const (
	// realNodes and playedNodes are how many servers a region has when nobody
	// says; beside real ones there is a master.
	realNodes, playedNodes = 2, 3
	// maxReal is how many real workers a machine is expected to carry.
	maxReal = 5
	// realGrace is how long a real Node may miss its heartbeats, which come every
	// ten seconds.
	realGrace = 20 * time.Second
)

// wish is what was asked for.
type wish struct {
	// nodes is how many servers, 0 for as many as is usual.
	nodes int
	// played asks for kubelets that are played, also where real ones could run.
	played bool
}

// usual is how many servers there are to be, which may be real ones.
func (w wish) usual(servers bool) int {
	switch {
	case w.nodes != 0:
		return w.nodes
	case servers:
		return realNodes
	default:
		return playedNodes
	}
}

// whyPlayed says why servers are played and what would make them real, or "" when
// they can be real.
func (w wish) whyPlayed(ctx context.Context) string {
	switch err := w.obstacle(ctx); {
	case err == nil:
		return ""
	case errors.Is(err, errAsked), errors.Is(err, errMany):
		return fmt.Sprintf("kubelets are played: %v", err)
	case errors.Is(err, kubelet.ErrNoPackages):
		return fmt.Sprintf("kubelets are played, no traffic flows: %v, which installs containerd, runc, CNI plugins, nftables and conntrack", err)
	default:
		return fmt.Sprintf("kubelets are played, no traffic flows: %v; after `sudo make setup`, root gets real servers and load balancers", err)
	}
}

var (
	errAsked = errors.New("--played asks for it")
	errMany  = fmt.Errorf("more than %d real servers are too many for one machine", maxReal)
)

// obstacle is what keeps servers from being real.
func (w wish) obstacle(ctx context.Context) error {
	if w.played {
		return errAsked
	}
	if w.nodes > maxReal {
		return errMany
	}
	if err := kubelet.Supported(); err != nil {
		return err
	}
	return tryNamespace(ctx)
}

// tryNamespace finds out whether the kernel lets root make what servers are made
// of: a container's root may not.
func tryNamespace(ctx context.Context) error {
	s, err := sandbox.Open(ctx)
	if err != nil {
		return err
	}
	_, err = s.Namespace("probe")
	if err == nil {
		_, err = s.Cgroup("probe")
	}
	return errors.Join(err, s.Close(ctx))
}
