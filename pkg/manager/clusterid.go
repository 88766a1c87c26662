package manager

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// identityConfigMap keeps the cluster's ID in kube-system, so that a restored
	// or cloned cluster does not go on with another's objects unnoticed.
	identityConfigMap = "kube-aliyun"
	identityKey       = "cluster-id"
)

// clusterID returns the configured ID, else the UID of kube-system.
func clusterID(ctx context.Context, client kubernetes.Interface, configured string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	ns, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read the UID of namespace kube-system: %w", err)
	}
	return string(ns.UID), nil
}

// ClusterIDError says that the cluster was known under another ID.
type ClusterIDError struct {
	Stored, Now string
}

// Error names both IDs and the ways out.
func (e *ClusterIDError) Error() string {
	return fmt.Sprintf("the cluster ID is %s now, but ConfigMap kube-system/%s says %s: objects in the cloud carry the stored one. "+
		"Start with --cluster-id=%s to keep them; in a clone or a restored copy, whose original still lives, delete the ConfigMap to begin anew",
		e.Now, identityConfigMap, e.Stored, e.Stored)
}

// checkClusterID compares the ID with the stored one. It stores nothing.
// known is false when none is stored yet.
func checkClusterID(ctx context.Context, client kubernetes.Interface, id string) (known bool, err error) {
	cm, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, identityConfigMap, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read ConfigMap kube-system/%s: %w", identityConfigMap, err)
	case cm.Data[identityKey] != id:
		return false, &ClusterIDError{Stored: cm.Data[identityKey], Now: id}
	}
	return true, nil
}

// storeClusterID keeps the ID for later starts, unless one is stored already.
func storeClusterID(ctx context.Context, client kubernetes.Interface, id string) error {
	known, err := checkClusterID(ctx, client, id)
	if err != nil || known {
		return err
	}
	_, err = client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: identityConfigMap, Namespace: metav1.NamespaceSystem},
		Data:       map[string]string{identityKey: id},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("store the cluster ID in ConfigMap kube-system/%s: %w", identityConfigMap, err)
	}
	return nil
}
