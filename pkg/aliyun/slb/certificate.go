package slb

import (
	"context"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// Certificate is a server certificate that HTTPS listeners can name.
type Certificate struct {
	ID   string
	Name string
	// Expires is when it ends; zero where the reply does not tell.
	Expires time.Time
	Tags    map[string]string
}

// Certificates lists the server certificates of the account and region: one call,
// which has no pages.
func (c *Client) Certificates(ctx context.Context) ([]Certificate, error) {
	req := sdk.CreateDescribeServerCertificatesRequest()
	resp := sdk.CreateDescribeServerCertificatesResponse()
	if err := c.read(ctx, req, resp); err != nil {
		return nil, wrap(err, "list server certificates")
	}
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeServerCertificates"}
	if err := src.Check(resp.RequestId); err != nil {
		return nil, wrap(err, "list server certificates")
	}
	out := make([]Certificate, 0, len(resp.ServerCertificates.ServerCertificate))
	for i := range resp.ServerCertificates.ServerCertificate {
		s := &resp.ServerCertificates.ServerCertificate[i]
		made := Certificate{ID: s.ServerCertificateId, Name: s.ServerCertificateName, Tags: tagMap(s.Tags.Tag)}
		if s.ExpireTimeStamp > 0 {
			made.Expires = time.UnixMilli(s.ExpireTimeStamp)
		}
		out = append(out, made)
	}
	return out, nil
}
