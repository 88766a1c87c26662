package audit

import (
	"context"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// readExtensions reads the domain extensions of HTTPS listeners, one call each,
// where a mark says that there are some: the instance's, or the listener's own on a
// load balancer of somebody else. Without a mark there is no call.
func readExtensions(ctx context.Context, cloud Cloud, actual *plan.Actual) error {
	all := actual.Instance.Tags[ownership.TagExtensions] != ""
	for i := range actual.Listeners {
		l := &actual.Listeners[i]
		if l.Protocol != slb.HTTPS || !all && !build.KeepsDomains(l.Attributes[slb.Description]) {
			continue
		}
		found, err := cloud.Extensions(ctx, actual.Instance.ID, l.Port)
		if err == nil && len(found) == 0 {
			found, err = cloud.Extensions(ctx, actual.Instance.ID, l.Port) // the mark says otherwise: one empty answer is no proof
		}
		if err != nil {
			return fmt.Errorf("read load balancer %s: %w", actual.Instance.ID, err)
		}
		if actual.Extensions == nil {
			actual.Extensions = map[int][]slb.Extension{}
		}
		actual.Extensions[l.Port] = found
	}
	return nil
}
