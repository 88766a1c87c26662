// Package reference decides which cloud objects a Service may name: load
// balancers, server groups, certificates and ACLs that somebody else made. An
// annotation is a request, not a right: whoever may create a Service is not
// whoever owns a load balancer. What is refused is told as a sentence with the
// way out, before anything is written.
package reference

import (
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Kind is a kind of object that an annotation can name, in words.
type Kind string

// The kinds.
const (
	LoadBalancer Kind = "load balancer"
	ServerGroup  Kind = "server group"
	Certificate  Kind = "certificate"
	ACL          Kind = "ACL"
)

// Untagged says what becomes of references to objects without an allow tag.
type Untagged string

// The values of --untagged-references.
const (
	AllowUntagged Untagged = "allow"
	DenyUntagged  Untagged = "deny"
)

// Policy is the rule about who may name what.
type Policy struct {
	ClusterID string
	// Untagged defaults to AllowUntagged.
	Untagged Untagged
}

// Judge returns why a namespace's Services may not name an object with these
// tags, or "" when they may.
func (p Policy) Judge(namespace string, r Reference, tags map[string]string) string {
	if owner, owned := ownership.OwnedByCluster(tags); owned {
		return fmt.Sprintf("%s is made and kept by %s, and what belongs to a cluster cannot be named in a Service; name an object that you made yourself", r, owner)
	}
	entry := p.ClusterID + "/" + namespace
	allowed, tagged := ownership.Allowed(tags, p.ClusterID, namespace)
	switch {
	case allowed:
		return ""
	case tagged:
		return fmt.Sprintf("%s may not be named from namespace %s: its tag %s does not list it; ask its owner to add %s to the tag, or name another object",
			r, namespace, ownership.TagAllow, entry)
	case p.Untagged == DenyUntagged:
		return fmt.Sprintf("%s may not be named from namespace %s: it has no tag %s, and this cluster denies such references (--untagged-references=deny); "+
			"ask its owner to tag it %s=%s", r, namespace, ownership.TagAllow, ownership.TagAllow, entry)
	}
	return ""
}

// Override returns why a namespace's Services may not replace what others made on
// a load balancer with these tags, or "" when they may: that needs the allow tag,
// whatever is said about untagged references.
func (p Policy) Override(namespace string, r Reference, tags map[string]string) string {
	if allowed, _ := ownership.Allowed(tags, p.ClusterID, namespace); allowed {
		return ""
	}
	return fmt.Sprintf("listeners of %s may not be overridden from namespace %s: that needs the tag %s=%s/%s on the load balancer; ask its owner for it",
		r, namespace, ownership.TagAllow, p.ClusterID, namespace)
}
