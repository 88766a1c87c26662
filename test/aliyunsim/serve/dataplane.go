package serve

import (
	"context"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// plane is a running data plane.
type plane interface {
	Describe(ctx context.Context) (network.Plane, error)
	Close(ctx context.Context) error
}
