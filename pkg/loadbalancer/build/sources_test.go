package build

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

func sources(ranges ...string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = ranges }
}

func sourcesAnnotation(value string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey] = value }
}

func texts(entries []netip.Prefix) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.String())
	}
	return out
}

func TestSourceRangesBecomeAWhiteList(t *testing.T) {
	many := make([]string, slb.MaxACLEntries+1)
	for i := range many {
		many[i] = fmt.Sprintf("10.%d.%d.0/24", i/250, i%250)
	}
	for name, c := range map[string]struct {
		change []func(*corev1.Service)
		want   []string
		notice string
	}{
		"none":                    {},
		"one":                     {change: []func(*corev1.Service){sources("192.0.2.0/24")}, want: []string{"192.0.2.0/24"}},
		"host bits and twice":     {change: []func(*corev1.Service){sources("192.0.2.7/24", " 192.0.2.0/24 ", "198.51.100.1/32")}, want: []string{"192.0.2.0/24", "198.51.100.1/32"}},
		"everybody":               {change: []func(*corev1.Service){sources("192.0.2.0/24", "0.0.0.0/0")}},
		"of the other family too": {change: []func(*corev1.Service){sources("192.0.2.0/24", "::/0")}, want: []string{"192.0.2.0/24"}},
		"of the other family alone": {
			change: []func(*corev1.Service){sources("2001:db8::/32")}, want: []string{"127.0.0.1/32"}, notice: "has no ipv4 range: nobody can reach",
		},
		"annotation": {change: []func(*corev1.Service){sourcesAnnotation("192.0.2.0/24,198.51.100.0/24")}, want: []string{"192.0.2.0/24", "198.51.100.0/24"}},
		"field before annotation": {
			change: []func(*corev1.Service){sources("192.0.2.0/24"), sourcesAnnotation("0.0.0.0/0")}, want: []string{"192.0.2.0/24"},
		},
		"too many": {change: []func(*corev1.Service){sources(many...)}, want: many[:slb.MaxACLEntries], notice: "301 ranges"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testService(append(c.change, addUDP)...)
			w, err := Build(testConfig(), Input{Service: s, Servers: servers(2)})
			if err != nil {
				t.Fatal(err)
			}
			if told := strings.Join(w.Notices, " "); !strings.Contains(told, c.notice) || c.notice == "" && told != "" {
				t.Errorf("notices %q", told)
			}
			if c.want == nil {
				if _, marked := w.Instance.Tags[ownership.TagACL]; w.ACL != nil || marked || w.Listeners[0].Attributes[slb.ACLStatus] != "" {
					t.Errorf("an access control list %+v", w.ACL)
				}
				return
			}
			if d := cmp.Diff(c.want, texts(w.ACL.Entries)); d != "" {
				t.Error(d)
			}
			if w.ACL.IPVersion != slb.IPv4 || w.Instance.Tags[ownership.TagACL] != w.ACL.Name ||
				ownership.Decide(w.ACL.Tags, "test-cluster", string(s.UID)).Verdict != ownership.Ours {
				t.Errorf("list %+v, tags %v", w.ACL, w.Instance.Tags)
			}
			for _, l := range w.Listeners {
				if a := l.Attributes; a[slb.ACLStatus] != "on" || a[slb.ACLType] != "white" || a[slb.ACLID] != OwnACL {
					t.Errorf("%s: %v", l.ListenerKey, a)
				}
			}
		})
	}
}

func TestBadSourceRangesAreRefused(t *testing.T) {
	_, err := Build(testConfig(), Input{Service: testService(sourcesAnnotation("192.0.2.0/24,here,192.0.2.1"))})
	var refused *RefusedError
	if !errors.As(err, &refused) || len(refused.Problems) != 2 || !strings.Contains(refused.Problems[0], `"here" must be an address range`) {
		t.Errorf("error = %v", err)
	}
}
