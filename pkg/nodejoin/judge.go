package nodejoin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// withheldError says why a request is not approved. It may be later.
type withheldError struct{ reason string }

func (e *withheldError) Error() string { return e.reason }

// errNotOurs is for requests that others decide on.
var errNotOurs = errors.New("neither a kubelet nor a server that joins has made it")

// judge returns why a request may be approved; the error is errNotOurs, a
// *withheldError, or what kept us from finding out.
func (c *Controller) judge(ctx context.Context, csr *certificatesv1.CertificateSigningRequest, r *request) (why string, err error) {
	switch {
	case csr.Spec.Username == userPrefix+r.node && slices.Contains(csr.Spec.Groups, nodesGroup):
		if !r.serving {
			return "the kubelet of the Node renews its own certificate", nil
		}
		return c.judgeServing(ctx, r)
	case slices.Contains(csr.Spec.Groups, BootstrapGroup) && !r.serving:
		return c.judgeNew(ctx, r)
	default:
		return "", errNotOurs
	}
}

// judgeNew is for a server that has a token alone. A token is no proof of which
// server it is: it gives nobody the identity of a Node that is there, and of no
// server that the VPC does not have.
func (c *Controller) judgeNew(ctx context.Context, r *request) (string, error) {
	if _, err := c.options.Nodes.Get(r.node); err == nil {
		return "", &withheldError{fmt.Sprintf("there is a Node %s already, and a token must not become another's identity; "+
			"if its server was made anew, delete the Node: kubectl delete node %s", r.node, r.node)}
	} else if !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("read Node %s: %w", r.node, err)
	}
	server, err := c.server(ctx, r.node)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("server %s of VPC %s has the address %s, and there is no such Node", server.ID, server.VPCID, r.node), nil
}

// judgeServing lets a kubelet serve under names and addresses that the cloud knows
// its server by, whatever the Node's status says.
func (c *Controller) judgeServing(ctx context.Context, r *request) (string, error) {
	server, err := c.server(ctx, r.node)
	if err != nil {
		return "", err
	}
	known := slices.Concat(server.PrivateIPs, server.PublicIPs, server.IPv6s, []string{server.ElasticIP, server.HostName, r.node})
	for _, host := range r.hosts() {
		if !slices.Contains(known, host) {
			return "", &withheldError{fmt.Sprintf("server %s has neither an address nor a host name %s; if somebody has set it on Node %s, take it away",
				server.ID, host, r.node)}
		}
	}
	return "names and addresses are those of server " + server.ID, nil
}

// server is the one of the VPC whose address is a Node's name.
func (c *Controller) server(ctx context.Context, node string) (ecs.Server, error) {
	address, err := netip.ParseAddr(node)
	if err != nil {
		return ecs.Server{}, &withheldError{fmt.Sprintf("Nodes that join are named by their server's private address, and %s is none; "+
			"approve it by hand if it is right: kubectl certificate approve", node)}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.options.Cloud.Servers(ctx, ecs.Filter{PrivateIPs: []string{address.String()}, VPCID: c.options.VPCID})
	if err != nil {
		return ecs.Server{}, fmt.Errorf("look for the server with the address %s: %w", node, err)
	}
	at := slices.IndexFunc(found, func(s ecs.Server) bool { return slices.Contains(s.PrivateIPs, address.String()) })
	if at < 0 {
		return ecs.Server{}, &withheldError{fmt.Sprintf("no server of VPC %s has the address %s; a new one may be listed seconds later", c.options.VPCID, node)}
	}
	return found[at], nil
}
