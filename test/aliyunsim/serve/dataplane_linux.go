package serve

import (
	"context"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/balance"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

// startPlane makes the region's network real. Servers get the products alone: the
// admin interface stays on this machine's loopback.
func startPlane(ctx context.Context, r *region.Region) (plane, error) {
	return dataplane.Start(ctx, dataplane.Options{
		Source: r, Balancers: balance.New(klog.FromContext(ctx)), Metadata: r.Metadata, OpenAPI: r.Gateway,
	})
}
