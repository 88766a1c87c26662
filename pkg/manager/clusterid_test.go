package manager

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestClusterIDIsTheUIDOfKubeSystem(t *testing.T) {
	client := fake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "uid-1"}})
	if id, err := clusterID(t.Context(), client, ""); err != nil || id != "uid-1" {
		t.Errorf("got %q, %v", id, err)
	}
	if id, err := clusterID(t.Context(), client, "mine"); err != nil || id != "mine" {
		t.Errorf("got %q, %v", id, err)
	}
}

func TestStartIsRefusedUnderAnotherClusterID(t *testing.T) {
	client := fake.NewClientset()
	if err := storeClusterID(t.Context(), client, "first"); err != nil {
		t.Fatal(err)
	}
	if err := storeClusterID(t.Context(), client, "first"); err != nil {
		t.Errorf("the same ID is refused: %v", err)
	}
	var wrong *ClusterIDError
	err := storeClusterID(t.Context(), client, "second")
	if !errors.As(err, &wrong) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "--cluster-id=first") {
		t.Errorf("no remedy in %v", err)
	}
}
