package tour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

var errMoved = errors.New("it should have stayed")

// servicesChange edits Services in place.
func (t *tour) servicesChange(ctx context.Context) error {
	t.Console.Say("Service web moves from port 80 to 8080 and gets port 443 as well, and its node ports change. The load " +
		"balancer and its address stay. A listener's node port cannot be changed in this API; such a listener gets a " +
		"server group of its own.")
	before, err := t.address(ctx, "web")
	if err != nil {
		return err
	}
	if err := t.edit(ctx, "web", func(s *corev1.Service) {
		s.Spec.Ports[0].Port = 8080
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP})
	}); err != nil {
		return err
	}
	if err := t.until(ctx, usual, "web listens on 8080 and 443, and on 80 no more", balanced); err != nil {
		return err
	}
	if err := t.edit(ctx, "web", func(s *corev1.Service) {
		// Zero asks for any port; the API server gives back the old one unless it is taken away.
		s.Spec.Ports[0].NodePort = otherPort(s.Spec.Ports[0].NodePort)
	}); err != nil {
		return err
	}
	if err := t.until(ctx, usual, "the listener of web follows its new node port", balanced); err != nil {
		return err
	}
	after, err := t.address(ctx, "web")
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("the address of web was %s and is %s: %w", before, after, errMoved)
	}
	if err := t.webAnswers(ctx, after); err != nil {
		return err
	}
	t.Console.Line("")
	t.Console.Say("Service dns is no longer of type LoadBalancer.")
	if err := t.edit(ctx, "dns", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }); err != nil {
		return err
	}
	if err := t.until(ctx, usual, "the load balancer of dns is gone, and so is its address", balanced, func(w world) string {
		for i := range w.services {
			if s := &w.services[i]; s.Name == "dns" && len(s.Status.LoadBalancer.Ingress) > 0 {
				return "its status still holds " + s.Status.LoadBalancer.Ingress[0].IP
			}
		}
		return ""
	}); err != nil {
		return err
	}
	return t.showServices(ctx)
}

// webAnswers asks Service web where it is now.
func (t *tour) webAnswers(ctx context.Context, address string) error {
	if t.Real == nil {
		return nil
	}
	address = net.JoinHostPort(address, "8080")
	_, err := t.Console.Until(ctx, time.Duration(brief), "web answers the client at "+address, func(ctx context.Context) (string, error) {
		_, err := ask(ctx, t.Real.Client, "http", address)
		return "", err
	})
	return err
}

// otherPort is another node port, which in a tour nobody has.
func otherPort(port int32) int32 {
	const first, count = 30000, 2768
	return first + (port-first+count/2)%count
}

func (t *tour) address(ctx context.Context, name string) (string, error) {
	s, err := t.Kube.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading Service %s: %w", name, err)
	}
	if len(s.Status.LoadBalancer.Ingress) == 0 {
		return "", fmt.Errorf("reading the address of Service %s: %w", name, errMoved)
	}
	return s.Status.LoadBalancer.Ingress[0].IP, nil
}

func (t *tour) edit(ctx context.Context, name string, change func(*corev1.Service)) error {
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		s, err := t.Kube.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(s)
		_, err = t.Kube.CoreV1().Services(namespace).Update(ctx, s, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("editing Service %s: %w", name, err)
	}
	return nil
}
