package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/traffic"
)

// during keeps asking a Service's load balancer while something of it changes, until
// the controller has made all calls for it.
func during(t *testing.T, address string, change func()) traffic.Report {
	t.Helper()
	quiet(t)
	l := load(t, address, 5*time.Second)
	pause(t, time.Second)
	change()
	quiet(t)
	report := l.Stop()
	t.Log(report)
	return report
}

func TestChangesThatConcernNoClientCostNone(t *testing.T) {
	deploy(t, "settings", 2, nil)
	address := expose(t, "settings", "settings", corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	everywhere(t, address, 2)
	annotation := func(key, value string) string {
		return fmt.Sprintf(`{"metadata": {"annotations": {"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-%s": %s}}}`, key, value)
	}
	for _, c := range []struct{ name, patch string }{
		{"the scheduler", annotation("scheduler", `"rr"`)},
		{"the health check", annotation("unhealthy-threshold", `"2"`)},
		{"the connections' time-out", annotation("established-timeout", `"600"`)},
		{"all of it back", `{"metadata": {"annotations": null}}`},
		{"the name", annotation("name", `"renamed"`)},
		{"one more port", `{"spec": {"ports": [{"name": "echo", "port": 8081, "targetPort": 8081, "protocol": "TCP"}, {"name": "more", "port": 9001, "targetPort": 8081, "protocol": "TCP"}]}}`},
		{"one port less", `{"spec": {"ports": [{"name": "echo", "port": 8081, "targetPort": 8081, "protocol": "TCP"}]}}`},
		{"ranges with the client in them", fmt.Sprintf(`{"spec": {"loadBalancerSourceRanges": ["%s/32", "192.168.0.0/16"]}}`, theatre.Internet().Address)},
		{"other ranges with the client in them", `{"spec": {"loadBalancerSourceRanges": ["0.0.0.0/1", "128.0.0.0/1"]}}`},
		{"no ranges", `{"spec": {"loadBalancerSourceRanges": null}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if report := during(t, address, func() { change(t, "settings", c.patch) }); len(report.Failures) > 0 {
				t.Errorf("%d requests failed", len(report.Failures))
			}
		})
	}
}

func TestSourceRangesKeepOthersOut(t *testing.T) {
	deploy(t, "ranges", 1, nil)
	address := expose(t, "ranges", "ranges", corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	answers(t, "tcp4", address, echoPort)
	change(t, "ranges", `{"spec": {"loadBalancerSourceRanges": ["203.0.113.0/24"]}}`)
	silent(t, "tcp4", address, echoPort)
	change(t, "ranges", `{"spec": {"loadBalancerSourceRanges": null}}`)
	answers(t, "tcp4", address, echoPort)
}

// nodePortGap is for how long connections may fail after a Service's node port has
// changed: kube-proxy closes the old one at once, and the listener that leads there
// is moved with three calls to a server group whose members have to pass their
// health checks first.
const nodePortGap = threshold*checkInterval + slack

func TestChangedNodePortIsFollowedWithinAHealthCheck(t *testing.T) {
	deploy(t, "nodeport", 2, nil)
	address := expose(t, "nodeport", "nodeport", corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	everywhere(t, address, 2)
	service, err := theatre.Client().CoreV1().Services(namespace).Get(t.Context(), "nodeport", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other := service.Spec.Ports[0].NodePort - 1
	if other < 30000 {
		other += 2
	}
	var changed time.Time
	report := during(t, address, func() {
		changed = time.Now()
		change(t, "nodeport", fmt.Sprintf(`{"spec": {"ports": [{"name": "echo", "port": 8081, "targetPort": 8081, "protocol": "TCP", "nodePort": %d}]}}`, other))
	})
	if gap := report.After(changed); gap > nodePortGap {
		t.Errorf("requests failed until %s after the change", gap)
	} else {
		t.Logf("requests failed until %.1f s after the change, of at most %s", gap.Seconds(), nodePortGap)
	}
}
