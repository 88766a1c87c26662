package nodes

import (
	"maps"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// kubeletVersion is what these Nodes report.
const kubeletVersion = "v1.37.2"

// Node is what a kubelet would know of its machine when it registers. Only Name
// is needed.
type Node struct {
	Name string
	// InternalIP goes into the status, as a kubelet with --node-ip does.
	InternalIP string
	// ProvidedNodeIP goes into the annotation by which a kubelet tells the
	// cloud provider the value of its --node-ip.
	ProvidedNodeIP string
	// ProviderID is the kubelet's --provider-id.
	ProviderID string
	// Labels and Annotations are added to a kubelet's own.
	Labels      map[string]string
	Annotations map[string]string
	// Taints are added to that of an uninitialised Node.
	Taints []corev1.Taint
	// Initialized leaves the taint of an uninitialised Node away, as a kubelet
	// without --cloud-provider=external does.
	Initialized bool
}

// Numbered returns n Nodes with the names node-1 to node-n. The function fill,
// which may be nil, completes each; it is given the number in the name.
func Numbered(n int, fill func(number int, node *Node)) []Node {
	list := make([]Node, 0, n)
	for number := 1; number <= n; number++ {
		node := Node{Name: "node-" + strconv.Itoa(number)}
		if fill != nil {
			fill(number, &node)
		}
		list = append(list, node)
	}
	return list
}

// object is the Node as its kubelet registers it: Ready from the start.
func (n Node) object(now time.Time) *corev1.Node {
	labels := map[string]string{
		corev1.LabelHostname:   n.Name,
		corev1.LabelOSStable:   "linux",
		corev1.LabelArchStable: "amd64",
	}
	maps.Copy(labels, n.Labels)
	annotations := maps.Clone(n.Annotations)
	if n.ProvidedNodeIP != "" {
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr] = n.ProvidedNodeIP
	}
	var taints []corev1.Taint
	if !n.Initialized {
		taints = append(taints, corev1.Taint{
			Key: cloudproviderapi.TaintExternalCloudProvider, Value: "true", Effect: corev1.TaintEffectNoSchedule,
		})
	}
	var addresses []corev1.NodeAddress
	if n.InternalIP != "" {
		addresses = []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: n.InternalIP},
			{Type: corev1.NodeHostName, Address: n.Name},
		}
	}
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("4"),
		corev1.ResourceMemory:           resource.MustParse("16Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("40Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labels, Annotations: annotations},
		Spec:       corev1.NodeSpec{ProviderID: n.ProviderID, Taints: append(taints, n.Taints...)},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Addresses:   addresses,
			Conditions:  healthy(now),
			NodeInfo: corev1.NodeSystemInfo{
				OperatingSystem: "linux",
				Architecture:    "amd64",
				KubeletVersion:  kubeletVersion,
			},
		},
	}
}

// healthy are the conditions that the kubelet of a sound machine reports.
func healthy(now time.Time) []corev1.NodeCondition {
	stamp := metav1.NewTime(now)
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, LastHeartbeatTime: stamp, LastTransitionTime: stamp,
		}
	}
	return []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"),
		condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"),
	}
}

// isReady tells whether a Node is Ready in the eyes of Kubernetes.
func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
