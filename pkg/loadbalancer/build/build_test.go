package build

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

func testConfig() Config {
	return Config{
		ClusterID: "test-cluster", VPCID: "vpc-1", VSwitchIDs: []string{"vsw-1", "vsw-2"},
		Defaults: config.LoadBalancer{
			BackendsPerLoadBalancer: 50, AttachmentsPerServer: 50, AllowInternet: true, AddressType: "internet",
			InstanceChargeType: "PayByCLCU", InternetChargeType: "paybytraffic", Spec: "slb.s1.small",
			DeleteProtection: true, ConsoleProtection: true, HealthCheckPort: 10256,
		},
	}
}

func testService(change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "0a1b2c3d-0000-1111-2222-333344445555", Annotations: map[string]string{}},
		Spec: corev1.ServiceSpec{
			Type:                  corev1.ServiceTypeLoadBalancer,
			ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyCluster,
			IPFamilies:            []corev1.IPFamily{corev1.IPv4Protocol},
			Ports:                 []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, NodePort: 30080}},
		},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func annotate(key annotation.Key, value string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Annotations[annotation.Prefix+string(key)] = value }
}

func localPolicy(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = corev1.ServiceExternalTrafficPolicyLocal, 32000
}

func addUDP(s *corev1.Service) {
	s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 80, NodePort: 30053})
}

func servers(n int) []Server {
	out := make([]Server, 0, n)
	for i := range n {
		out = append(out, Server{ID: fmt.Sprintf("i-%03d", i), Node: fmt.Sprintf("node-%03d", i), Zone: fmt.Sprintf("z%d", i%3)})
	}
	return out
}

func mustBuild(t *testing.T, in Input) Wanted {
	t.Helper()
	w, err := Build(testConfig(), in)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPlainServiceGetsTheDocumentedDefaults(t *testing.T) {
	w := mustBuild(t, Input{Service: testService(addUDP), Servers: servers(2)})
	wantInstance := slb.Create{
		Name: "a0a1b2c3d00001111222233334444555", AddressType: slb.Internet, IPVersion: slb.IPv4,
		InternetChargeType: "paybytraffic", InstanceChargeType: "PayByCLCU", DeleteProtection: true,
		ModificationProtection: "ConsoleProtection", ModificationReason: "managed.by.kube-aliyun",
		Tags: map[string]string{
			"kube-aliyun.io/cluster-id": "test-cluster", "kube-aliyun.io/service-uid": "0a1b2c3d-0000-1111-2222-333344445555",
			"kube-aliyun.io/service": "shop/web", "kube-aliyun.io/role": "load-balancer",
		},
	}
	if diff := cmp.Diff(wantInstance, w.Instance); diff != "" {
		t.Error(diff)
	}
	description := "kube-aliyun/test-cluster/0a1b2c3d-0000-1111-2222-333344445555/80/shop/web"
	wantListeners := []Listener{
		{
			ListenerKey: slb.ListenerKey{Protocol: slb.TCP, Port: 80}, NodePort: 30080,
			Attributes: slb.Attributes{
				slb.Description: description, slb.Bandwidth: "-1", slb.Scheduler: "wrr", slb.PersistenceTimeout: "0", slb.EstablishedTimeout: "900",
				slb.ConnectionDrain: "off", slb.ProxyProtocol: "false", slb.HealthCheck: "on", slb.HealthCheckType: "http", slb.HealthCheckPort: "10256", slb.HealthCheckURI: "/healthz",
				slb.HealthCheckDomain: "$_ip", slb.HealthCheckHTTPCode: "http_2xx", slb.HealthCheckMethod: "head", slb.HealthCheckTimeout: "5",
				slb.HealthCheckInterval: "2", slb.HealthyThreshold: "3", slb.UnhealthyThreshold: "3",
			},
		},
		{
			ListenerKey: slb.ListenerKey{Protocol: slb.UDP, Port: 80}, NodePort: 30053,
			Attributes: slb.Attributes{
				slb.Description: description, slb.Bandwidth: "-1", slb.Scheduler: "wrr", slb.ProxyProtocol: "false", slb.HealthCheck: "on", slb.HealthCheckPort: "backend",
				slb.HealthCheckTimeout: "10", slb.HealthCheckInterval: "5", slb.HealthyThreshold: "3", slb.UnhealthyThreshold: "3",
			},
		},
	}
	if diff := cmp.Diff(wantListeners, w.Listeners); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]slb.Backend{{ServerID: "i-000", Weight: 100}, {ServerID: "i-001", Weight: 100}}, w.Backends); diff != "" {
		t.Error(diff)
	}
	if w.IPMode != corev1.LoadBalancerIPModeVIP || len(w.Notices) > 0 {
		t.Errorf("ipMode %s, notices %q", w.IPMode, w.Notices)
	}
}

