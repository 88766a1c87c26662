package loadbalancer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

// The calls about certificates.
const (
	callCertificates    = "DescribeServerCertificates"
	callExtensions      = "DescribeDomainExtensions"
	callCreateExtension = "CreateDomainExtension"
	callSetExtension    = "SetDomainExtensionAttribute"
	callDeleteExtension = "DeleteDomainExtension"
	callCreateHTTPS     = "CreateLoadBalancerHTTPSListener"
	callSetHTTPS        = "SetLoadBalancerHTTPSListenerAttribute"
)

var https443 = slb.ListenerKey{Protocol: slb.HTTPS, Port: 443}

// certified is a change of a Service to HTTPS on port 443: by a certificate, and
// further ones for domains.
func certified(certificate, domains string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.Ports[0].Port = 443
		s.Annotations = map[string]string{
			annotation.Prefix + string(annotation.ProtocolPort): "https:443", annotation.Prefix + string(annotation.CertID): certificate,
		}
		if domains != "" {
			s.Annotations[annotation.Prefix+string(annotation.DomainExtensions)] = domains
		}
	}
}

// certificates puts certificates into the account that end in a year.
func (r *rig) certificates(ids ...string) {
	r.t.Helper()
	var seed simslb.Seed
	for _, id := range ids {
		seed.Certificates = append(seed.Certificates, simslb.CertificateSeed{ID: id, Expires: time.Now().Add(365 * 24 * time.Hour)})
	}
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.Seed(seed); err != nil {
			r.t.Error(err)
		}
	})
}

// domains returns the domain extensions of the listener https/443, sorted.
func (r *rig) domains(s *corev1.Service) []string {
	r.t.Helper()
	lbs := r.all(s)
	if len(lbs) != 1 {
		return nil
	}
	found, err := r.eyes.Extensions(r.t.Context(), lbs[0].ID, 443)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range found {
		out = append(out, e.Domain+":"+e.Certificate)
	}
	slices.Sort(out)
	return out
}

// twoDomains reports why a Service's HTTPS listener has not exactly two domain
// extensions.
func twoDomains(r *rig, s *corev1.Service) error {
	lb, err := r.look(s)
	if err != nil {
		return err
	}
	if l := lb.Listener(https443); l == nil || l.Status != slb.ListenerRunning || len(lb.Listeners) != 1 || r.address(s) == "" {
		return fmt.Errorf("listeners %+v", lb.Listeners)
	}
	if d := cmp.Diff([]string{"a.example.com:cert-1", "b.example.com:cert-2"}, r.domains(s)); d != "" {
		return errors.New(d)
	}
	return nil
}

func init() {
	plain := func() *corev1.Service { return newService(1) }
	table["create with domains"] = scenario{
		service: func() *corev1.Service {
			return newService(1, certified("cert-1", "a.example.com:cert-1,b.example.com:cert-2"))
		},
		act: func(r *rig, s *corev1.Service) {
			r.certificates("cert-1", "cert-2")
			r.create(s)
		},
		right: twoDomains,
	}
	table["to HTTPS with domains"] = scenario{
		service: plain, living: true,
		act: func(r *rig, s *corev1.Service) {
			r.certificates("cert-1", "cert-2")
			r.change(s, certified("cert-1", "a.example.com:cert-1,b.example.com:cert-2"))
		},
		right: twoDomains,
	}
}

