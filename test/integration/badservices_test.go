package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

const prefix = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-"

// The vSwitches of a region made with vendorIDs.
const (
	vSwitchH = "vsw-smallh"
	vSwitchI = "vsw-smalli"
)

// vendorIDs gives the vSwitches ids of the vendor's form, without a second dash,
// as flags take them.
func vendorIDs(o *aliyunsim.Options) {
	o.Seed = strings.ReplaceAll(o.Seed, "vsw-small-", "vsw-small")
}

func annotated(annotations map[string]string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Annotations = annotations }
}

// TestBadServicesAreToldOnce shows one controller what users get wrong.
func TestBadServicesAreToldOnce(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	r.StartController().WaitReady()
	awaitInitialised(r)
	awaitRouted(r)

	t.Run("an unknown annotation names the nearest one", func(t *testing.T) {
		r := in(r, t)
		r.CreateService("misspelt", annotated(map[string]string{prefix + "address-typo": "intranet"}), rig.Port(80))
		onlyOnce(r, "misspelt", "LoadBalancerNotAsAsked", prefix+"address-typo is unknown", "did you mean "+prefix+"address-type?")
		r.AwaitAddress("misspelt", 15*time.Second) // it has no effect, so it does no harm
		r.DeleteService("misspelt")
		awaitNoLoadBalancer(r)
	})

	t.Run("all malformed values are told in one event before the first call", func(t *testing.T) {
		r := in(r, t)
		r.Sim.ResetCounters()
		r.CreateService("malformed", annotated(map[string]string{
			prefix + "address-type":          "private",
			prefix + "health-check-interval": "often",
			prefix + "scheduler":             "random",
			prefix + "delete-protection":     "yes",
		}), rig.Port(80))
		onlyOnce(r, "malformed", "LoadBalancerRefused",
			`address-type: "private" must be internet or intranet`, `health-check-interval: "often" must be a whole number from 1 to 50`,
			`scheduler: "random" must be`, `delete-protection: "yes" must be on or off`)
		refusedQuietly(r, "malformed")
	})

	t.Run("more ports than listeners are refused before the first call", func(t *testing.T) {
		r := in(r, t)
		r.Sim.ResetCounters()
		ports := make([]corev1.ServicePort, 51)
		for i := range ports {
			ports[i] = rig.Port(int32(8001 + i)) // #nosec G115 -- below 9000
		}
		r.CreateService("many", nil, ports...)
		onlyOnce(r, "many", "LoadBalancerRefused", "51 ports", "at most 50 listeners", "split the Service")
		refusedQuietly(r, "many")
	})

	t.Run("a corrected Service gets its load balancer at once", func(t *testing.T) {
		r := in(r, t)
		r.ChangeService("malformed", func(s *corev1.Service) { s.Annotations = nil })
		if took := r.Eventually(15*time.Second, "the corrected Service has an address", func() (bool, string) {
			return len(r.Service("malformed").Status.LoadBalancer.Ingress) == 1, r.Events("malformed")
		}); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
		r.DeleteService("malformed")
		awaitNoLoadBalancer(r)
	})
}

// refusedQuietly fails unless a refused Service costs nothing and has nothing.
func refusedQuietly(r *rig.Rig, name string) {
	r.T.Helper()
	r.Never(3*time.Second, "calls were made for a refused Service", func() (bool, string) {
		counts := r.Sim.Counts()
		return total(counts) > 0, fmt.Sprint(counts)
	})
	onlyOnce(r, name, "*") // the service controller does not tell it too
	if ingress := r.Service(name).Status.LoadBalancer.Ingress; len(ingress) > 0 {
		r.T.Errorf("the refused Service has %v", ingress)
	}
}