func TestListenerAttributesFollowServiceAndAnnotations(t *testing.T) {
	cases := map[string]struct {
		change []func(*corev1.Service)
		want   slb.Attributes // "" = not there
	}{
		"local policy asks the health check node port": {
			[]func(*corev1.Service){localPolicy},
			slb.Attributes{slb.HealthCheckType: "http", slb.HealthCheckPort: "32000", slb.HealthCheckURI: "/healthz"},
		},
		"a kind of check moves it to the node port": {
			[]func(*corev1.Service){annotate(annotation.HealthCheckType, "tcp")},
			slb.Attributes{slb.HealthCheckType: "tcp", slb.HealthCheckPort: "backend", slb.HealthCheckURI: ""},
		},
		"a path alone means HTTP at the node port": {
			[]func(*corev1.Service){annotate(annotation.HealthCheckURI, "/ok")},
			slb.Attributes{slb.HealthCheckType: "http", slb.HealthCheckPort: "backend", slb.HealthCheckURI: "/ok"},
		},
		"a port": {
			[]func(*corev1.Service){annotate(annotation.HealthCheckConnectPort, "8080"), localPolicy},
			slb.Attributes{slb.HealthCheckType: "tcp", slb.HealthCheckPort: "8080"},
		},
		"health check off": {
			[]func(*corev1.Service){annotate(annotation.HealthCheckSwitch, "off"), annotate(annotation.HealthyThreshold, "5")},
			slb.Attributes{slb.HealthCheck: "off", slb.HealthyThreshold: "", slb.HealthCheckType: ""},
		},
		"time-out is at least the interval": {
			[]func(*corev1.Service){annotate(annotation.HealthCheckInterval, "20"), annotate(annotation.HealthCheckConnectTimeout, "3")},
			slb.Attributes{slb.HealthCheckInterval: "20", slb.HealthCheckTimeout: "20"},
		},
		"draining": {
			[]func(*corev1.Service){annotate(annotation.ConnectionDrain, "on")},
			slb.Attributes{slb.ConnectionDrain: "on", slb.DrainTimeout: "300"},
		},
		"client affinity": {
			[]func(*corev1.Service){func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }},
			slb.Attributes{slb.Scheduler: "sch"},
		},
		"scheduler by annotation wins": {
			[]func(*corev1.Service){
				func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP },
				annotate(annotation.Scheduler, "tch"),
			},
			slb.Attributes{slb.Scheduler: "tch"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := mustBuild(t, Input{Service: testService(c.change...), Servers: servers(1)}).Listeners[0].Attributes
			for field, want := range c.want {
				if got[field] != want {
					t.Errorf("%s = %q, want %q", field, got[field], want)
				}
			}
		})
	}
}

