package build

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// mark begins the descriptions and names that this project writes.
const mark = "kube-aliyun/"

// maxDescription is the API's limit of a listener's description.
const maxDescription = 256

// What a listener on a load balancer of somebody else is marked with, behind its
// port: the instance itself carries the marks elsewhere (ownership.TagACL,
// ownership.TagExtensions).
const (
	keepsACL     = "+acl"
	keepsDomains = "+domains"
)

// ListenerDescription is the description of a listener: the cluster and the
// Service's UID decide whose it is, keeps says what else of it is this project's
// business, the rest is for people.
func ListenerDescription(clusterID string, s *corev1.Service, port int, keeps string) string {
	text := fmt.Sprintf("%s%s/%s/%d%s/%s/%s", mark, clusterID, s.UID, port, keeps, s.Namespace, s.Name)
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return text
}

// kept returns the marks of a listener.
func (b *builder) kept(l Listener) string {
	if _, shared := b.settings.Text(annotation.ID); !shared {
		return ""
	}
	keeps := ""
	if l.Attributes[slb.ACLStatus] == "on" {
		keeps += keepsACL
	}
	if len(l.Extensions) > 0 {
		keeps += keepsDomains
	}
	return keeps
}

// KeepsACL reports whether a listener's description says that its access control is
// this project's business.
func KeepsACL(description string) bool { return marked(description, keepsACL) }

// KeepsDomains reports whether a listener's description says that its domain
// extensions are.
func KeepsDomains(description string) bool { return marked(description, keepsDomains) }

func marked(description, with string) bool {
	parts := strings.Split(description, "/")
	return strings.HasPrefix(description, mark) && len(parts) > portPart && strings.Contains(parts[portPart], with)
}

// portPart is where the port is in a listener's description.
const portPart = 3

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
