package tour

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// asTold is a world in which everything is as the tour says.
func asTold() world {
	return world{
		Cloud: cloud.Cloud{
			Servers: []cloud.Server{{ID: "i-demo1", Status: cloud.Running, Zone: "cn-hangzhou-h", Type: "ecs.g7.large", PrivateIP: "192.168.0.1"}},
			Routes:  []cloud.Route{{ID: "rte-1", Destination: "10.244.0.0/24", NextHop: "i-demo1", Status: "Available"}},
			LoadBalancers: []cloud.LoadBalancer{{
				ID: "lb-1", Address: "203.0.113.1", Status: "active",
				Tags:      []cloud.Tag{{Key: serviceTag, Value: "uid-1"}},
				Listeners: []cloud.Listener{{Port: 80, Protocol: "tcp", Status: "running", BackendPort: 30080}},
				Backends:  []cloud.Member{{ServerID: "i-demo1", Weight: 100}},
			}},
		},
		nodes: []corev1.Node{{
			ObjectMeta: metav1.ObjectMeta{Name: "192.168.0.1", Labels: map[string]string{
				corev1.LabelTopologyRegion: "cn-hangzhou", corev1.LabelTopologyZone: "cn-hangzhou-h", corev1.LabelInstanceTypeStable: "ecs.g7.large",
			}},
			Spec: corev1.NodeSpec{ProviderID: "cn-hangzhou.i-demo1", PodCIDRs: []string{"10.244.0.0/24"}},
			Status: corev1.NodeStatus{
				Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "192.168.0.1"}},
				Conditions: []corev1.NodeCondition{
					{Type: corev1.NodeReady, Status: corev1.ConditionTrue},
					{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionFalse},
				},
			},
		}},
		services: []corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "uid-1"},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP}},
			},
			Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "203.0.113.1"}}}},
		}},
	}
}

func TestWorldAsToldLacksNothing(t *testing.T) {
	for name, check := range map[string]func(world) string{"initialised": initialised, "routed": routed, "balanced": balanced} {
		if missing := check(asTold()); missing != "" {
			t.Errorf("%s: %s", name, missing)
		}
	}
	if missing := empty(world{Cloud: cloud.Cloud{Servers: asTold().Servers}}); missing != "" {
		t.Error(missing)
	}
}

func TestEveryDeviationIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		check  func(world) string
		change func(*world)
		want   string
	}{
		"no provider ID":     {initialised, func(w *world) { w.nodes[0].Spec.ProviderID = "" }, "no Node has"},
		"other zone":         {initialised, func(w *world) { w.Servers[0].Zone = "cn-hangzhou-i" }, "zone"},
		"not ready":          {initialised, func(w *world) { w.nodes[0].Status.Conditions[0].Status = corev1.ConditionUnknown }, "Ready"},
		"tainted":            {initialised, func(w *world) { w.nodes[0].Spec.Taints = []corev1.Taint{{Key: shutdownTaint}} }, "shutdown"},
		"no route":           {routed, func(w *world) { w.Routes = nil }, "0 available routes"},
		"pending route":      {routed, func(w *world) { w.Routes[0].Status = "Pending" }, "0 available routes"},
		"orphaned route":     {routed, func(w *world) { w.Routes = append(w.Routes, cloud.Route{ID: "rte-2", Destination: "10.9.0.0/24"}) }, "belongs to no Node"},
		"checked interface":  {routed, func(w *world) { w.Servers[0].SourceDestCheck = true }, "source/destination check"},
		"condition":          {routed, func(w *world) { w.nodes[0].Status.Conditions = w.nodes[0].Status.Conditions[:1] }, "NetworkUnavailable"},
		"no load balancer":   {balanced, func(w *world) { w.LoadBalancers = nil }, "no load balancer"},
		"one too many":       {balanced, func(w *world) { w.LoadBalancers = append(w.LoadBalancers, cloud.LoadBalancer{ID: "lb-2"}) }, "has 2 load balancers"},
		"stopped listener":   {balanced, func(w *world) { w.LoadBalancers[0].Listeners[0].Status = "stopped" }, "stopped"},
		"other node port":    {balanced, func(w *world) { w.services[0].Spec.Ports[0].NodePort = 30081 }, "leads to port 30080"},
		"UDP instead":        {balanced, func(w *world) { w.services[0].Spec.Ports[0].Protocol = corev1.ProtocolUDP }, "no listener udp/80"},
		"server not behind":  {balanced, func(w *world) { w.LoadBalancers[0].Backends = nil }, "behind listener"},
		"leaving but behind": {balanced, func(w *world) { w.nodes[0].Spec.Taints = []corev1.Taint{{Key: leavingTaint}} }, "behind listener"},
		"no address told":    {balanced, func(w *world) { w.services[0].Status = corev1.ServiceStatus{} }, "203.0.113.1"},
		"other address told": {balanced, func(w *world) { w.services[0].Status.LoadBalancer.Ingress[0].IP = "203.0.113.2" }, "203.0.113.1"},
		"route is left":      {empty, func(w *world) { w.nodes, w.LoadBalancers = nil, nil }, "route"},
		"balancer is left":   {empty, func(w *world) { w.nodes = nil }, "load balancer"},
		"route leads there":  {func(w world) string { return w.leadsTo("i-demo1") }, func(*world) {}, "10.244.0.0/24"},
		"still a backend":    {func(w world) string { return w.leadsTo("i-demo1") }, func(w *world) { w.Routes = nil }, "lb-1"},
	} {
		w := asTold()
		c.change(&w)
		if missing := c.check(w); !strings.Contains(missing, c.want) {
			t.Errorf("%s: got %q, want %q in it", name, missing, c.want)
		}
	}
}

func TestPricesAreThoseOfTheBudgets(t *testing.T) {
	w := asTold()
	if p := created(w); p.most != 5 || p.other != 8 {
		t.Errorf("a Service with a port and a server: %+v", p)
	}
	if p := joined(w, 2); p.most != 11 {
		t.Errorf("two servers and a load balancer: %+v", p)
	}
	if p := deleted(w); p.most != 3 || p.other != 7 {
		t.Errorf("deleting a Service: %+v", p)
	}
}

func TestOtherNodePortIsAnotherAndInRange(t *testing.T) {
	for port := int32(30000); port < 32768; port++ {
		if other := otherPort(port); other == port || other < 30000 || other > 32767 {
			t.Fatalf("of %d: %d", port, other)
		}
	}
}
