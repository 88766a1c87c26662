package audit

import (
	"context"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// readExtensions reads the domain extensions of HTTPS listeners, one call each,
// where the instance's mark says that there are some. An instance without the mark
// costs no call.
func readExtensions(ctx context.Context, cloud Cloud, actual *plan.Actual) error {
	if actual.Instance.Tags[ownership.TagExtensions] == "" {
		return nil
	}
	actual.Extensions = map[int][]slb.Extension{}
	for i := range actual.Listeners {
		l := &actual.Listeners[i]
		if l.Protocol != slb.HTTPS {
			continue
		}
		found, err := cloud.Extensions(ctx, actual.Instance.ID, l.Port)
		if err != nil {
			return fmt.Errorf("read load balancer %s: %w", actual.Instance.ID, err)
		}
		actual.Extensions[l.Port] = found
	}
	return nil
}
