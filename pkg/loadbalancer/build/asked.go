package build

import (
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// asked returns the attributes of a listener that differ from those of a Service
// without annotations, and the description; nil where all are wanted.
func (b *builder) asked(l Listener) slb.Attributes {
	if !b.in.TakenOver {
		return nil
	}
	bare := builder{cfg: b.cfg, in: b.in, settings: annotation.Settings{}}
	standard := bare.attributes(l.Protocol, l.Port)
	out := slb.Attributes{slb.Description: l.Attributes[slb.Description]}
	for field, value := range l.Attributes {
		if standard[field] != value {
			out[field] = value
		}
	}
	return out
}
