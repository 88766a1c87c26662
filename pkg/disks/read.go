package disks

import (
	"context"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// Disk returns a disk by its id as the API tells it now, or nil where there is
// none. All who ask share one DescribeDisks a second, so an answer takes up to a
// second longer than the call; nobody may change what is returned.
func (v *Volumes) Disk(ctx context.Context, id string) (*ecs.Disk, error) {
	r, err := v.describer.get(ctx, id, v.clock.Now())
	return r.disk, err
}
