package hostroutes

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-aliyun/kube-aliyun/pkg/nodeshards"
)

func TestR39ProgramReadsWhatTheControllerPublishesOfTheNodes(t *testing.T) {
	w := newWorld(t)
	w.addNodes(1, many)
	rights := filepath.Join("..", "..", "deploy", "hostroutes", "shards")
	for _, manifest := range [][]string{{"-f", "../../deploy/controller/rbac.yaml"}, {"-k", rights}} {
		w.run(exec.CommandContext(t.Context(), filepath.Join(w.cluster.Binaries(), "kubectl"), append([]string{"--kubeconfig", w.cluster.Kubeconfig(), "apply"}, manifest...)...)) // #nosec G204 -- our own manifests
	}
	file, err := w.cluster.KubeconfigFor("system:aliyun-controller")
	w.ok(err)
	config, err := clientcmd.BuildConfigFromFlags("", file)
	w.ok(err)
	client, err := kubernetes.NewForConfig(config)
	w.ok(err)
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	publisher := nodeshards.NewPublisher(nodes.Lister(), nodes.Informer(), client.CoreV1())
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())
	published := make(chan error, 1)
	go func() { published <- publisher.Run(t.Context()) }()
	t.Cleanup(func() {
		w.ok(<-published)
		factory.Shutdown()
	})

	w.start("--source=configmap")
	w.within(30*time.Second, "all routes", func() bool { return w.routes(107) == many-1 })
	w.ok(w.cluster.Client().CoreV1().Nodes().Delete(t.Context(), "node-2", metav1.DeleteOptions{}))
	w.within(15*time.Second, "the Node that left has no route", func() bool { return w.routes(107) == many-2 })
}
