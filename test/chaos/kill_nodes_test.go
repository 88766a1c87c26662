package chaos

import (
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// joining is one more Node that joins; those before it must stay whole.
func (w *world) joining(product api.Product, more int) scenario {
	return scenario{
		name: "a new Node", product: product, more: more,
		act:     func(n int) { w.AddNodes(n, n) },
		problem: func(int) string { return w.nodesWhole() },
	}
}

func TestNodeJoinSurvivesADeathAfterEachRouteCall(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 12, NoNodes: true})
	w.killAtEachCall(w.joining(api.VPC, 2), unanswered)
}

func TestNodeDeletedWhileTheControllerIsDownLosesRouteAndBackend(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	c := w.startWhole()
	w.living("web", 3, rig.Port(80))
	c.Kill()
	if err := w.Fleet.Remove(t.Context(), rig.NodeName(3)); err != nil {
		t.Fatal(err)
	}
	w.start(alone)
	took := w.await(longEnough, "the deleted Node's route is gone, and no other", w.nodesWhole)
	w.await(longEnough, "the deleted Node's server is no backend", func() string { return w.serviceWhole("web", servers(1, 2)...) })
	t.Logf("the route was gone %s after the start", took)
}
