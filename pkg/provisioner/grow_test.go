package provisioner

import (
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

func sized(pv *corev1.PersistentVolume, size string) *corev1.PersistentVolume {
	pv = pv.DeepCopy()
	pv.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	return pv
}

func TestDiskGrowsToTheCapacityOfItsVolume(t *testing.T) {
	for _, attached := range []bool{false, true} {
		r := newRig(t)
		pv := r.provision(options("20Gi", "zoneId", zoneH))
		if attached {
			if err := r.cloud.AttachDisk(t.Context(), r.oneDisk().ID, "i-1", false); err != nil {
				t.Fatal(err)
			}
		}
		g := NewGrower(r.Provisioner)
		for range 2 {
			if err := g.grow(t.Context(), sized(pv, "30Gi")); err != nil {
				t.Fatal(err)
			}
		}
		if d := r.oneDisk(); d.SizeGiB != 30 || r.sim.Counts()["ResizeDisk"] != 1 {
			t.Errorf("%+v, %v", d, r.sim.Counts())
		}
		if e := <-r.events.Events; !strings.Contains(e, "DiskGrown") || !strings.Contains(e, "30Gi") {
			t.Error(e)
		}
	}
}

func TestGrowthOutlivesALostReply(t *testing.T) {
	r := newRig(t)
	pv := sized(r.provision(options("20Gi")), "30Gi")
	r.sim.Fault(fault.Rule{Action: "ResizeDisk", Kind: fault.DropReply, Count: 5})
	_ = NewGrower(r.Provisioner).grow(t.Context(), pv)
	r.sim.ClearFaults()
	r.restart()
	if err := NewGrower(r.Provisioner).grow(t.Context(), pv); err != nil {
		t.Fatal(err)
	}
	if d := r.oneDisk(); d.SizeGiB != 30 {
		t.Errorf("%+v", d)
	}
}

func TestGrowthOutlivesAnEmptyList(t *testing.T) {
	r := newRig(t)
	pv := sized(r.provision(options("20Gi")), "30Gi")
	if err := r.volumes.Add(pv); err != nil {
		t.Fatal(err)
	}
	r.sim.Fault(fault.Rule{Action: "DescribeDisks", Kind: fault.EmptyList, Count: 1})
	g := NewGrower(r.Provisioner)
	defer g.queue.ShutDown()
	g.enqueue(pv)
	for range 2 { // the second waits for the queue's first pause
		g.next(t.Context())
	}
	if d := r.oneDisk(); d.SizeGiB != 30 {
		t.Errorf("%+v", d)
	}
}

func TestADiskThatStaysUnlistedIsNotLookedForForEver(t *testing.T) {
	r := newRig(t)
	pv := volumeOf("d-gone")
	if err := r.volumes.Add(sized(pv, "30Gi")); err != nil {
		t.Fatal(err)
	}
	g := NewGrower(r.Provisioner)
	defer g.queue.ShutDown()
	for range unlistedTries {
		g.queue.AddRateLimited(pv.Name)
	}
	g.next(t.Context())
	if n := g.queue.NumRequeues(pv.Name); n != 0 {
		t.Errorf("%d tries, and another", n)
	}
}

func TestRefusedGrowthIsTold(t *testing.T) {
	r := newRig(t)
	pv := sized(r.provision(options("20Gi")), "30Gi")
	r.sim.Fault(fault.Rule{Action: "ResizeDisk", Kind: fault.ServerError, Code: "InvalidOperation.InstanceTypeNotSupportOnlineResize", Status: http.StatusForbidden})
	if err := NewGrower(r.Provisioner).grow(t.Context(), pv); err == nil {
		t.Fatal("no error")
	}
	if e := <-r.events.Events; !strings.Contains(e, "DiskNotGrown") || !strings.Contains(e, "InstanceTypeNotSupportOnlineResize") {
		t.Error(e)
	}
}

func TestDiskThatIsNotOursDoesNotGrow(t *testing.T) {
	r := newRig(t)
	pv := sized(volumeOf(r.addDisk(simecs.DiskSeed{Zone: zoneH})), "30Gi")
	pv.Annotations = nil
	if err := NewGrower(r.Provisioner).grow(t.Context(), pv); err != nil {
		t.Fatal(err)
	}
	if n := r.sim.Counts()["ResizeDisk"]; n != 0 {
		t.Errorf("%d calls", n)
	}
	if e := <-r.events.Events; !strings.Contains(e, "DiskNotGrown") {
		t.Error(e)
	}
}

func TestVolumesOfKnownSizeCostNoCall(t *testing.T) {
	r := newRig(t)
	pv := sized(r.provision(options("20Gi")), "20Gi")
	if err := r.volumes.Add(pv); err != nil {
		t.Fatal(err)
	}
	g := NewGrower(r.Provisioner)
	r.sim.ResetCounters()
	if err := g.learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.enqueue(pv)
	if g.queue.Len() != 0 {
		t.Error("queued")
	}
	r.calls("DescribeDisks 1")
}
