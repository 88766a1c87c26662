package loadbalancer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// addressesPerServer is how many addresses for Pods the interface eni-<n> of
// server i-<n> has.
const addressesPerServer = 9

// newPodRig is newRig with an interface for Pods on each server.
func newPodRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	seed := regexp.MustCompile(`id: i-(\d+), .*privateIP: [0-9.]+`).ReplaceAllStringFunc(aliyunsim.SmallRegion(servers), func(server string) string {
		id, _, _ := strings.Cut(strings.TrimPrefix(server, "id: i-"), ",")
		n, _ := strconv.Atoi(id)
		addresses := make([]string, 0, addressesPerServer)
		for k := range addressesPerServer {
			addresses = append(addresses, podAddress(n, k))
		}
		return fmt.Sprintf("%s, interfaces: [{id: eni-%d, privateIPs: [%s]}]", server, n, strings.Join(addresses, ", "))
	})
	return newRigIn(t, profile, seed, servers)
}

// podAddress is the k-th address for Pods of server i-<n>.
func podAddress(n, k int) string {
	return fmt.Sprintf("192.168.%d.%d", []int{17, 1}[n%2], 100+addressesPerServer*((n-1)/2)+k)
}

// toPods asks for Pods as backends, without node ports.
func toPods(s *corev1.Service) {
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	annotate(s, annotation.BackendType, "eni")
	s.Spec.AllocateLoadBalancerNodePorts = ptr.To(false)
	s.Spec.Selector = map[string]string{"app": s.Name}
	for i := range s.Spec.Ports {
		s.Spec.Ports[i].NodePort = 0
		s.Spec.Ports[i].TargetPort.IntVal = 8080
	}
}

// newPod returns Pod <name> of Service web-1 on Node node-<n>.
func newPod(name string, n int, address string, change ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name), Labels: map[string]string{"app": "web-1"}},
		Spec:       corev1.PodSpec{NodeName: fmt.Sprintf("node-%d", n)},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
			Conditions: []corev1.PodCondition{{Type: corev1.ContainersReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, c := range change {
		c(pod)
	}
	return pod
}

func (r *rig) addPod(pod *corev1.Pod) *corev1.Pod {
	r.t.Helper()
	if _, err := r.kube.CoreV1().Pods(pod.Namespace).Create(r.t.Context(), pod, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
	return pod
}

// ready, unready and terminating are endpoints of a Pod.
func ready(pod *corev1.Pod) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses: []string{pod.Status.PodIP}, NodeName: ptr.To(pod.Spec.NodeName),
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true), Serving: ptr.To(true), Terminating: ptr.To(false)},
	}
}

func unready(pod *corev1.Pod) discoveryv1.Endpoint {
	e := ready(pod)
	e.Conditions.Ready, e.Conditions.Serving = ptr.To(false), ptr.To(false)
	return e
}

func terminating(pod *corev1.Pod) discoveryv1.Endpoint {
	e := ready(pod)
	e.Conditions.Ready, e.Conditions.Terminating = ptr.To(false), ptr.To(true)
	return e
}

// podEndpoints makes these the endpoints of a Service whose ports all lead to 8080.
func (r *rig) podEndpoints(s *corev1.Service, all ...discoveryv1.Endpoint) {
	r.t.Helper()
	r.slice(s, 8080, all...)
}

// slice makes these the Service's endpoints at a target port, beside those at others.
func (r *rig) slice(s *corev1.Service, target int32, all ...discoveryv1.Endpoint) {
	r.t.Helper()
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: fmt.Sprintf("%s-%d", s.Name, target), Labels: map[string]string{discoveryv1.LabelServiceName: s.Name},
		},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: all,
	}
	for i := range s.Spec.Ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(s.Spec.Ports[i].Name), Port: ptr.To(target)})
	}
	client := r.kube.DiscoveryV1().EndpointSlices(s.Namespace)
	_, err := client.Create(r.t.Context(), slice, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = client.Update(r.t.Context(), slice, metav1.UpdateOptions{})
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// podsOf returns the members of the groups in use, as address:port=weight.
func podsOf(a *plan.Actual) string {
	out := map[string]bool{}
	for i := range a.Listeners {
		for j := range a.Groups {
			if a.Groups[j].ID != a.Listeners[i].GroupID {
				continue
			}
			for _, m := range a.Groups[j].Backends {
				out[fmt.Sprintf("%s/%s:%d=%d", m.ServerID, m.ServerIP, m.Port, m.Weight)] = true
			}
		}
	}
	var list []string
	for m := range out {
		list = append(list, m)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// sends waits until a Service sends to exactly these members.
func (r *rig) sends(what string, s *corev1.Service, members ...string) {
	r.t.Helper()
	want, got := strings.Join(members, " "), ""
	r.eventually(what, func() bool {
		lb, err := r.look(s)
		if err == nil {
			got = podsOf(lb)
		}
		return err == nil && got == want
	})
}

// member writes a member of an interface as podsOf does.
func member(n, k, port, weight int) string {
	return fmt.Sprintf("eni-%d/%s:%d=%d", n, podAddress(n, k), port, weight)
}

// withoutBackendType takes the annotation off.
func withoutBackendType(s *corev1.Service) {
	entry, _ := annotation.Lookup(annotation.BackendType)
	delete(s.Annotations, entry.Keys()[0])
}
