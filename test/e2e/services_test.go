package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var errAnswered = errors.New("it answers")

// answers waits until a client on the internet is answered.
func answers(t *testing.T, network, address string, port int32) {
	t.Helper()
	took := eventually(t, fmt.Sprintf("%s port %d answers over %s", address, port, network), func(ctx context.Context) error {
		_, err := client(network, address, port)(ctx)
		return err
	})
	t.Logf("port %d answers over %s after %.1f s", port, network, took.Seconds())
}

// silent waits until nobody is answered any more.
func silent(t *testing.T, network, address string, port int32) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s port %d is silent over %s", address, port, network), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := client(network, address, port)(ctx); err == nil {
			return errAnswered
		}
		return nil
	})
}

func TestServicesAreReachedOverTCPAndUDPAndBothOnOnePort(t *testing.T) {
	deploy(t, "protocols", 2, nil)
	tcp := port("tcp", 7, corev1.ProtocolTCP, echoPort)
	udp := port("udp", 7, corev1.ProtocolUDP, echoPort)
	addresses := map[string]string{}
	for name, ports := range map[string][]corev1.ServicePort{"tcp": {tcp}, "udp": {udp}, "both": {tcp, udp}} {
		addresses[name] = expose(t, name, "protocols", corev1.ServiceExternalTrafficPolicyCluster, ports)
	}
	answers(t, "tcp4", addresses["tcp"], 7)
	answers(t, "udp4", addresses["udp"], 7)
	answers(t, "tcp4", addresses["both"], 7)
	answers(t, "udp4", addresses["both"], 7)
	for network, address := range map[string]string{"tcp4": addresses["udp"], "udp4": addresses["tcp"]} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if answer, err := client(network, address, 7)(ctx); err == nil {
			t.Errorf("%s answers over %s, which it has no port for: %+v", address, network, answer)
		}
		cancel()
	}
}

func TestLocalPolicyKeepsTheClientsAddressAndClusterReachesEveryNode(t *testing.T) {
	server := theatre.Workers()[1]
	runPod(t, "kept", server)
	local := expose(t, "kept-local", "kept", corev1.ServiceExternalTrafficPolicyLocal, tcpPort)
	cluster := expose(t, "kept-cluster", "kept", corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	answers(t, "tcp4", local, echoPort)
	answers(t, "tcp4", cluster, echoPort)
	// The node without the Pod is not known to be unhealthy at once.
	eventually(t, "every request of the Local Service is answered", func(ctx context.Context) error {
		for range 10 {
			if _, err := client("tcp4", local, echoPort)(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	for range 20 {
		answer, err := client("tcp4", local, echoPort)(t.Context())
		if err != nil || answer.Client.Addr().String() != theatre.Internet().Address || answer.Node != server.Name() {
			t.Fatalf("Local: %+v, %v; the client is %s", answer, err, theatre.Internet().Address)
		}
	}
	// Either node takes a connection; the one without the Pod hands it on under its
	// own address.
	handedOn := false
	for range 40 {
		answer, err := client("tcp4", cluster, echoPort)(t.Context())
		if err != nil || answer.Node != server.Name() {
			t.Fatalf("Cluster: %+v, %v", answer, err)
		}
		if answer.Client.Addr().String() == theatre.Workers()[0].Address {
			handedOn = true
		}
	}
	if !handedOn {
		t.Errorf("no connection came by way of %s", theatre.Workers()[0].Name())
	}
}

// change merges a patch into a Service.
func change(t *testing.T, name, patch string) {
	t.Helper()
	_, err := theatre.Client().CoreV1().Services(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPortAndTypeChangesAreFollowed(t *testing.T) {
	deploy(t, "changing", 2, nil)
	address := expose(t, "changing", "changing", corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	answers(t, "tcp4", address, echoPort)

	change(t, "changing", `{"spec": {"ports": [{"name": "echo", "port": 9000, "targetPort": 8081, "protocol": "TCP"}]}}`)
	answers(t, "tcp4", address, 9000)
	silent(t, "tcp4", address, echoPort)

	change(t, "changing", `{"spec": {"type": "ClusterIP"}}`)
	silent(t, "tcp4", address, 9000)
	eventually(t, "the controller is done with the Service", func(ctx context.Context) error {
		s, err := theatre.Client().CoreV1().Services(namespace).Get(ctx, "changing", metav1.GetOptions{})
		if err == nil && len(s.Finalizers) > 0 {
			err = errNotYet
		}
		return err
	})
	if left := region(t).LoadBalancers; len(left) != 0 {
		t.Errorf("the controller is done, and the region has %+v", left)
	}

	change(t, "changing", `{"spec": {"type": "LoadBalancer"}}`)
	answers(t, "tcp4", addressOf(t, "changing"), 9000)
}

func TestDeletedServiceIsSilentAndLeavesNothingInTheCloud(t *testing.T) {
	deploy(t, "leaving", 1, nil)
	address := expose(t, "leaving", "leaving", corev1.ServiceExternalTrafficPolicyCluster, tcpPort)
	answers(t, "tcp4", address, echoPort)
	begin := time.Now()
	unexpose(t, "leaving")
	took := time.Since(begin)
	if left := region(t).LoadBalancers; len(left) != 0 {
		t.Errorf("the Service is gone, and the region has %+v", left)
	}
	if _, err := theatre.Client().CoreV1().Services(namespace).Get(t.Context(), "leaving", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Service: %v", err)
	}
	if _, err := theatre.Region().Dataplane(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	answer, err := client("tcp4", address, echoPort)(ctx)
	if err == nil {
		t.Errorf("the address answers: %+v", answer)
	}
	// There is nobody who could refuse.
	var unreachable *net.OpError
	if errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &unreachable) {
		t.Errorf("the address: %v", err)
	}
	t.Logf("gone after %.1f s", took.Seconds())
}
