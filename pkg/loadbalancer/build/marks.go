package build

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// officialMark begins the descriptions and names that Alibaba Cloud's own
// controller writes: k8s/<port>/<service>/<namespace>/<cluster>.
const (
	officialMark  = "k8s/"
	officialParts = 5
)

// Controlled reports whether the description of a listener, or the name of a
// server group, is one that a controller wrote, whosever.
func Controlled(text string) bool {
	if strings.HasPrefix(text, mark) {
		return true
	}
	return strings.HasPrefix(text, officialMark) && strings.Count(text, "/") == officialParts-1
}

// OfficialPort returns the port, as text, of a listener's description or a server
// group's name that the official controller wrote for a Service, or "".
func OfficialPort(text string, service types.NamespacedName) string {
	parts := strings.Split(text, "/")
	if !strings.HasPrefix(text, officialMark) || len(parts) != officialParts || parts[2] != service.Name || parts[3] != service.Namespace {
		return ""
	}
	return parts[1]
}

// Holder returns the cluster and the Service's UID of a listener's description of
// ours, or empty texts.
func Holder(description string) (clusterID string, uid types.UID) {
	rest, ours := strings.CutPrefix(description, mark)
	if !ours {
		return "", ""
	}
	cluster, rest, _ := strings.Cut(rest, "/")
	id, _, _ := strings.Cut(rest, "/")
	return cluster, types.UID(id)
}

// MemberDescription marks the members that a Service adds to a server group of
// somebody else: those alone are changed and removed again. It has 48 characters
// of the 80 that the API takes (AddVServerGroupBackendServers).
func MemberDescription(uid types.UID) string { return mark + string(uid) }
