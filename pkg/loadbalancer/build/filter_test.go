package build

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

func annotated(pairs ...string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		for i := 0; i < len(pairs); i += 2 {
			s.Annotations[pairs[i]] = pairs[i+1]
		}
	}
}

func TestBackendAnnotations(t *testing.T) {
	const (
		label    = annotation.Prefix + string(annotation.BackendLabel)
		cordon   = annotation.Prefix + string(annotation.RemoveUnscheduledBackend)
		standard = annotation.Prefix + string(annotation.DefaultWeight)
		pods     = annotation.OwnPrefix + string(annotation.WeightByPods)
		wrong    = annotation.Prefix + string(annotation.Scheduler)
	)
	labelled := servers(3)
	labelled[0].Labels = map[string]string{"disk": "ssd", "zone": "a"}
	labelled[1].Labels = map[string]string{"disk": "ssd"}
	cordoned := servers(2)
	cordoned[0].Cordoned = true
	on := func(nodes ...string) (out []Endpoint) {
		for _, n := range nodes {
			out = append(out, Endpoint{Node: n, Ready: true})
		}
		return out
	}
	cases := map[string]struct {
		change func(*corev1.Service)
		in     Input
		want   map[string]int
	}{
		"a label":                                  {annotated(label, "disk=ssd"), Input{Servers: labelled}, map[string]int{"i-000": 100, "i-001": 100}},
		"two labels":                               {annotated(label, "disk=ssd,zone=a"), Input{Servers: labelled}, map[string]int{"i-000": 100}},
		"a label that no Node has: members stay":   {annotated(label, "disk=hdd"), Input{Servers: labelled, Members: members("i-002")}, map[string]int{"i-002": 100}},
		"a member without the label goes":          {annotated(label, "zone=a"), Input{Servers: labelled, Members: members("i-002")}, map[string]int{"i-000": 100}},
		"a wrong annotation beside a label":        {annotated(label, "zone=a", wrong, "best"), Input{Servers: labelled, Members: members("i-000")}, map[string]int{"i-000": 100}},
		"a wrong label: no server joins":           {annotated(label, "zone=a b"), Input{Servers: labelled, Members: members("i-001")}, map[string]int{"i-001": 100}},
		"cordoned, nothing asked":                  {nil, Input{Servers: cordoned}, map[string]int{"i-000": 100, "i-001": 100}},
		"cordoned member":                          {annotated(cordon, "on"), Input{Servers: cordoned, Members: members("i-000")}, map[string]int{"i-000": 0, "i-001": 100}},
		"cordoned server does not join":            {annotated(cordon, "on"), Input{Servers: cordoned}, map[string]int{"i-001": 100}},
		"the last server serves although cordoned": {annotated(cordon, "on"), Input{Servers: cordoned[:1], Members: members("i-000")}, map[string]int{"i-000": 100}},
		"default weight":                           {annotated(standard, "7"), Input{Servers: servers(2)}, map[string]int{"i-000": 7, "i-001": 7}},
		"default weight 0":                         {annotated(standard, "0"), Input{Servers: servers(1)}, map[string]int{"i-000": 0}},
		"by Pods, Cluster policy":                  {annotated(pods, "on"), Input{Servers: servers(1), Endpoints: on("node-000", "node-000")}, map[string]int{"i-000": 100}},
		"by Pods": {
			func(s *corev1.Service) { localPolicy(s); annotated(pods, "on", standard, "7")(s) },
			Input{Servers: servers(3), Endpoints: append(on("node-000", "node-002", "node-000"), Endpoint{Node: "node-002"})}, map[string]int{"i-000": 2, "i-002": 1},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.in.Service = testService()
			if c.change != nil {
				c.change(c.in.Service)
			}
			w, err := Build(testConfig(), c.in)
			if err != nil {
				w = OnlyBackends(testConfig(), c.in)
			}
			if diff := cmp.Diff(c.want, weights(w.Backends)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLabelsThatNoNodeHasAreTold(t *testing.T) {
	w, err := Build(testConfig(), Input{Service: testService(annotated(annotation.Prefix+"backend-label", "disk=ssd")), Servers: servers(1)})
	if err != nil || len(w.Notices) != 1 || !strings.Contains(w.Notices[0], "labels that no Node has") {
		t.Errorf("notices %q, error %v", w.Notices, err)
	}
}