func TestCertificatesRotateWithoutAnInterruption(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.certificates("cert-1", "cert-2", "cert-3")
	first := r.start().surveyed()
	s := newService(1, certified("cert-1", "b.example.com:cert-2,a.example.com:cert-1"))
	step := func(what string, act func(), domains []string, want map[string]int) {
		t.Helper()
		r.sim.ResetCounters()
		act()
		r.spends(what, want)
		if d := cmp.Diff(domains, r.domains(s)); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	step("create", func() { r.create(s) }, []string{"a.example.com:cert-1", "b.example.com:cert-2"}, map[string]int{
		callList: 1, callCertificates: 1, callCreate: 1, callAdd: 1, callCreateHTTPS: 1, callCreateExtension: 2, callStart: 1,
	})
	step("the listener's certificate", func() { r.change(s, certified("cert-3", "a.example.com:cert-1,b.example.com:cert-2")) },
		[]string{"a.example.com:cert-1", "b.example.com:cert-2"}, map[string]int{callSetHTTPS: 1})
	if got := r.only(s).Listener(https443).Attributes[slb.ServerCertificate]; got != "cert-3" {
		t.Errorf("the listener has %s", got)
	}
	step("a domain's certificate", func() { r.change(s, certified("cert-3", "a.example.com:cert-3,b.example.com:cert-2")) },
		[]string{"a.example.com:cert-3", "b.example.com:cert-2"}, map[string]int{callSetExtension: 1})
	step("another domain", func() { r.change(s, certified("cert-3", "a.example.com:cert-3,c.example.com:cert-2")) },
		[]string{"a.example.com:cert-3", "c.example.com:cert-2"}, map[string]int{
			callGet: 1, callExtensions: 1, callDeleteExtension: 1, callCreateExtension: 1,
		})
	step("no domain", func() { r.change(s, certified("cert-3", "")) }, nil, map[string]int{
		callGet: 1, callExtensions: 1, callDeleteExtension: 2, callUntag: 1,
	})
	step("one domain", func() { r.change(s, certified("cert-3", "*.example.com:cert-1")) }, []string{"*.example.com:cert-1"}, map[string]int{
		callTag: 1, callCreateExtension: 1,
	})
	first.stop()
	step("restart", func() { r.start() }, []string{"*.example.com:cert-1"}, map[string]int{
		callList: 1, callGet: 1, callExtensions: 1, callCertificates: 1,
	})
}

func TestListenersWithoutDomainExtensionsCostNoCallForThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.certificates("cert-1")
	first := r.living(newService(1, certified("cert-1", "")))
	r.settle()
	if n := r.sim.Counts()[callExtensions]; n > 0 {
		t.Errorf("%d calls about domain extensions", n)
	}
	first.stop()
	r.sim.ResetCounters()
	r.start().surveyed()
	r.spent("restart", true, map[string]int{callList: 1, callGet: 1, callCertificates: 1})
}

func TestChangedDomainExtensionsAreSetRight(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.certificates("cert-1", "cert-2")
	s := newService(1, certified("cert-1", "a.example.com:cert-2"))
	r.living(s, audited)
	lb := r.only(s)
	if err := r.eyes.SetExtension(t.Context(), slb.Extension{ID: lb.Extensions[443][0].ID, Certificate: "cert-1"}); err != nil {
		t.Fatal(err)
	}
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerDriftRepaired)) > 0 })
	r.eventually("it is set right", func() bool { return slices.Equal(r.domains(s), []string{"a.example.com:cert-2"}) })
}

func TestCertificatesThatCannotBeUsedAreRefusedBeforeTheFirstWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.certificates("cert-1", "cert-2", "cert-old")
	theirs := simslb.CertificateSeed{ID: "cert-theirs", Tags: map[string]string{ownership.TagAllow: testCluster + "/bank"}}
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := errors.Join(
			region.SLB.Seed(simslb.Seed{Certificates: []simslb.CertificateSeed{theirs}}),
			region.SLB.ExpireCertificate("cert-old", time.Now().Add(-time.Hour)),
		); err != nil {
			t.Error(err)
		}
	})
	c := r.start().surveyed()
	for name, tt := range map[string]struct{ certificate, domains, want string }{
		"missing":              {"cert-none", "", "certificate cert-none does not exist"},
		"expired":              {"cert-1", "a.example.com:cert-old", "certificate cert-old has expired on"},
		"of another namespace": {"cert-theirs", "", "may not be named from namespace shop"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(1, certified(tt.certificate, tt.domains))
			if _, err := c.EnsureLoadBalancer(t.Context(), "kubernetes", s, nil); err == nil {
				t.Error("it is not refused")
			}
			if told := strings.Join(r.recorded(event.LoadBalancerRefused), " "); !strings.Contains(told, tt.want) {
				t.Errorf("events %q", told)
			}
			if n := r.sim.Counts()[callCreate]; n > 0 {
				t.Errorf("%d load balancers were made", n)
			}
		})
	}
	s := newService(2, certified("cert-1", ""))
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.change(s, certified("cert-old", ""))
	r.eventually("it is refused", func() bool {
		return strings.Contains(strings.Join(r.recorded(event.LoadBalancerRefused), " "), "cert-old has expired")
	})
	r.settle()
	if got := r.only(s).Listener(https443).Attributes[slb.ServerCertificate]; got != "cert-1" || r.address(s) == "" {
		t.Errorf("the listener has %s", got)
	}
	r.change(s, certified("cert-2", ""))
	r.eventually("another one is taken", func() bool { return r.only(s).Listener(https443).Attributes[slb.ServerCertificate] == "cert-2" })
}