func TestImpossibleServicesAreRefusedWithAllReasons(t *testing.T) {
	cases := map[string]struct {
		change   []func(*corev1.Service)
		problems int
		says     []string
	}{
		"two wrong annotations and a port": {
			[]func(*corev1.Service){
				annotate(annotation.Bandwidth, "x"), annotate(annotation.Spec, "huge"),
				func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 0 },
			},
			3, []string{"bandwidth", "spec", "port 80 has no node port"},
		},
		"too many ports": {
			[]func(*corev1.Service){func(s *corev1.Service) {
				for i := range 50 {
					s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Protocol: corev1.ProtocolTCP, Port: 1000 + int32(i), NodePort: 31000 + int32(i)})
				}
			}},
			1, []string{"51 ports", "at most 50"},
		},
		"SCTP": {
			[]func(*corev1.Service){func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolSCTP }},
			1, []string{"no SCTP listeners"},
		},
		"bandwidth billing with PayByCLCU and without a bandwidth": {
			[]func(*corev1.Service){annotate(annotation.InternetChargeType, "paybybandwidth")},
			2, []string{"needs an instance that is billed PayBySpec", "needs a bandwidth"},
		},
		"scheduler that the protocol does not have": {
			[]func(*corev1.Service){annotate(annotation.Scheduler, "qch")},
			1, []string{"port 80", "Scheduler"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Build(testConfig(), Input{Service: testService(c.change...), Servers: servers(1)})
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || len(refused.Problems) != c.problems {
				t.Fatalf("error = %v", err)
			}
			for _, says := range c.says {
				if !strings.Contains(refused.Error(), says) {
					t.Errorf("%q does not say %q", refused, says)
				}
			}
		})
	}
	t.Run("public where only intranet is allowed", func(t *testing.T) {
		cfg := testConfig()
		cfg.Defaults.AllowInternet = false
		if _, err := Build(cfg, Input{Service: testService()}); err == nil || !strings.Contains(err.Error(), "--allow-internet=false") {
			t.Errorf("error = %v", err)
		}
		if _, err := Build(cfg, Input{Service: testService(annotate(annotation.AddressType, "intranet"))}); err != nil {
			t.Errorf("intranet is refused: %v", err)
		}
	})
}

func TestIntranetInstanceTakesVSwitchAndAddress(t *testing.T) {
	s := testService(annotate(annotation.AddressType, "intranet"), func(s *corev1.Service) { s.Spec.LoadBalancerIP = "10.0.0.9" })
	in := mustBuild(t, Input{Service: s}).Instance
	if in.VPCID != "vpc-1" || in.VSwitchID != "vsw-1" || in.Address != "10.0.0.9" || in.InternetChargeType != "" {
		t.Errorf("instance = %+v", in)
	}
	s = testService(annotate(annotation.AddressType, "intranet"), annotate(annotation.VSwitchID, "vsw-9"))
	if got := mustBuild(t, Input{Service: s}).Instance.VSwitchID; got != "vsw-9" {
		t.Errorf("vSwitch = %s", got)
	}
}

func TestDefaultsOfTheClusterCanBeChangedAndOverridden(t *testing.T) {
	cfg := testConfig()
	cfg.Defaults.InstanceChargeType, cfg.Defaults.DeleteProtection, cfg.Defaults.ConsoleProtection = "PayBySpec", false, false
	w, err := Build(cfg, Input{Service: testService(annotate(annotation.DeleteProtection, "on"), annotate(annotation.AdditionalTags, "b=2,a=1"))})
	if err != nil {
		t.Fatal(err)
	}
	in := w.Instance
	if in.Spec != "slb.s1.small" || !in.DeleteProtection || in.ModificationProtection != "NonProtection" || in.ModificationReason != "" {
		t.Errorf("instance = %+v", in)
	}
	if in.Tags["a"] != "1" || in.Tags[TagManaged] != "a,b" {
		t.Errorf("tags = %v", in.Tags)
	}
}

func TestAnnotationsWithoutEffectAreTold(t *testing.T) {
	s := testService(annotate(annotation.Bandwidth, "5"), annotate(annotation.EstablishedTimeout, "20"), func(s *corev1.Service) {
		s.Spec.Ports[0].Protocol = corev1.ProtocolUDP
		s.Spec.LoadBalancerIP = "1.2.3.4"
	})
	notices := strings.Join(mustBuild(t, Input{Service: s}).Notices, "\n")
	for _, says := range []string{"bandwidth has no effect", "established-timeout has no effect", "loadBalancerIP 1.2.3.4 is not used"} {
		if !strings.Contains(notices, says) {
			t.Errorf("notices %q do not say %q", notices, says)
		}
	}
}

func TestOwnMarksAreRecognised(t *testing.T) {
	s := testService()
	d := ListenerDescription("test-cluster", s, 80, "")
	if !OwnListener(d, "test-cluster", s.UID) || OwnListener(d, "other", s.UID) || OwnListener(d, "test-cluster", "x") || OwnListener("by hand", "test-cluster", s.UID) {
		t.Errorf("description %q is not recognised rightly", d)
	}
	if n := GroupName(s.UID, 30080); !OwnGroup(n, s.UID) || OwnGroup(n, "other") || len(n) > 80 {
		t.Errorf("group name %q is not recognised rightly", n)
	}
}
