//go:build bench

package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/scale/naive"
)

// naiveVariable makes this test binary be the naive controller, so that its
// processor time and memory are its own. It holds the options as JSON.
const naiveVariable = "KUBE_ALIYUN_BENCH_NAIVE"

// clusterCIDR has room for 4,096 Nodes.
const clusterCIDR = "10.240.0.0/12"

func TestMain(m *testing.M) {
	if text := os.Getenv(naiveVariable); text != "" {
		if err := runNaive(text); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	cluster.MainWith(m, cluster.Options{
		ControllerManager: true, ClusterCIDR: []string{clusterCIDR}, NodeMonitorGrace: 10 * time.Minute,
	})
}

func runNaive(text string) error {
	var o naive.Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("%s: %w", naiveVariable, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return naive.Run(ctx, o)
}
