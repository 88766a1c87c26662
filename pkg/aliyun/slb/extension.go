package slb

import (
	"context"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// Extension is a domain extension of an HTTPS listener: another certificate for
// the clients that ask for a domain (SNI).
type Extension struct {
	ID          string
	Domain      string
	Certificate string
}

// Extensions lists the domain extensions of an HTTPS listener.
func (c *Client) Extensions(ctx context.Context, lbID string, port int) ([]Extension, error) {
	req := sdk.CreateDescribeDomainExtensionsRequest()
	req.LoadBalancerId, req.ListenerPort = lbID, requests.NewInteger(port)
	resp := sdk.CreateDescribeDomainExtensionsResponse()
	if err := c.read(ctx, req, resp); err != nil {
		return nil, wrap(err, "list domain extensions of https/%d on %s", port, lbID)
	}
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeDomainExtensions"}
	if err := src.Check(resp.RequestId); err != nil {
		return nil, wrap(err, "list domain extensions of https/%d on %s", port, lbID)
	}
	out := make([]Extension, 0, len(resp.DomainExtensions.DomainExtension))
	for i := range resp.DomainExtensions.DomainExtension {
		e := &resp.DomainExtensions.DomainExtension[i]
		out = append(out, Extension{ID: e.DomainExtensionId, Domain: e.Domain, Certificate: e.ServerCertificateId})
	}
	return out, nil
}

// CreateExtension adds a domain extension to an HTTPS listener and returns its ID.
// Not repeatable: a domain that has one is an error.
func (c *Client) CreateExtension(ctx context.Context, lbID string, port int, e Extension) (string, error) {
	req := sdk.CreateCreateDomainExtensionRequest()
	req.LoadBalancerId, req.ListenerPort, req.Domain, req.ServerCertificateId = lbID, requests.NewInteger(port), e.Domain, e.Certificate
	resp := sdk.CreateCreateDomainExtensionResponse()
	if err := c.add(ctx, req, resp); err != nil {
		return "", wrap(err, "create domain extension %s of https/%d on %s", e.Domain, port, lbID)
	}
	return resp.DomainExtensionId, nil
}

// SetExtension changes the certificate of a domain extension.
func (c *Client) SetExtension(ctx context.Context, e Extension) error {
	req := sdk.CreateSetDomainExtensionAttributeRequest()
	req.DomainExtensionId, req.ServerCertificateId = e.ID, e.Certificate
	return wrap(c.set(ctx, req, sdk.CreateSetDomainExtensionAttributeResponse()), "set certificate of domain extension %s (%s)", e.ID, e.Domain)
}

// DeleteExtension deletes a domain extension. Not repeatable: the API has no code
// of its own for one that is gone.
func (c *Client) DeleteExtension(ctx context.Context, e Extension) error {
	req := sdk.CreateDeleteDomainExtensionRequest()
	req.DomainExtensionId = e.ID
	return wrap(c.add(ctx, req, sdk.CreateDeleteDomainExtensionResponse()), "delete domain extension %s (%s)", e.ID, e.Domain)
}
