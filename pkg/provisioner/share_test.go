package provisioner

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// TestClaimsShareTheReadsOfTheirDisks has disks that take twenty times the pause
// between two reads to be made.
func TestClaimsShareTheReadsOfTheirDisks(t *testing.T) {
	const claims = 16
	r := newRig(t)
	r.sim.Knobs(func(k *api.Knobs) { k.DiskCreation = 20 * pace })
	began := time.Now()
	var all sync.WaitGroup
	for i := range claims {
		o := options("20Gi")
		o.PVName, o.PVC.Name, o.PVC.UID = fmt.Sprint("pvc-", i), fmt.Sprint("data-", i), types.UID(fmt.Sprint("uid-", i))
		all.Go(func() {
			if _, state, err := r.Provision(t.Context(), o); err != nil || state != controller.ProvisioningFinished {
				t.Errorf("%s: %s, %v", o.PVName, state, err)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	shared, others := 0, 0
	for _, call := range r.sim.Journal() {
		if call.Action == "DescribeDisks" && call.Params["DiskIds"] != "" {
			shared++
		} else {
			others++
		}
	}
	if limit := int(took/pace) + 1; shared > limit || shared == 0 {
		t.Errorf("%d shared reads in %s, at most %d", shared, took, limit)
	}
	if others != 2*claims {
		t.Errorf("%d calls beside them, want a search and a CreateDisk for each of %d: %v", others, claims, r.sim.CountsByCode())
	}
	t.Logf("%d claims: %d calls and %d shared reads in %s", claims, others, shared, took)
}
