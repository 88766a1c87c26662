package loadbalancer

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// TestMemoryOfABackendIsSmall measures what a survey leaves in memory: a cluster
// can have a hundred thousand backends.
func TestMemoryOfABackendIsSmall(t *testing.T) {
	const balancers, servers, most = 60, 200, 125
	r := newRig(t, "instant", servers)
	for n := range balancers {
		s := newService(n + 1)
		r.create(s)
		lb, err := r.eyes.Create(t.Context(), slb.Create{
			Name: s.Name, AddressType: slb.Internet, InstanceChargeType: "PayByCLCU", InternetChargeType: "paybytraffic",
			Tags: map[string]string{ownership.TagClusterID: testCluster, ownership.TagServiceUID: string(s.UID)},
		})
		if err != nil {
			t.Fatal(err)
		}
		backends := make([]slb.Backend, 0, servers)
		for i := range servers {
			backends = append(backends, slb.Backend{ServerID: fmt.Sprintf("i-%d", i+1), Weight: 100})
		}
		for batch := range slices.Chunk(backends, slb.MaxBackends) {
			if _, err := r.eyes.AddBackends(t.Context(), lb.ID, batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What else becomes free meanwhile, such as connections of the rig, counts too:
	// the least of three has the least of it.
	kept := math.Inf(1)
	for range 3 {
		c := r.start(func(o *Options) { o.Settings.BackendsPerLoadBalancer = servers })
		c.surveyed()
		c.stop()
		with := heap()
		c.memory = newMemory()
		kept = min(kept, (with-heap())/(balancers*servers))
	}
	t.Logf("%.0f bytes a backend", kept)
	if kept > most || kept <= 0 {
		t.Errorf("a backend takes %.0f bytes, %d at most are needed", kept, most)
	}
}

// heap returns how many bytes live.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
