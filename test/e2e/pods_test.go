package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

func TestPodsReachEachOtherAcrossServersAndZones(t *testing.T) {
	zones := map[string]bool{}
	addresses := map[string]string{}
	for name, server := range map[string]*stage.Server{
		"on-master": theatre.Master(), "on-worker-1": theatre.Workers()[0], "on-worker-2": theatre.Workers()[1],
	} {
		node, err := theatre.Client().CoreV1().Nodes().Get(t.Context(), server.Name(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		zones[node.Labels[corev1.LabelTopologyZone]] = true
		addresses[name] = runPod(t, name, server)
	}
	if len(zones) != 2 {
		t.Errorf("the nodes are in the zones %v, want two", zones)
	}
	for asking, own := range addresses {
		for answering, address := range addresses {
			if asking == answering {
				continue
			}
			for _, network := range []string{"tcp", "udp"} {
				answer, err := fromPod(t.Context(), asking, network, address)
				if err != nil {
					t.Errorf("from %s to %s over %s: %v", asking, answering, network, err)
				} else if answer.Host != answering || answer.Client.Addr().String() != own {
					t.Errorf("from %s (%s) to %s over %s: answered %+v", asking, own, answering, network, answer)
				}
			}
		}
	}
}

// operator is somebody else than the controller who may change the cloud.
func operator(t *testing.T) *ecs.Client {
	t.Helper()
	url := theatre.RegionURL()
	calls, err := transport.New(transport.Options{
		Region: stage.Region, Credentials: credentials.Static(stage.OperatorKey, stage.OperatorSecret, ""),
		Endpoints: map[transport.Product]string{transport.Ecs: url, transport.Vpc: url, transport.Slb: url, transport.Sts: url},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(calls.Close)
	return ecs.New(calls)
}

func TestSourceDestinationCheckStopsPodTrafficUntilItIsMended(t *testing.T) {
	near, far := theatre.Workers()[0], theatre.Workers()[1]
	runPod(t, "near", near)
	address := runPod(t, "far", far)
	if _, err := fromPod(t.Context(), "near", "tcp", address); err != nil {
		t.Fatal(err)
	}
	before := region(t)
	for _, server := range theatre.Servers() {
		if found, _ := before.Server(server.ID); found.SourceDestCheck {
			t.Errorf("the check of %s is on: the region began so, and nobody has switched it off", server.ID)
		}
	}
	cloud := operator(t)
	interfaces, err := cloud.Interfaces(t.Context(), ecs.InterfaceFilter{VPCID: "vpc-stage", PrivateIPs: []string{far.Address}})
	if err != nil || len(interfaces) != 1 {
		t.Fatalf("interfaces of %s: %v, %v", far.Address, interfaces, err)
	}
	if err := cloud.SetSourceDestCheck(t.Context(), interfaces[0].ID, true); err != nil {
		t.Fatal(err)
	}
	if _, err := theatre.Region().Dataplane(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer, err := fromPod(t.Context(), "near", "tcp", address); err == nil {
		t.Errorf("Pod traffic flows with the check on: %+v", answer)
	}
	// The controller looks at every start, and once a period.
	restartController(t)
	took := eventually(t, "Pod traffic flows again", func(ctx context.Context) error {
		_, err := fromPod(ctx, "near", "tcp", address)
		return err
	})
	t.Logf("mended %.1f s after the controller was there again", took.Seconds())
	if found, _ := region(t).Server(far.ID); found.SourceDestCheck {
		t.Error("the check is still on")
	}
}
