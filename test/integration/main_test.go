package integration

import (
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
)

func TestMain(m *testing.M) {
	cluster.MainWith(m, cluster.Options{ControllerManager: true, Scheduler: true, NodeMonitorGrace: 30 * time.Second})
}
