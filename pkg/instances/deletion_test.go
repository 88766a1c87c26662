package instances

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

func TestDeletionNeedsAProofAndCarriesItsUID(t *testing.T) {
	u := newUnit(&answers{err: &servers.AbsentError{Server: "i-1", First: start.Add(-time.Minute), Last: start}})
	client := fake.NewClientset(node())
	nodes := u.GuardDeletions(client).CoreV1().Nodes()

	if err := nodes.Delete(t.Context(), "n1", metav1.DeleteOptions{}); !errors.Is(err, ErrNoProof) {
		t.Fatalf("without proof: %v", err)
	}
	if exists, err := u.InstanceExists(t.Context(), node()); exists || err != nil {
		t.Fatalf("exists %v, %v", exists, err)
	}
	if err := nodes.Delete(t.Context(), "n1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	var deletes []clienttesting.DeleteActionImpl
	for _, action := range client.Actions() {
		if d, ok := action.(clienttesting.DeleteActionImpl); ok {
			deletes = append(deletes, d)
		}
	}
	if len(deletes) != 1 || deletes[0].DeleteOptions.Preconditions == nil || *deletes[0].DeleteOptions.Preconditions.UID != "uid-1" {
		t.Errorf("deletes = %+v", deletes)
	}
	if err := nodes.Delete(t.Context(), "n1", metav1.DeleteOptions{}); !errors.Is(err, ErrNoProof) {
		t.Errorf("the proof served twice: %v", err)
	}
}

func TestSeveralNodesAreNeverDeletedAtOnce(t *testing.T) {
	u := newUnit(&answers{})
	client := fake.NewClientset(node())
	err := u.GuardDeletions(client).CoreV1().Nodes().DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
	if !errors.Is(err, ErrNoProof) || len(client.Actions()) != 0 {
		t.Errorf("error %v, actions %v", err, client.Actions())
	}
}

func TestOtherCallsPassThrough(t *testing.T) {
	u := newUnit(&answers{})
	guarded := u.GuardDeletions(fake.NewClientset(node()))
	if _, err := guarded.CoreV1().Nodes().Get(t.Context(), "n1", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := guarded.CoreV1().Services("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}
