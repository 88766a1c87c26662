package integration

import (
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// asked asks until it succeeds, as the attach/detach controller does.
func asked(r *rig.Rig, verb wire.Verb, volume, node string) time.Duration {
	r.T.Helper()
	return r.Eventually(60*time.Second, string(verb)+" of "+volume+" at "+node+" succeeds", func() (bool, string) {
		message := r.Ask(verb, volume, node)
		return message == "", message
	})
}

// TestDisksFollowTheirPodWithThePublishedRights has an elected and a waiting
// replica; both have the rights of deploy/controller/rbac.yaml and
// deploy/ram/controller.json alone, and the one that waits serves the socket.
func TestDisksFollowTheirPodWithThePublishedRights(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 3})
	document, err := os.ReadFile("../../deploy/ram/controller.json")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := ram.ParsePolicy(string(document))
	if err != nil {
		t.Fatal(err)
	}
	putKey(r, ram.Key{ID: aliyunsim.TestKey, Secret: aliyunsim.TestSecret, User: "controller", Policies: []ram.Policy{policy}})
	leader := r.StartController()
	leader.WaitReady()
	awaitInitialised(r)
	r.StartController("--volume-socket=" + r.Socket()).WaitReady()
	r.Disk("d-1", 1)
	r.Volume("pv-1", "d-1")

	if message := r.Ask(wire.Attach, "pv-1", rig.NodeName(1)); !strings.Contains(message, "no Pod on Node node-1 uses claim") {
		t.Errorf("attached for nobody: %q", message)
	}
	r.VolumePod("db-1", "pv-1", rig.NodeName(1))
	asked(r, wire.Attach, "pv-1", rig.NodeName(1))
	if got := r.DiskOn("d-1"); got != "In_use i-1" {
		t.Errorf("the disk is %s", got)
	}
	// While a Pod uses it, it stays.
	r.VolumePod("db-3", "pv-1", rig.NodeName(3))
	if message := r.Ask(wire.Attach, "pv-1", rig.NodeName(3)); !strings.Contains(message, "db-1 uses it") {
		t.Errorf("taken from a Pod: %q", message)
	}
	r.DeletePod("db-1")
	asked(r, wire.Attach, "pv-1", rig.NodeName(3))
	if got := r.DiskOn("d-1"); got != "In_use i-3" {
		t.Errorf("the disk is %s", got)
	}
	r.Eventually(10*time.Second, "the PersistentVolume tells of the take-over", func() (bool, string) {
		events, err := r.Client.CoreV1().Events(metav1.NamespaceDefault).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=DiskTakenOver"})
		return err == nil && len(events.Items) == 1 && events.Items[0].Type == corev1.EventTypeWarning, ""
	})
	r.DeletePod("db-3")
	asked(r, wire.Detach, "pv-1", rig.NodeName(3))
	if got := r.DiskOn("d-1"); got != "Available" {
		t.Errorf("the disk is %s", got)
	}
}

func TestCase13TheSocketTellsWhatTheControllerWaitsFor(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	r.StartControllerWith(rig.ControllerConfig{NoKey: true, Args: []string{"--volume-socket=" + r.Socket()}})
	r.Eventually(20*time.Second, "the missing Secret is named", func() (bool, string) {
		message := r.Ask(wire.Attach, "pv-1", rig.NodeName(1))
		return strings.Contains(message, "Secret kube-system/aliyun-creds does not exist"), message
	})
}
