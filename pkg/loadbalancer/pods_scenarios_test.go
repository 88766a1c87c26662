package loadbalancer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// What happens to a Service whose backends are Pods: p0 to p2 are on a server each,
// of which the first two are its endpoints at first.
func init() {
	for name, sc := range map[string]scenario{
		"create": {
			rig: newPodsRig, service: podService,
			act:   func(r *rig, s *corev1.Service) { r.create(s) },
			right: wholePods("8080", 0, 1),
		},
		"scaled up": {
			rig: newPodsRig, service: podService, living: true,
			act:   func(r *rig, s *corev1.Service) { r.endsAt(s, 0, 1, 2) },
			right: wholePods("8080", 0, 1, 2),
		},
		"scaled down": {
			rig: newPodsRig, service: podService, living: true,
			act:   func(r *rig, s *corev1.Service) { r.endsAt(s, 1) },
			right: wholePods("8080", 1),
		},
		"replaced": {
			rig: newPodsRig, service: podService, living: true,
			act:   func(r *rig, s *corev1.Service) { r.endsAt(s, 2) },
			right: wholePods("8080", 2),
		},
		"target port changed": {
			rig: newPodsRig, service: podService, living: true,
			act: func(r *rig, s *corev1.Service) {
				r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].TargetPort.IntVal = 9090 })
				r.podEndpoints(s)
				r.slice(s, 9090, ready(podOf(0)), ready(podOf(1)))
			},
			right: wholePods("9090", 0, 1),
		},
		"delete": {
			rig: newPodsRig, service: podService, living: true,
			act:   func(r *rig, s *corev1.Service) { r.remove(s) },
			right: nothingLeft,
		},
	} {
		table["pods: "+name] = sc
	}
}

func podService() *corev1.Service { return newService(1, toPods) }

func podOf(n int) *corev1.Pod { return newPod(fmt.Sprintf("p%d", n), n+1, podAddress(n+1, 0)) }

// newPodsRig is newPodRig with p0 to p2.
func newPodsRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	r := newPodRig(t, profile, servers)
	for n := range servers {
		r.addPod(podOf(n))
	}
	r.endsAt(podService(), 0, 1)
	return r
}

// endsAt makes Pods the Service's endpoints.
func (r *rig) endsAt(s *corev1.Service, pods ...int) {
	r.t.Helper()
	var all []discoveryv1.Endpoint
	for _, n := range pods {
		all = append(all, ready(podOf(n)))
	}
	r.podEndpoints(s, all...)
}

// wholePods reports why a Service's load balancer is not the only one, sending to
// exactly these Pods at a port, with nothing left over.
func wholePods(port string, pods ...int) func(r *rig, s *corev1.Service) error {
	return func(r *rig, s *corev1.Service) error {
		lb, err := r.look(s)
		if err != nil {
			return err
		}
		if r.address(s) != lb.Instance.Address {
			return fmt.Errorf("the status shows %q, the load balancer has %q", r.address(s), lb.Instance.Address)
		}
		var want []string
		for _, n := range pods {
			want = append(want, fmt.Sprintf("eni-%d/%s:%s=100", n+1, podAddress(n+1, 0), port))
		}
		if got := podsOf(lb); got != strings.Join(want, " ") {
			return fmt.Errorf("it sends to %s, not to %v", got, want)
		}
		if len(lb.Listeners) != 1 || lb.Listeners[0].Status != "running" {
			return fmt.Errorf("listeners %v", lb.Listeners)
		}
		if len(lb.Backends) > 0 {
			return errors.New("the default group is not empty")
		}
		if groups, err := r.eyes.Groups(r.t.Context(), lb.Instance.ID); err != nil || len(groups) != 1 {
			return fmt.Errorf("groups %v, %w", groups, err)
		}
		return nil
	}
}
