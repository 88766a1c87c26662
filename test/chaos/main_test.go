package chaos

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv(childArguments); arguments != "" {
		if err := runController(arguments); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	cluster.MainWith(m, cluster.Options{ControllerManager: true, Scheduler: true, NodeMonitorGrace: 30 * time.Second})
}
