package disks

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// many makes n disks with volumes and Pods on one Node.
func (r *rig) many(from, n int, node string) {
	r.t.Helper()
	for i := from; i < from+n; i++ {
		r.disk(fmt.Sprintf("d-%d", i))
		r.volume(fmt.Sprintf("pv-%d", i), fmt.Sprintf("d-%d", i))
		r.pod("default", fmt.Sprintf("db-%d", i), node, byClaim(fmt.Sprintf("pv-%d", i)))
	}
}

func TestCase15SixteenDisksToOneServerAtOnceAreAttachedOneByOne(t *testing.T) {
	r := newRig(t, 5)
	const disks = 16
	r.many(0, disks, "node-1")
	r.many(100, 1, "node-3")
	r.many(200, 1, "node-5")
	r.sim.Knobs(func(k *api.Knobs) {
		k.DiskAttach, k.ParallelDiskOperations, k.DiskConflictCode = 100*time.Millisecond, 1, "InvalidOperation.Conflict"
	})
	r.start()
	var wg sync.WaitGroup
	took := map[string]time.Duration{}
	var mu sync.Mutex
	began := time.Now()
	attach := func(i int, node string) {
		wg.Go(func() {
			if message := r.attach(fmt.Sprintf("pv-%d", i), node); message != "" {
				t.Errorf("pv-%d: %s", i, message)
			}
			mu.Lock()
			defer mu.Unlock()
			took[node] = max(took[node], time.Since(began))
		})
	}
	for i := range disks {
		attach(i, "node-1")
	}
	attach(100, "node-3")
	attach(200, "node-5")
	wg.Wait()
	r.expectCalls(map[string]int{"AttachDisk": disks + 2})
	if refused := len(r.sim.CountsByCode()["AttachDisk"]); refused != 1 {
		t.Errorf("answers of AttachDisk: %v", r.sim.CountsByCode()["AttachDisk"])
	}
	if took["node-3"] > took["node-1"]/3 || took["node-5"] > took["node-1"]/3 {
		t.Errorf("other nodes are delayed: %v", took)
	}
}
