package diskrules

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// driver is what volumes call the driver. It is not taken from the code that is
// watched.
const driver = "aliyun/flexv"

// diskOf is the disk that a volume's options name.
func diskOf(options map[string]string) string {
	for key, value := range options {
		if strings.EqualFold(key, "diskId") || strings.EqualFold(key, "volumeId") {
			return value
		}
	}
	return ""
}

// naming are the PersistentVolumes of a disk.
func naming(pvs []corev1.PersistentVolume, disk string) []*corev1.PersistentVolume {
	var found []*corev1.PersistentVolume
	for i := range pvs {
		if flex := pvs[i].Spec.FlexVolume; flex != nil && flex.Driver == driver && diskOf(flex.Options) == disk {
			found = append(found, &pvs[i])
		}
	}
	return found
}

// doomed says that nobody claims a volume any more and that its disk goes with it.
func doomed(pv *corev1.PersistentVolume) bool {
	return pv.Status.Phase == corev1.VolumeReleased && pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
}

func outOfService(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
}

// mounted says that a Node's kubelet has the disk mounted.
func mounted(node *corev1.Node, disk string, pvs []*corev1.PersistentVolume, pods []corev1.Pod) []string {
	names := []string{disk}
	for _, pv := range pvs {
		names = append(names, pv.Name)
	}
	for i := range pods {
		for name, id := range inline(&pods[i]) {
			if id == disk && pods[i].Spec.NodeName == node.Name {
				names = append(names, name)
			}
		}
	}
	var found []string
	for _, used := range node.Status.VolumesInUse {
		if name, ours := strings.CutPrefix(string(used), driver+"/"); ours && slices.Contains(names, name) {
			found = append(found, fmt.Sprintf("Node %s has %s mounted", node.Name, used))
		}
	}
	return found
}

// users are the Pods of a Node that have the disk and have not ended.
func users(node, disk string, pvs []*corev1.PersistentVolume, pods []corev1.Pod) []string {
	var found []string
	for i := range pods {
		p := &pods[i]
		if p.Spec.NodeName != node || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		byClaim := slices.ContainsFunc(pvs, func(pv *corev1.PersistentVolume) bool { return claims(p, pv.Spec.ClaimRef) })
		bySelf := false
		for _, id := range inline(p) {
			bySelf = bySelf || id == disk
		}
		if byClaim || bySelf {
			found = append(found, fmt.Sprintf("Pod %s/%s on %s has it", p.Namespace, p.Name, node))
		}
	}
	return found
}

func claims(p *corev1.Pod, claim *corev1.ObjectReference) bool {
	return claim != nil && claim.Namespace == p.Namespace && slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim.Name ||
			v.Ephemeral != nil && p.Name+"-"+v.Name == claim.Name
	})
}

func inline(p *corev1.Pod) map[string]string {
	found := map[string]string{}
	for i := range p.Spec.Volumes {
		if flex := p.Spec.Volumes[i].FlexVolume; flex != nil && flex.Driver == driver {
			found[p.Spec.Volumes[i].Name] = diskOf(flex.Options)
		}
	}
	return found
}
