package loadbalancer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// newWebRig is newRig in a region with certificates cert-1 to cert-3.
func newWebRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	return newRigIn(t, profile, aliyunsim.SmallRegion(servers)+tableSeed, servers)
}

// redirecting makes a Service of certificate cert-1 with the ports of a
// protocol-port annotation, and redirects.
func redirecting(protocols, redirects string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.Ports = nil
		for i, item := range strings.Split(protocols, ",") {
			_, number, _ := strings.Cut(item, ":")
			port, _ := strconv.Atoi(number)
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: number, Protocol: corev1.ProtocolTCP, Port: int32(port), NodePort: nodePort(1, i)})
		}
		annotate(s, annotation.ProtocolPort, protocols)
		annotate(s, annotation.CertID, "cert-1")
		annotate(s, annotation.ForwardPort, redirects)
	}
}

func annotating(key annotation.Key, value string) func(*rig, *corev1.Service) {
	return func(r *rig, s *corev1.Service) {
		r.change(s, func(s *corev1.Service) { annotate(s, key, value) })
	}
}

// listensAs reports why a Service's load balancer has not these listeners, with
// where they send clients, running, and the certificate on the HTTPS ones.
func listensAs(listeners, certificate string) func(*rig, *corev1.Service) error {
	return func(r *rig, s *corev1.Service) error {
		lb, err := r.look(s)
		if err != nil {
			return err
		}
		names := strings.Fields(listenersOf(seen{Actual: lb}))
		slices.Sort(names)
		if got := strings.Join(names, " "); got != listeners {
			return fmt.Errorf("listeners %s, not %s", got, listeners)
		}
		for i := range lb.Listeners {
			l := &lb.Listeners[i]
			if l.Status != slb.ListenerRunning || l.Protocol == slb.HTTPS && l.Attributes[slb.ServerCertificate] != certificate {
				return fmt.Errorf("listener %s is %s with certificate %s", l.ListenerKey, l.Status, l.Attributes[slb.ServerCertificate])
			}
		}
		if r.address(s) != lb.Instance.Address || len(lb.Backends) != 3 {
			return fmt.Errorf("the status shows %q, the load balancer has %q and %d servers", r.address(s), lb.Instance.Address, len(lb.Backends))
		}
		return nil
	}
}

func TestCertificateIsSwappedWithoutTouchingTheListenersOtherwise(t *testing.T) {
	t.Parallel()
	x := newDesk(t, tableSeed)
	s := newService(1, redirecting("http:80,https:443,https:8443", "80:443"))
	if _, err := x.ensure(s); err != nil {
		t.Fatal(err)
	}
	annotate(s, annotation.CertID, "443:cert-2,8443:cert-1")
	writes, err := x.ensure(s)
	if want := sets(setHTTPS, "ServerCertificateId=cert-2"); err != nil || !slices.Equal(writes, want) {
		t.Errorf("writes %q, %v", writes, err)
	}
	shown := x.statuses[s.Name].Ingress[0]
	if shown.IPMode == nil || *shown.IPMode != corev1.LoadBalancerIPModeProxy || len(shown.Ports) != 3 {
		t.Errorf("status %+v", shown)
	}
}

func TestServiceOfAllKindsOfListenersIsMadeInTheFewestCalls(t *testing.T) {
	t.Parallel()
	x := newDesk(t, tableSeed)
	s := newService(1, redirecting("http:80,https:443,tcp:22", "80:443"), func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "quic", Protocol: corev1.ProtocolUDP, Port: 443, NodePort: 32443})
	})
	writes, err := x.ensure(s)
	want := []string{
		"CreateLoadBalancer", "AddBackendServers",
		"CreateLoadBalancerTCPListener", "StartLoadBalancerListener ListenerProtocol=tcp", "CreateLoadBalancerHTTPSListener", "StartLoadBalancerListener ListenerProtocol=https",
		"CreateLoadBalancerUDPListener", "StartLoadBalancerListener ListenerProtocol=udp", "CreateLoadBalancerHTTPListener", "StartLoadBalancerListener ListenerProtocol=http",
	}
	for i, write := range writes {
		if strings.HasPrefix(write, "AddBackendServers") {
			writes[i] = "AddBackendServers"
		}
	}
	if err != nil || !slices.Equal(writes, want) {
		t.Errorf("writes %q, %v", writes, err)
	}
}

func TestNamespaceWithoutLeaveGetsNoLoadBalancer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start(func(o *Options) {
		o.Settings.AnnotationPolicy = config.AnnotationPolicy{{Namespaces: []string{"edge"}, Scopes: []string{"cost"}}}
	}).surveyed()
	r.sim.ResetCounters()
	s := newService(1, func(s *corev1.Service) { annotate(s, annotation.AddressType, "internet") })
	r.create(s)
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.settle()
	told := r.recorded(event.LoadBalancerRefused)[0]
	if !strings.Contains(told, `"internet" is not allowed in namespace shop (a setting of scope cost)`) || r.total() > 0 || r.address(s) != "" {
		t.Errorf("told %q, calls %v, address %q", told, r.sim.Counts(), r.address(s))
	}
	allowed := newService(2, func(s *corev1.Service) {
		s.Namespace = "edge"
		annotate(s, annotation.AddressType, "internet")
	})
	r.create(allowed)
	r.eventually("the other namespace is served", func() bool { return r.address(allowed) != "" })
	r.change(s, func(s *corev1.Service) { s.Annotations = nil })
	r.eventually("it is served without the annotation", func() bool { return r.address(s) != "" })
}

func TestPolicyWithAMistakeStopsTheStart(t *testing.T) {
	_, err := New(Options{Settings: config.LoadBalancer{AnnotationPolicy: config.AnnotationPolicy{{Namespaces: []string{"a"}, Allow: map[string][]string{"specs": nil}}}}})
	if err == nil || !strings.Contains(err.Error(), `there is no annotation "specs"; did you mean spec?`) {
		t.Errorf("error %v", err)
	}
}
