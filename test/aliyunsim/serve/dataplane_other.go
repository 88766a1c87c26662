//go:build !linux

package serve

import (
	"context"
	"errors"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

func startPlane(context.Context, *region.Region) (plane, error) {
	return nil, errors.New("--dataplane takes Linux")
}
