package ecs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

func TestServersSeeDisksBetweenAttachingAndDetaching(t *testing.T) {
	r := disksRegion(t)
	sees := func(when string, uses ...network.DiskUse) {
		t.Helper()
		if diff := cmp.Diff([]network.Disk{{ID: "d-1", Serial: "1", Uses: uses}}, r.DiskLayout()); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	on := network.DiskUse{Server: "i-1", Size: 20 << 30, NVMe: true}
	sees("free")
	r.attach("d-1", "i-1")
	sees("attaching")
	r.pass(2 * time.Second)
	sees("in use", on)
	r.must(sdk.CreateResizeDiskResponse(), "ResizeDisk", "DiskId", "d-1", "NewSize", "30", "Type", "online")
	sees("resized, and the server not told", on)
	r.pass(time.Second)
	on.Size = 30 << 30
	sees("resized", on)
	r.detach("d-1", "i-1")
	sees("detaching")
}

func TestServerThatDoesNotLetGoOfADiskSeesIt(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-held", Server: "i-2"})
	r.Knobs.DetachNeverEnds = true
	r.detach("d-held", "i-2")
	r.pass(time.Hour)
	for _, d := range r.DiskLayout() {
		if d.ID == "d-held" && len(d.Uses) != 1 {
			t.Errorf("it is on %v", d.Uses)
		}
	}
}
