package rig

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"
)

// Port makes a TCP port of a Service.
func Port(number int32) corev1.ServicePort { return port(corev1.ProtocolTCP, number) }

// UDPPort makes a UDP port of a Service.
func UDPPort(number int32) corev1.ServicePort { return port(corev1.ProtocolUDP, number) }

func port(protocol corev1.Protocol, number int32) corev1.ServicePort {
	return corev1.ServicePort{
		Name: strings.ToLower(string(protocol)) + "-" + strconv.Itoa(int(number)), Protocol: protocol, Port: number, TargetPort: intstr.FromInt32(8080),
	}
}

// CreateService creates a Service of type LoadBalancer in the test's namespace.
func (r *Rig) CreateService(name string, change func(*corev1.Service), ports ...corev1.ServicePort) *corev1.Service {
	r.T.Helper()
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: r.Namespace},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, Ports: ports},
	}
	if change != nil {
		change(s)
	}
	created, err := r.Client.CoreV1().Services(r.Namespace).Create(r.T.Context(), s, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	return created
}

// Service reads a Service of the test's namespace.
func (r *Rig) Service(name string) *corev1.Service {
	r.T.Helper()
	s, err := r.Client.CoreV1().Services(r.Namespace).Get(r.T.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	return s
}

// ChangeService changes a Service of the test's namespace.
func (r *Rig) ChangeService(name string, change func(*corev1.Service)) {
	r.T.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		s := r.Service(name)
		change(s)
		_, err := r.Client.CoreV1().Services(r.Namespace).Update(r.T.Context(), s, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		r.T.Fatal(err)
	}
}

// DeleteService deletes a Service of the test's namespace; it does not wait.
func (r *Rig) DeleteService(name string) {
	r.T.Helper()
	if err := r.Client.CoreV1().Services(r.Namespace).Delete(r.T.Context(), name, metav1.DeleteOptions{}); err != nil {
		r.T.Fatal(err)
	}
}

// AwaitAddress waits until a Service shows an address, and returns it.
func (r *Rig) AwaitAddress(name string, limit time.Duration) string {
	r.T.Helper()
	var address string
	r.Eventually(limit, "Service "+name+" has an address", func() (bool, string) {
		ingress := r.Service(name).Status.LoadBalancer.Ingress
		if len(ingress) == 0 {
			return false, "no address\n" + r.Events(name)
		}
		address = ingress[0].IP
		return true, ""
	})
	return address
}

// Events are the events on an object of the test's namespace, a line each.
func (r *Rig) Events(name string) string {
	r.T.Helper()
	list, err := r.Client.CoreV1().Events(metav1.NamespaceAll).List(r.T.Context(), metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	lines := ""
	for i := range list.Items {
		if e := &list.Items[i]; e.InvolvedObject.Name == name {
			lines += e.Type + " " + e.Reason + ": " + e.Message + "\n"
		}
	}
	return lines
}
