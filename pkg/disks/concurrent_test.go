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

// TestSixteenDisksToOneServerAndSixtyFourToEight runs at a twentieth of the real
// pace: readings 50 ms apart instead of a second, attaches of 100 ms instead of two.
func TestSixteenDisksToOneServerAndSixtyFourToEight(t *testing.T) {
	const pace, lasts = 50 * time.Millisecond, 100 * time.Millisecond
	for name, tt := range map[string]struct{ disks, servers int }{"16 to one": {16, 1}, "64 to eight": {64, 8}} {
		t.Run(name, func(t *testing.T) {
			// Servers of odd numbers are in the disks' zone.
			r := newRig(t, 2*tt.servers)
			r.sim.Knobs(func(k *api.Knobs) { k.DiskAttach = lasts })
			node := func(i int) string { return fmt.Sprintf("node-%d", 1+2*(i%tt.servers)) }
			for i := range tt.disks {
				r.many(i, 1, node(i))
			}
			r.start(func(r *rig) { r.opts.Pace = pace })
			r.sim.ResetCounters()
			began := time.Now()
			var wg sync.WaitGroup
			for i := range tt.disks {
				wg.Go(func() {
					if message := r.attach(fmt.Sprintf("pv-%d", i), node(i)); message != "" {
						t.Errorf("pv-%d: %s", i, message)
					}
				})
			}
			wg.Wait()
			took := time.Since(began)
			counts := r.sim.Counts()
			reads := counts["DescribeDisks"]
			if limit := int(took/pace) + 1; reads > limit {
				t.Errorf("%d DescribeDisks in %s, at most %d", reads, took, limit)
			}
			others := 0
			for action, n := range counts {
				if action != "DescribeDisks" {
					others += n
				}
			}
			if others > 3*tt.disks {
				t.Errorf("%d calls beside DescribeDisks: %v", others, counts)
			}
			// One by one is what callers do that know nothing of each other's calls. The
			// sixteen disks of one server leave no room for another.
			baseline := "not measured"
			if tt.servers > 1 {
				r.many(tt.disks, 1, "node-1")
				alone := time.Now()
				r.succeeds(r.attach(fmt.Sprintf("pv-%d", tt.disks), "node-1"))
				baseline = (time.Since(alone) * time.Duration(tt.disks)).String()
			}
			t.Logf("%s: %s, %d calls and %d DescribeDisks; one by one: %s", name, took, others, reads, baseline)
		})
	}
}
