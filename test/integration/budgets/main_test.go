package budgets

import (
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
)

func TestMain(m *testing.M) {
	cluster.MainWith(m, cluster.Options{ControllerManager: true})
}
