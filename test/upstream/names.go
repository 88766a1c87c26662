package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// clusterDomain is below what Services are named.
const clusterDomain = "cluster.local"

const (
	// answerTTL is in seconds.
	answerTTL = 5
	// lookupTimeout is for the API server.
	lookupTimeout = 5 * time.Second
)

// names tells Pods the cluster addresses of Services, as a cluster's DNS does: the
// specs ask for a Service by its name. A stage has no such add-on.
type names struct {
	client kubernetes.Interface
	socket net.PacketConn
}

// serveNames answers in a place on port 53 until stop is called, or ctx ends.
func serveNames(ctx context.Context, place stage.Place, client kubernetes.Interface) (stop func(), err error) {
	n := &names{client: client}
	if n.socket, err = place.ListenPacket(ctx, "udp4", net.JoinHostPort(place.Address, "53")); err != nil {
		return nil, fmt.Errorf("names of Services: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	serving.Go(func() { n.serve(ctx) })
	return func() {
		cancel()
		_ = n.socket.Close()
		serving.Wait()
	}, nil
}

func (n *names) serve(ctx context.Context) {
	var answering sync.WaitGroup
	defer answering.Wait()
	for {
		question := make([]byte, 1500)
		length, client, err := n.socket.ReadFrom(question)
		if err != nil {
			return // closed
		}
		answering.Go(func() {
			if reply := n.answer(ctx, question[:length]); reply != nil {
				_, _ = n.socket.WriteTo(reply, client) // who asked asks again
			}
		})
	}
}

// answer is nil for what is no question.
func (n *names) answer(ctx context.Context, packet []byte) []byte {
	var asked dnsmessage.Message
	if err := asked.Unpack(packet); err != nil || asked.Response || len(asked.Questions) != 1 {
		return nil
	}
	question := asked.Questions[0]
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: asked.ID, Response: true, RecursionDesired: asked.RecursionDesired, RecursionAvailable: true},
		Questions: asked.Questions,
	}
	address, err := n.lookUp(ctx, question.Name.String())
	switch {
	case err != nil:
		reply.RCode = dnsmessage.RCodeServerFailure
	case !address.IsValid():
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: answerTTL},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// lookUp finds the cluster address of SERVICE.NAMESPACE.svc.cluster.local. Without
// an error, an invalid address says that there is no such name.
func (n *names) lookUp(ctx context.Context, name string) (netip.Addr, error) {
	path, ours := strings.CutSuffix(strings.ToLower(name), ".svc."+clusterDomain+".")
	service, namespace, two := strings.Cut(path, ".")
	if !ours || !two || strings.Contains(namespace, ".") {
		return netip.Addr{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	list, err := n.client.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + service})
	if err != nil {
		return netip.Addr{}, fmt.Errorf("looking for the Service %s/%s: %w", namespace, service, err)
	}
	for i := range list.Items {
		if address, err := netip.ParseAddr(list.Items[i].Spec.ClusterIP); err == nil && address.Is4() && list.Items[i].Name == service {
			return address, nil
		}
	}
	return netip.Addr{}, nil
}
