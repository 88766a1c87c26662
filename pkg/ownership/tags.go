// Package ownership says which cloud objects belong to which cluster and
// Service: the tags and names that this project writes, and the decisions that
// are drawn from what is read back. Names are for people; only tags, and for
// routes (which have no tags) name and description, decide.
package ownership

import "strings"

// The tags that this project writes or reads.
const (
	// TagPrefix starts every tag key of this project.
	TagPrefix = "kube-aliyun.io/"

	TagClusterID   = TagPrefix + "cluster-id"
	TagClusterName = TagPrefix + "cluster-name"
	TagServiceUID  = TagPrefix + "service-uid"
	// TagService holds namespace/name of the Service, for people.
	TagService = TagPrefix + "service"
	TagRole    = TagPrefix + "role"
	// TagACL says on a load balancer that its listeners' access control lists are
	// this project's business: it holds the name of the list that the Service has
	// or is about to have. It is there before the list is, and goes after it.
	TagACL = TagPrefix + "acl"
	// TagAllow is written by users: it lists who may refer to an object.
	TagAllow = TagPrefix + "allow"
)

// TagExtensions marks, with MarkOn, a load balancer whose HTTPS listeners have, or
// are about to have, domain extensions that this project keeps.
const (
	TagExtensions = TagPrefix + "domain-extensions"
	MarkOn        = "on"
)

// ACLsNamed is the value of TagACL on a load balancer whose listeners use access
// control lists that the Service names, and none of its own.
const ACLsNamed = "named"

// MarkedACL returns the name of the Service's own access control list that a load
// balancer's mark tells of, or "".
func MarkedACL(tags map[string]string) string {
	if name := tags[TagACL]; name != ACLsNamed {
		return name
	}
	return ""
}

// The tag limits of the API (TagResources: value up to 128 characters, without
// http:// and https://).
const maxTagValue = 128

// Role says what a cloud object is to a Service.
type Role string

// The roles.
const (
	RoleLoadBalancer  Role = "load-balancer"
	RoleLoadBalancer6 Role = "load-balancer-ipv6"
	// RoleACL is the access control list of a Service's source ranges.
	RoleACL Role = "acl"
)

// Service names the Service that a cloud object belongs to.
type Service struct {
	ClusterID string
	// ClusterName is for people and may be empty.
	ClusterName string
	UID         string
	Namespace   string
	Name        string
	Role        Role
}

// ServiceTags returns the tags of a Service's cloud object. They are sent in the
// creating call, so that the object is found again after a crash.
func ServiceTags(s Service) map[string]string {
	tags := map[string]string{
		TagClusterID:  s.ClusterID,
		TagServiceUID: s.UID,
		TagService:    s.Namespace + "/" + s.Name,
		TagRole:       string(s.Role),
	}
	if name := tagValue(s.ClusterName); name != "" {
		tags[TagClusterName] = name
	}
	return tags
}

// tagValue makes free text acceptable as a tag value.
func tagValue(s string) string {
	return cut(withoutURLs(s), maxTagValue)
}

// foreignTagPrefixes and foreignTagKeys are refused in the tags that a user asks
// for: the API reserves the former, other controllers decide by the latter.
var (
	foreignTagPrefixes = []string{"aliyun", "acs:", "http://", "https://", "ack.aliyun.com", "ack.alibabacloud.com"}
	foreignTagKeys     = []string{"kubernetes.do.not.delete", "kubernetes.reused.by.user"}
)

// ReservedTag reports whether a user may not set a tag of this key: it is one of
// ours, of the API, or of a controller that decides ownership by it.
func ReservedTag(key string) bool {
	key = strings.ToLower(strings.TrimSpace(key))
	if strings.HasPrefix(key, TagPrefix) {
		return true
	}
	for _, prefix := range foreignTagPrefixes {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	for _, reserved := range foreignTagKeys {
		if key == reserved {
			return true
		}
	}
	return false
}

// Allowed reports whether an object's allow tag lets a namespace of a cluster
// refer to it, and whether there is such a tag at all. The tag holds "*" or
// "<cluster-id>/<namespace>", several separated by commas or blanks.
func Allowed(tags map[string]string, clusterID, namespace string) (allowed, tagged bool) {
	value, tagged := tags[TagAllow]
	if !tagged {
		return false, false
	}
	entries := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
	for _, entry := range entries {
		if entry == "*" || entry == clusterID+"/"+namespace {
			return true, true
		}
	}
	return false, true
}
