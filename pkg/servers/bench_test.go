package servers

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// BenchmarkThousandNodes is a pass over 1,000 Nodes that the snapshot knows, and
// one that has to resolve all of them anew.
func BenchmarkThousandNodes(b *testing.B) {
	r := newRig()
	r.cloud.latency = 0
	for i := range 1000 {
		id := fmt.Sprintf("i-fleet%04d", i)
		r.cloud.servers[id] = ecs.Server{ID: id, VPCID: vpcID, PrivateIPs: []string{ip(i)}}
		if err := r.nodes.Add(node(fmt.Sprint("n", i), providerID("cn-hangzhou."+id), internal(ip(i)))); err != nil {
			b.Fatal(err)
		}
	}
	all, err := r.options.Nodes.List(labels.Everything())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			for _, n := range all {
				if _, err := r.Get(b.Context(), n, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("resolved", func(b *testing.B) {
		for b.Loop() {
			r.view = nil
			if _, err := r.All(b.Context(), time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}
