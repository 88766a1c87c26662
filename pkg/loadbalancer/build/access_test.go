package build

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

func TestNamedAccessControlLists(t *testing.T) {
	status, kind, id := annotation.ACLStatus, annotation.ACLType, annotation.ACLID
	named := []func(*corev1.Service){annotate(status, "on"), annotate(kind, "black"), annotate(id, "acl-b,acl-a")}
	for name, c := range map[string]struct {
		change []func(*corev1.Service)
		// want are status, type and ids of the listeners tcp/80 and udp/80.
		want    []string
		mark    string
		refers  []string
		problem string
		notice  string
	}{
		"none":        {want: []string{" ", " "}},
		"on":          {change: named, want: []string{"on black acl-a,acl-b", "on black acl-a,acl-b"}, mark: ownership.ACLsNamed, refers: []string{"ACL acl-a", "ACL acl-b"}},
		"off":         {change: []func(*corev1.Service){annotate(status, "off")}, want: []string{"off ", "off "}},
		"ids without": {change: named[2:], want: []string{" ", " "}, notice: "have no effect without acl-status: on"},
		"on without type": {
			change:  []func(*corev1.Service){annotate(status, "on"), annotate(id, "acl-a")},
			problem: "acl-status: on needs the annotations",
		},
		"on without ids":    {change: named[:2], problem: "acl-status: on needs the annotations"},
		"beside ranges":     {change: append(slices.Clone(named), sources("192.0.2.0/24")), problem: "two owners of one setting"},
		"off beside ranges": {change: []func(*corev1.Service){annotate(status, "off"), sources("192.0.2.0/24")}, want: []string{"on " + OwnACL, "on " + OwnACL}, mark: "kube-aliyun-"},
		"for one of the ports": {
			change: []func(*corev1.Service){annotate(status, "53:on"), annotate(kind, "53:white"), annotate(id, "53:acl-a|acl-b"), func(s *corev1.Service) {
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, NodePort: 30053})
			}},
			want: []string{"on white acl-a,acl-b", " "}, mark: ownership.ACLsNamed, refers: []string{"ACL acl-a", "ACL acl-b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "for one of the ports" {
				c.change = append(slices.Clone(c.change), addUDP)
			}
			w, err := Build(testConfig(), Input{Service: testService(c.change...), Servers: servers(2)})
			if c.problem != "" {
				var refused *RefusedError
				if !errors.As(err, &refused) || len(refused.Problems) != 1 || !strings.Contains(refused.Problems[0], c.problem) {
					t.Errorf("error = %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range w.Listeners {
				a := l.Attributes
				got := a[slb.ACLStatus] + " " + a[slb.ACLType] + " " + a[slb.ACLID]
				if got = strings.ReplaceAll(strings.TrimSuffix(got, " "), "on white "+OwnACL, "on "+OwnACL); got != c.want[i] {
					t.Errorf("%s: %q, not %q", l.ListenerKey, got, c.want[i])
				}
			}
			if mark := w.Instance.Tags[ownership.TagACL]; !strings.HasPrefix(mark, c.mark) || c.mark == "" && mark != "" {
				t.Errorf("mark %q", mark)
			}
			var refers []string
			for _, r := range w.References {
				refers = append(refers, reference.Reference.String(r))
			}
			if d := cmp.Diff(c.refers, refers); d != "" {
				t.Error(d)
			}
			if told := strings.Join(w.Notices, " "); !strings.Contains(told, c.notice) || c.notice == "" && told != "" {
				t.Errorf("notices %q", told)
			}
		})
	}
}
