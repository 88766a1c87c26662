package instances

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// ErrNoProof refuses the deletion of a Node that InstanceExists has not proven
// to be without server.
var ErrNoProof = errors.New("no proof that the server is gone")

// GuardDeletions returns the client for the framework's node life cycle
// controller. It deletes only the Node that a proof was about: the delete carries
// that Node's UID, so a new Node of the same name is safe, and each proof serves
// once. Everything else passes through.
func (i *Instances) GuardDeletions(client kubernetes.Interface) kubernetes.Interface {
	return guardedClient{Interface: client, instances: i}
}

type guardedClient struct {
	kubernetes.Interface
	instances *Instances
}

func (c guardedClient) CoreV1() typedcorev1.CoreV1Interface {
	return guardedCore{CoreV1Interface: c.Interface.CoreV1(), instances: c.instances}
}

type guardedCore struct {
	typedcorev1.CoreV1Interface
	instances *Instances
}

func (c guardedCore) Nodes() typedcorev1.NodeInterface {
	return guardedNodes{NodeInterface: c.CoreV1Interface.Nodes(), instances: c.instances}
}

type guardedNodes struct {
	typedcorev1.NodeInterface
	instances *Instances
}

// Delete deletes a Node whose server is proven gone.
func (n guardedNodes) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	uid, found := n.instances.takeProof(name)
	if !found {
		return fmt.Errorf("delete node %s: %w", name, ErrNoProof)
	}
	options.Preconditions = &metav1.Preconditions{UID: &uid}
	return n.NodeInterface.Delete(ctx, name, options)
}

// DeleteCollection is refused: proofs are about single Nodes.
func (n guardedNodes) DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error {
	return fmt.Errorf("delete several nodes: %w", ErrNoProof)
}

func (i *Instances) prove(node *corev1.Node) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.proven[node.Name] = node.UID
}

func (i *Instances) takeProof(name string) (types.UID, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	uid, found := i.proven[name]
	delete(i.proven, name)
	return uid, found
}
