package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// bothAddresses waits until a Service's status has an address of each family.
func bothAddresses(t *testing.T, name string) (ipv4, ipv6 string) {
	t.Helper()
	eventually(t, "Service "+name+" has an address of each family", func(ctx context.Context) error {
		s, err := theatre.Client().CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		ipv4, ipv6 = "", ""
		for _, ingress := range s.Status.LoadBalancer.Ingress {
			if address, err := netip.ParseAddr(ingress.IP); err == nil && address.Is4() {
				ipv4 = ingress.IP
			} else if err == nil {
				ipv6 = ingress.IP
			}
		}
		if len(s.Status.LoadBalancer.Ingress) != 2 || ipv4 == "" || ipv6 == "" {
			return fmt.Errorf("%w: %v", errNotYet, s.Status.LoadBalancer)
		}
		return nil
	})
	return ipv4, ipv6
}

// versions are the address families of the region's load balancers.
func versions(t *testing.T) []string {
	t.Helper()
	list := []string{}
	for _, lb := range region(t).LoadBalancers {
		list = append(list, lb.IPVersion)
	}
	slices.Sort(list)
	return list
}

func TestServiceOfTwoFamiliesIsReachedByBoth(t *testing.T) {
	on(t, stage.Options{DualStack: true})
	deploy(t, "dual", 2, nil)
	prefer := corev1.IPFamilyPolicyPreferDualStack
	begin := time.Now()
	offer(t, "dual", "dual", func(s *corev1.Service) { s.Spec.IPFamilyPolicy = &prefer })
	ipv4, ipv6 := bothAddresses(t, "dual")
	t.Logf("%s and %s after %.1f s", ipv4, ipv6, time.Since(begin).Seconds())
	if diff := cmp.Diff([]string{"ipv4", "ipv6"}, versions(t)); diff != "" {
		t.Errorf("load balancers (-want +got):\n%s", diff)
	}
	answers(t, "tcp4", ipv4, echoPort)
	answers(t, "tcp6", ipv6, echoPort)

	t.Run("Pods on two nodes reach each other by both", func(t *testing.T) {
		runPod(t, "asking", theatre.Workers()[0])
		runPod(t, "answering", theatre.Workers()[1])
		pod, err := theatre.Client().CoreV1().Pods(namespace).Get(t.Context(), "answering", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(pod.Status.PodIPs) != 2 {
			t.Fatalf("the Pod has the addresses %v", pod.Status.PodIPs)
		}
		for _, address := range pod.Status.PodIPs {
			if answer, err := fromPod(t.Context(), "asking", "tcp", address.IP); err != nil || answer.Host != "answering" {
				t.Errorf("to %s: %+v, %v", address.IP, answer, err)
			}
		}
	})

	t.Run("a Local one shows the client's address of both", func(t *testing.T) {
		offer(t, "local", "dual", func(s *corev1.Service) {
			s.Spec.IPFamilyPolicy, s.Spec.ExternalTrafficPolicy = &prefer, corev1.ServiceExternalTrafficPolicyLocal
		})
		local4, local6 := bothAddresses(t, "local")
		for network, at := range map[string][2]string{
			"tcp4": {local4, theatre.Internet().Address}, "tcp6": {local6, theatre.Internet().IPv6},
		} {
			answers(t, network, at[0], echoPort)
			answer, err := client(network, at[0], echoPort)(t.Context())
			if err != nil || answer.Client.Addr().String() != at[1] {
				t.Errorf("%s: %+v, %v; the client is %s", network, answer, err, at[1])
			}
		}
		unexpose(t, "local")
	})

	t.Run("source ranges hold for each", func(t *testing.T) {
		change(t, "dual", `{"spec": {"loadBalancerSourceRanges": ["0.0.0.0/1", "128.0.0.0/1", "2001:db8:ffff::/48"]}}`)
		silent(t, "tcp6", ipv6, echoPort)
		answers(t, "tcp4", ipv4, echoPort)
		change(t, "dual", fmt.Sprintf(`{"spec": {"loadBalancerSourceRanges": ["203.0.113.0/24", "%s/128"]}}`, theatre.Internet().IPv6))
		answers(t, "tcp6", ipv6, echoPort)
		silent(t, "tcp4", ipv4, echoPort)
		change(t, "dual", `{"spec": {"loadBalancerSourceRanges": null}}`)
		answers(t, "tcp4", ipv4, echoPort)
		answers(t, "tcp6", ipv6, echoPort)
	})

	t.Run("a single family leaves one", func(t *testing.T) {
		quiet(t)
		l := load(t, ipv4, 5*time.Second)
		pause(t, time.Second)
		begin := time.Now()
		change(t, "dual", `{"spec": {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}}`)
		var left []cloud.LoadBalancer
		eventually(t, "one load balancer is left", func(ctx context.Context) error {
			now, err := cloud.Read(ctx, theatre.Region())
			if left = now.LoadBalancers; err == nil && len(left) != 1 {
				err = errNotYet
			}
			return err
		})
		took := time.Since(begin)
		if left[0].Address != ipv4 {
			t.Errorf("%s is left, want %s", left[0].Address, ipv4)
		}
		silent(t, "tcp6", ipv6, echoPort)
		eventually(t, "the status has one address", func(ctx context.Context) error {
			s, err := theatre.Client().CoreV1().Services(namespace).Get(ctx, "dual", metav1.GetOptions{})
			if err == nil && (len(s.Status.LoadBalancer.Ingress) != 1 || s.Status.LoadBalancer.Ingress[0].IP != ipv4) {
				err = fmt.Errorf("%w: %v", errNotYet, s.Status.LoadBalancer)
			}
			return err
		})
		report := l.Stop()
		t.Logf("the IPv6 one is gone after %.1f s; the IPv4 one: %s", took.Seconds(), report)
		if len(report.Failures) > 0 {
			t.Errorf("%d requests failed", len(report.Failures))
		}
	})
}
