package build

import (
	"fmt"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// restrict puts access control lists on a listener: the Service's own, or those
// that its annotations name. Without either the listener's are not this project's
// business, unless they were.
func (b *builder) restrict(l Listener) {
	settings := b.settings.ForPort(l.Port)
	status, given := settings.Text(annotation.ACLStatus)
	kind, hasKind := settings.Text(annotation.ACLType)
	ids := settings.Items(annotation.ACLID)
	switch {
	case b.acl != nil && status == "on":
		b.refuseOnce("annotation %s%s: on and the Service's source ranges are two owners of one setting; remove one of them", annotation.Prefix, annotation.ACLStatus)
	case b.acl != nil:
		l.Attributes[slb.ACLStatus], l.Attributes[slb.ACLType], l.Attributes[slb.ACLID] = "on", "white", OwnACL
	case status == "on" && (!hasKind || len(ids) == 0):
		b.refuseOnce("annotation %s%s: on needs the annotations %s%s and %s%s too",
			annotation.Prefix, annotation.ACLStatus, annotation.Prefix, annotation.ACLID, annotation.Prefix, annotation.ACLType)
	case status == "on":
		l.Attributes[slb.ACLStatus], l.Attributes[slb.ACLType], l.Attributes[slb.ACLID] = "on", kind, settings.Or(annotation.ACLID, "")
		b.namesACL = true
		for _, id := range ids {
			b.refers(reference.ACL, id)
		}
		return
	case given:
		l.Attributes[slb.ACLStatus] = "off"
	}
	if hasKind || len(ids) > 0 {
		b.noticeOnce("annotations %s and %s have no effect without %s: on", annotation.ACLID, annotation.ACLType, annotation.ACLStatus)
	}
}

// markACL marks the instance when access control is the Service's business.
func (b *builder) markACL(tags map[string]string) {
	switch {
	case b.acl != nil:
		tags[ownership.TagACL] = b.acl.Name
	case b.namesACL:
		tags[ownership.TagACL] = ownership.ACLsNamed
	}
}

// refers notes that the Service names an object of others.
func (b *builder) refers(kind reference.Kind, id string) {
	if r := (reference.Reference{Kind: kind, ID: id}); !slices.Contains(b.references, r) {
		b.references = append(b.references, r)
	}
}

// refuseOnce is refuse for what several ports have in common.
func (b *builder) refuseOnce(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(b.problems, text) {
		b.problems = append(b.problems, text)
	}
}

// noticeOnce is notice for what several ports have in common.
func (b *builder) noticeOnce(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(b.notices, text) {
		b.notices = append(b.notices, text)
	}
}
