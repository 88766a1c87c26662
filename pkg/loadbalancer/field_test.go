package loadbalancer

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// changed is one value of a field of a Service's spec, and what it comes to.
type changed struct {
	what   string
	change func(*corev1.ServiceSpec)
	// writes are the writes that it takes; nil at creation, where they are many.
	writes []string
	shown  string
	// told is part of the notice; "" = none.
	told string
}

func affinity(seconds int32) func(*corev1.ServiceSpec) {
	return func(s *corev1.ServiceSpec) {
		s.SessionAffinity = corev1.ServiceAffinityClientIP
		s.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: ptr.To(seconds)}}
	}
}

func noAffinity(s *corev1.ServiceSpec) {
	s.SessionAffinity, s.SessionAffinityConfig = corev1.ServiceAffinityNone, nil
}

func TestEveryStandardFieldSetChangedAndRemoved(t *testing.T) {
	toNodePort := sets(setTCP, checkedTCP, "HealthCheckConnectPort=32000")
	toProxy := sets(setTCP, checkedTCP, "HealthCheckConnectPort=10256")
	fields := map[string]struct {
		also  map[annotation.Key]string
		see   func(seen) string
		steps []changed
	}{
		"sessionAffinity": {nil, field(slb.Scheduler), []changed{
			{"made with it", affinity(10800), nil, "sch", ""},
			{"changed", affinity(600), []string{}, "sch", ""},
			{"removed", noAffinity, sets(setTCP, "Scheduler=wrr"), "wrr", ""},
			{"set on a living one", affinity(600), sets(setTCP, "Scheduler=sch"), "sch", ""},
		}},
		"sessionAffinity beside a scheduler": {map[annotation.Key]string{annotation.Scheduler: "rr"}, field(slb.PersistenceTimeout), []changed{
			{"made with it", affinity(600), nil, "600", ""},
			{"changed to more than there is", affinity(10800), sets(setTCP, "PersistenceTimeout=3600"), "3600", "lasts 3600 seconds, not 10800"},
			{"removed", noAffinity, sets(setTCP, "PersistenceTimeout=0"), "0", ""},
		}},
		"sessionAffinity of an HTTP port": {asHTTP, field(slb.CookieTimeout), []changed{
			{"made with it", affinity(600), nil, "600", "kept by a cookie"},
			{"changed", affinity(700), sets(setHTTP, "CookieTimeout=700", "StickySession=on", "StickySessionType=insert"), "700", "kept by a cookie"},
			{"removed", noAffinity, sets(setHTTP, "StickySession=off"), "700", ""}, // without a meaning then
		}},
		"externalTrafficPolicy and healthCheckNodePort": {nil, field(slb.HealthCheckPort), []changed{
			{"made with Local", func(s *corev1.ServiceSpec) {
				s.ExternalTrafficPolicy, s.HealthCheckNodePort = corev1.ServiceExternalTrafficPolicyLocal, 32001
			}, nil, "32001", ""},
			{"another port", func(s *corev1.ServiceSpec) { s.HealthCheckNodePort = 32000 }, toNodePort, "32000", ""},
			{"Cluster", func(s *corev1.ServiceSpec) {
				s.ExternalTrafficPolicy, s.HealthCheckNodePort = corev1.ServiceExternalTrafficPolicyCluster, 0
			}, toProxy, "10256", ""},
			{"Local again", func(s *corev1.ServiceSpec) {
				s.ExternalTrafficPolicy, s.HealthCheckNodePort = corev1.ServiceExternalTrafficPolicyLocal, 32000
			}, toNodePort, "32000", ""},
		}},
		"loadBalancerIP": {inside, func(now seen) string { return now.Instance.Address + " " + now.ingress.IP }, []changed{
			{"made with it", func(s *corev1.ServiceSpec) { s.LoadBalancerIP = "192.168.0.200" }, nil, "192.168.0.200 192.168.0.200", ""},
			{"changed", func(s *corev1.ServiceSpec) { s.LoadBalancerIP = "192.168.0.201" }, []string{}, "192.168.0.200 192.168.0.200", "has the address 192.168.0.200 and keeps it"},
			{"removed", func(s *corev1.ServiceSpec) { s.LoadBalancerIP = "" }, []string{}, "192.168.0.200 192.168.0.200", ""},
		}},
		"ports": {nil, listenersOf, []changed{
			{"made with one", func(*corev1.ServiceSpec) {}, nil, "tcp/80", ""},
			{"another name and target", func(s *corev1.ServiceSpec) {
				s.Ports[0].Name, s.Ports[0].TargetPort = "other", intstr.FromInt32(8080)
			}, []string{}, "tcp/80", ""},
			{"one more, of the same number", func(s *corev1.ServiceSpec) {
				s.Ports = append(s.Ports, corev1.ServicePort{Name: "u", Protocol: corev1.ProtocolUDP, Port: 80, NodePort: 32111})
			}, []string{"CreateLoadBalancerUDPListener", "StartLoadBalancerListener ListenerProtocol=udp"}, "tcp/80 udp/80", ""},
			{"the first one away", func(s *corev1.ServiceSpec) { s.Ports = s.Ports[1:] }, []string{"DeleteLoadBalancerListener ListenerProtocol=tcp"}, "udp/80", ""},
		}},
	}
	for name, f := range fields {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newDesk(t, "")
			row := annotated{also: f.also, see: f.see}
			s := x.service(row)
			for _, step := range f.steps {
				step.change(&s.Spec)
				x.forgetEvents()
				x.expect(step.what, row, s, step.writes, step.shown)
				told := strings.Join(x.recorded(event.LoadBalancerNotAsAsked), "\n")
				if step.told == "" && told != "" || !strings.Contains(told, step.told) {
					t.Errorf("%s: told %q, want %q", step.what, told, step.told)
				}
			}
		})
	}
}
