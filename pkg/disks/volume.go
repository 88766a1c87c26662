package disks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// optionDisk and optionVolume name the disk in a volume's options: ours, and that
// of AliyunContainerService's driver. Case does not matter, as it did not there.
const (
	optionDisk               = "diskId"
	optionVolume             = "volumeId"
	optionDeleteWithInstance = "deleteWithInstance"
)

// DiskOf returns the disk that a volume's options name, or "".
func DiskOf(options map[string]string) string {
	for _, name := range []string{optionDisk, optionVolume} {
		for key, value := range options {
			if strings.EqualFold(key, name) && value != "" {
				return strings.TrimSpace(value)
			}
		}
	}
	return ""
}

func deleteWithInstance(options map[string]string) bool {
	for key, value := range options {
		if strings.EqualFold(key, optionDeleteWithInstance) {
			return strings.EqualFold(strings.TrimSpace(value), "true")
		}
	}
	return false
}

// IsOurs reports whether a PersistentVolume is of this driver.
func IsOurs(pv *corev1.PersistentVolume) bool {
	return pv.Spec.FlexVolume != nil && pv.Spec.FlexVolume.Driver == Driver
}

// DiskOfVolume returns the disk of a PersistentVolume of this driver, or "".
func DiskOfVolume(pv *corev1.PersistentVolume) string {
	if !IsOurs(pv) {
		return ""
	}
	return DiskOf(pv.Spec.FlexVolume.Options)
}

// persistent reads a PersistentVolume past every cache; nil: there is none.
func (v *Volumes) persistent(ctx context.Context, name string) (*corev1.PersistentVolume, error) {
	pv, err := v.opts.Kubernetes.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read PersistentVolume %s: %w", name, err)
	}
	return pv, nil
}

// node reads a Node past every cache; nil: there is none.
func (v *Volumes) node(ctx context.Context, name string) (*corev1.Node, error) {
	node, err := v.opts.Kubernetes.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read Node %s: %w", name, err)
	}
	return node, nil
}

// pods reads the Pods of a Node that have not ended, past every cache.
func (v *Volumes) pods(ctx context.Context, node string) ([]corev1.Pod, error) {
	list, err := v.opts.Kubernetes.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("list the Pods of Node %s: %w", node, err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		return p.Spec.NodeName != node || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	}), nil
}

// referring lists the PersistentVolumes of a disk.
func (v *Volumes) referring(disk string) ([]*corev1.PersistentVolume, error) {
	all, err := v.opts.Volumes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list PersistentVolumes: %w", err)
	}
	return slices.DeleteFunc(all, func(pv *corev1.PersistentVolume) bool { return DiskOfVolume(pv) != disk }), nil
}

// claims returns the names of the claims that a Pod uses.
func claims(p *corev1.Pod) []string {
	var names []string
	for i := range p.Spec.Volumes {
		switch volume := &p.Spec.Volumes[i]; {
		case volume.PersistentVolumeClaim != nil:
			names = append(names, volume.PersistentVolumeClaim.ClaimName)
		case volume.Ephemeral != nil:
			names = append(names, p.Name+"-"+volume.Name)
		}
	}
	return names
}

// usesClaimOf reports whether a Pod uses the claim that a PersistentVolume is bound to.
func usesClaimOf(p *corev1.Pod, pv *corev1.PersistentVolume) bool {
	claim := pv.Spec.ClaimRef
	return claim != nil && p.Namespace == claim.Namespace && slices.Contains(claims(p), claim.Name)
}

// inline returns a Pod's own volumes of this driver by name, as the disks that
// they name.
func inline(p *corev1.Pod) map[string]string {
	found := map[string]string{}
	for i := range p.Spec.Volumes {
		if volume := &p.Spec.Volumes[i]; volume.FlexVolume != nil && volume.FlexVolume.Driver == Driver {
			found[volume.Name] = DiskOf(volume.FlexVolume.Options)
		}
	}
	return found
}
