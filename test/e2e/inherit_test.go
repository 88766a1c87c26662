package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// console makes calls as somebody else than the controller.
func console(t *testing.T) *slb.Client {
	t.Helper()
	doer, err := transport.New(transport.Options{
		Region: stage.Region, Credentials: credentials.Static(stage.OperatorKey, stage.OperatorSecret, ""),
		Endpoints: map[transport.Product]string{transport.Slb: theatre.RegionURL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(doer.Close)
	return slb.New(doer)
}

// disguise makes a load balancer of ours one that another controller has made for
// the Service: the kube-aliyun of 2017, which set no tags and no descriptions, or the
// official controller, which sends listeners to vServer groups.
func disguise(t *testing.T, api *slb.Client, id string, service *corev1.Service, official bool) {
	t.Helper()
	lb, err := api.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]string, 0, len(lb.Tags))
	for key := range lb.Tags {
		keys = append(keys, key)
	}
	port := service.Spec.Ports[0]
	change := slb.Change{Attributes: slb.Attributes{slb.Description: "by another controller"}}
	if official {
		mark := fmt.Sprintf("/%s/%s/clusterid", service.Name, service.Namespace)
		members := make([]slb.Backend, 0, len(lb.Backends))
		for _, b := range lb.Backends {
			members = append(members, slb.Backend{ServerID: b.ServerID, Port: int(port.NodePort), Weight: b.Weight})
		}
		group, err := api.CreateGroup(t.Context(), id, fmt.Sprintf("k8s/%d%s", port.NodePort, mark), members)
		if err != nil {
			t.Fatal(err)
		}
		change = slb.Change{Attributes: slb.Attributes{slb.Description: fmt.Sprintf("k8s/%d%s", port.Port, mark)}, GroupID: &group.ID}
		if err := api.Tag(t.Context(), id, map[string]string{
			"kubernetes.do.not.delete": ownership.LoadBalancerName(string(service.UID)), "ack.aliyun.com": "clusterid",
		}); err != nil {
			t.Fatal(err)
		}
	}
	key := slb.ListenerKey{Protocol: slb.TCP, Port: int(port.Port)}
	if err := api.SetListener(t.Context(), id, key, change); err != nil {
		t.Fatal(err)
	}
	if err := api.Untag(t.Context(), id, keys...); err != nil {
		t.Fatal(err)
	}
}

func TestLoadBalancersOfOtherControllersAreTakenOverWithoutALoss(t *testing.T) {
	for name, official := range map[string]bool{"first": false, "official": true} {
		t.Run(name, func(t *testing.T) {
			deploy(t, name, 2, nil)
			address := expose(t, name, name, corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
			everywhere(t, address, 2)
			service, err := theatre.Client().CoreV1().Services(namespace).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			api := console(t)
			lbs, err := api.List(t.Context(), slb.Filter{Tags: map[string]string{ownership.TagServiceUID: string(service.UID)}})
			if err != nil || len(lbs) != 1 {
				t.Fatalf("load balancers %v, %v", lbs, err)
			}
			quiet(t)
			if err := theatre.EndController(theatre.Master()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "no controller runs", func(context.Context) error {
				if _, err := theatre.ControllerPID(theatre.Master()); err == nil {
					return errNotYet
				}
				return nil
			})
			disguise(t, api, lbs[0].ID, service, official)
			everywhere(t, address, 2)
			l := load(t, address, 5*time.Second)
			begin := time.Now()
			if err := theatre.RunController(theatre.Master()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the load balancer is taken over", func(ctx context.Context) error {
				lb, err := api.Get(ctx, lbs[0].ID)
				if err == nil && (lb.Tags[ownership.TagTakenOver] == "" || lb.Tags[ownership.TagServiceUID] != string(service.UID) || lb.Tags["ack.aliyun.com"] != "") {
					err = errNotYet
				}
				return err
			})
			took := time.Since(begin)
			quiet(t)
			report := l.Stop()
			t.Logf("taken over %.1f s after the controller was started; %s", took.Seconds(), report)
			if len(report.Failures) > 0 {
				t.Errorf("%d requests failed", len(report.Failures))
			}
			if now := addressOf(t, name); now != address {
				t.Errorf("the Service has the address %s, not %s", now, address)
			}
		})
	}
}

func TestServicesOfOurClassAreServed(t *testing.T) {
	deploy(t, "class", 1, nil)
	class := "kube-aliyun.io/clb"
	_, err := theatre.Client().CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "class"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Selector: map[string]string{"app": "class"}, Ports: tcpPort,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unexpose(t, "class") })
	address := addressOf(t, "class")
	answers(t, "tcp4", address, echoPort)
	before := len(region(t).LoadBalancers)
	unexpose(t, "class")
	if after := len(region(t).LoadBalancers); after != before-1 {
		t.Errorf("%d load balancers, %d before the deletion", after, before)
	}
}
