package integration

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/flexhost"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// TestCase07To21TheDriverUnderKubernetesMovesADisk has nothing in between that is
// not real but the cloud: kube-controller-manager's FlexVolume package, the driver
// as a process, the controller, the API server.
func TestCase07To21TheDriverUnderKubernetesMovesADisk(t *testing.T) {
	programs, err := flexhost.Build(t.Context(), t.TempDir(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	r := fresh(t, rig.Options{Servers: 3})
	flags := "--volume-socket=" + r.Socket()
	controller := r.StartController(flags)
	controller.WaitReady()
	awaitInitialised(r)
	r.Disk("d-1", 1)
	r.Volume("pv-1", "d-1")
	master := flexhost.Start(t, programs, filepath.Join(t.TempDir(), "exec"), t.TempDir(), "ALIYUN_FLEXV_SOCKET="+r.Socket())
	first, third := rig.NodeName(1), rig.NodeName(3)
	call := func(do, node string) flexhost.Request {
		return flexhost.Request{Do: do, Spec: flexhost.OfDisk("pv-1", "d-1"), Node: node}
	}
	succeeds := func(do, node string) flexhost.Response {
		var answer flexhost.Response
		r.Eventually(time.Minute, do+" at "+node+" succeeds", func() (bool, string) {
			answer = master.Do(call(do, node))
			return answer.Error == "", answer.Error
		})
		return answer
	}

	master.Fails(call("attach", first), "no Pod on Node "+first)
	r.VolumePod("db-1", "pv-1", first)
	if device := succeeds("attach", first).Text; device != "/dev/disk/by-id/virtio-1" {
		t.Errorf("attached as %q", device)
	}
	// Cases 8 and 18.
	succeeds("attach", first)
	if got := succeeds("isattached", first); got.Attached == nil || !*got.Attached {
		t.Errorf("isattached: %+v", got)
	}
	// Case 10: another node asks while a Pod has the disk.
	r.VolumePod("db-3", "pv-1", third)
	master.Fails(call("attach", third), "db-1 uses it")
	if got := r.DiskOn("d-1"); got != "In_use i-1" {
		t.Errorf("the disk is %s", got)
	}
	// Cases 19 and 20: the name is all that detach has, and it may be repeated.
	r.DeletePod("db-1")
	succeeds("detach", first)
	succeeds("detach", first)
	if got := succeeds("isattached", first); got.Attached == nil || *got.Attached {
		t.Errorf("isattached after detach: %+v", got)
	}
	// Case 13: without the controller, and with it again.
	controller.Terminate()
	if answer := master.Do(call("attach", third)); !strings.Contains(answer.Error, "aliyun-controller does not run on this master") {
		t.Errorf("without the controller: %+v", answer)
	}
	r.StartController(flags).WaitReady()
	succeeds("attach", third)
	if got := r.DiskOn("d-1"); got != "In_use i-3" {
		t.Errorf("the disk is %s", got)
	}
	r.DeletePod("db-3")
	succeeds("detach", third)
}
