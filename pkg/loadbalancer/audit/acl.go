package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// readACL reads the access control list that an instance's mark names. An instance
// without the mark has none, and costs none.
func readACL(ctx context.Context, cloud Cloud, actual *plan.Actual) error {
	name := ownership.MarkedACL(actual.Instance.Tags)
	if name == "" {
		return nil
	}
	return ReadACL(ctx, cloud, actual, name, func(*slb.Listener) bool { return true })
}

// ReadACL reads the access control list of a name: one call where a listener that
// own accepts uses it, two where it has to be looked for. There may be none.
func ReadACL(ctx context.Context, cloud Cloud, actual *plan.Actual, name string, own func(*slb.Listener) bool) error {
	for i := range actual.Listeners {
		l := &actual.Listeners[i]
		if l.Attributes[slb.ACLStatus] != "on" || l.Attributes[slb.ACLID] == "" || !own(l) {
			continue
		}
		acl, err := cloud.ACL(ctx, l.Attributes[slb.ACLID])
		if err == nil && acl.Name == name {
			actual.ACL = &acl
			return nil
		}
		if err != nil && !errors.Is(err, apierror.ErrNotFound) {
			return fmt.Errorf("read load balancer %s: %w", actual.Instance.ID, err)
		}
		break
	}
	acl, err := FindACL(ctx, cloud, name)
	if err != nil || acl == nil {
		return err
	}
	whole, err := cloud.ACL(ctx, acl.ID)
	if errors.Is(err, apierror.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read load balancer %s: %w", actual.Instance.ID, err)
	}
	actual.ACL = &whole
	return nil
}

// FindACL returns the access control list of a name without its entries, or nil
// when there is none: names are unique.
func FindACL(ctx context.Context, cloud Cloud, name string) (*slb.ACL, error) {
	found, err := cloud.ACLs(ctx, slb.ACLFilter{Name: name})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}
