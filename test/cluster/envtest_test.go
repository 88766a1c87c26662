package cluster

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func TestProgramsServeEnvtest(t *testing.T) {
	assets, err := findBinaries()
	if err != nil {
		t.Fatal(err)
	}
	if err := checkBinaries(assets, []string{etcdName, apiServerName, "kubectl"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv(AssetsVariable, assets)
	log.SetLogger(klog.FromContext(t.Context()))
	environment := &envtest.Environment{}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceDefault, metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}
