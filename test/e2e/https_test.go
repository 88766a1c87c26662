package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/traffic"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

// shown is the certificate that a browser was shown last, by its name.
type shown struct {
	mu   sync.Mutex
	name string
}

func (s *shown) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name
}

// browse asks over HTTPS on a connection of its own. Whoever signed the certificate
// is believed.
func (s *shown) browse(address string) func(ctx context.Context) (echo.Answer, error) {
	dial := func(ctx context.Context, network, target string) (net.Conn, error) {
		plain, err := theatre.Internet().Dial(ctx, network, target)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true}) // #nosec G402 -- the simulated region signs for itself
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.name = conn.ConnectionState().PeerCertificates[0].Subject.CommonName
		return conn, nil
	}
	return func(ctx context.Context) (echo.Answer, error) {
		return echo.Get(ctx, dial, "http://"+net.JoinHostPort(address, "443")+"/")
	}
}

func TestSwappedCertificateCostsNoRequest(t *testing.T) {
	if err := theatre.Region().Seed(t.Context(), "certificates: [{id: cert-old, name: old}, {id: cert-new, name: new}]"); err != nil {
		t.Fatal(err)
	}
	deploy(t, "secure", 2, nil)
	_, err := theatre.Client().CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "secure", Annotations: map[string]string{
			"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port": "https:443",
			"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cert-id":       "cert-old",
		}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "secure"},
			Ports: []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: intstr.FromInt32(webPort)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unexpose(t, "secure") })
	address := addressOf(t, "secure")
	var browser shown
	ask := browser.browse(address)
	var answer echo.Answer
	eventually(t, "the Service answers over HTTPS", func(ctx context.Context) error {
		var err error
		answer, err = ask(ctx)
		return err
	})
	if from := answer.Header.Get("X-Forwarded-For"); from != theatre.Internet().Address {
		t.Errorf("the Pod is told that %q asks, and it is %s", from, theatre.Internet().Address)
	}
	before := browser.last()
	quiet(t)

	l := traffic.Start(t.Context(), traffic.Options{Ask: ask, Rate: 50})
	pause(t, time.Second)
	change(t, "secure", `{"metadata": {"annotations": {"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cert-id": "cert-new"}}}`)
	took := eventually(t, "the new certificate is shown", func(context.Context) error {
		if now := browser.last(); now == before {
			return fmt.Errorf("%w: still %s", errNotYet, now)
		}
		return nil
	})
	pause(t, time.Second)
	report := l.Stop()
	t.Logf("%s was shown instead of %s after %.1f s: %s", browser.last(), before, took.Seconds(), report)
	if len(report.Failures) > 0 {
		t.Errorf("%d requests failed", len(report.Failures))
	}
}
