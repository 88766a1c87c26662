package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

func TestDryRunPrintsAndWritesNothing(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	r.Eventually(10*time.Second, "both Nodes have Pod ranges", func() (bool, string) {
		return node(r, rig.NodeName(1)).Spec.PodCIDR != "" && node(r, rig.NodeName(2)).Spec.PodCIDR != "", ""
	})
	r.CreateService("web", nil, rig.Port(80))
	r.CreateService("bad", annotated(map[string]string{prefix + "scheduler": "random"}), rig.Port(80))
	r.CreateService("inner", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }, rig.Port(80))
	before := fmt.Sprint(r.Service("web"), r.Service("bad"))

	output := dryRun(r)
	for _, want := range []string{
		"create route " + node(r, rig.NodeName(1)).Spec.PodCIDR + " in " + r.RouteTable() + " to " + rig.ServerID(1),
		"create route " + node(r, rig.NodeName(2)).Spec.PodCIDR + " in " + r.RouteTable() + " to " + rig.ServerID(2),
		"switch off source/destination check of eni-",
		"Service " + r.Namespace + "/web\n", "create load balancer a" + strings.ReplaceAll(string(r.Service("web").UID), "-", "")[:31],
		"create listener tcp/80", "Service " + r.Namespace + "/bad\n", `"random" must be`,
	} {
		if !strings.Contains(output, want) {
			t.Errorf("it does not say %q:\n%s", want, output)
		}
	}
	if strings.Contains(output, "/inner") || strings.Contains(output, "default/kubernetes") {
		t.Errorf("it speaks of Services that are none of its business:\n%s", output)
	}
	untouched(r)
	if after := fmt.Sprint(r.Service("web"), r.Service("bad")); after != before {
		t.Errorf("a Service was changed:\n%s\n%s", before, after)
	}

	// What has been done is no plan any more.
	working := r.StartController()
	working.WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	r.AwaitAddress("web", 15*time.Second)
	working.Terminate()
	r.Sim.ResetCounters()
	output = dryRun(r)
	if !strings.Contains(output, "routes: nothing to do") || strings.Contains(output, "create") {
		t.Errorf("it would do again what is done:\n%s", output)
	}
	if lines := mutations(r); len(lines) > 0 {
		t.Errorf("it wrote: %v", lines)
	}
}

// dryRun runs a controller with --dry-run to its end, and returns what it printed
// without its log.
func dryRun(r *rig.Rig) string {
	r.T.Helper()
	c := r.StartController("--dry-run", "-v=0")
	c.Wait(15 * time.Second)
	if c.Ended() != "exit status 0" {
		r.T.Errorf("it ended with %s:\n%s", c.Ended(), c.Tail(20))
	}
	for _, word := range []string{"Serving", "lease"} {
		if strings.Contains(c.Output(), word) {
			r.T.Errorf("its log speaks of %q:\n%s", word, c.Tail(20))
		}
	}
	return c.Output()
}
