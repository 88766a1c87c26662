package build

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// mark begins the descriptions and names that this project writes.
const mark = "kube-aliyun/"

// maxDescription is the API's limit of a listener's description.
const maxDescription = 256

// ListenerDescription is the description of a listener: the cluster and the
// Service's UID decide whose it is, the rest is for people.
func ListenerDescription(clusterID string, s *corev1.Service, port int) string {
	text := fmt.Sprintf("%s%s/%s/%d/%s/%s", mark, clusterID, s.UID, port, s.Namespace, s.Name)
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return text
}

// OwnListener reports whether a listener's description is one of this Service.
func OwnListener(description, clusterID string, uid types.UID) bool {
	return strings.HasPrefix(description, fmt.Sprintf("%s%s/%s/", mark, clusterID, uid))
}

// GroupName is the name of the vServer group that holds a Service's servers at a
// node port. The UID makes it unique among clusters.
func GroupName(uid types.UID, nodePort int) string {
	return fmt.Sprintf("%s%s/%d", mark, uid, nodePort)
}

// OwnGroup reports whether a vServer group's name is one of this Service.
func OwnGroup(name string, uid types.UID) bool {
	return strings.HasPrefix(name, mark+string(uid)+"/")
}
