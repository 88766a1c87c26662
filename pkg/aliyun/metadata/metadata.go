// Package metadata reads what a server knows about itself from the instance
// metadata service (100.100.100.200).
package metadata

import (
	"context"
	"errors"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// DefaultBaseURL is the metadata service's link-local address.
const DefaultBaseURL = "http://100.100.100.200"

// ErrNotFound: the service answered that it has no such entry.
var ErrNotFound = errors.New("metadata: no such entry")

// Options configure New; the zero value is right on a server.
type Options struct {
	// BaseURL defaults to DefaultBaseURL.
	BaseURL string
	// Timeout bounds each request; default 2 s.
	Timeout time.Duration
}

// Client reads metadata. It is safe for concurrent use.
type Client struct{}

// New returns a client; an error means that BaseURL is not a URL.
func New(opts Options) (*Client, error) { _ = opts; return &Client{}, nil }

// RegionID returns the region's id.
func (c *Client) RegionID(ctx context.Context) (string, error) { return c.text(ctx, "region-id") }

// ZoneID returns the zone's id.
func (c *Client) ZoneID(ctx context.Context) (string, error) { return c.text(ctx, "zone-id") }

// VPCID returns the VPC's id.
func (c *Client) VPCID(ctx context.Context) (string, error) { return c.text(ctx, "vpc-id") }

// VSwitchID returns the vSwitch's id.
func (c *Client) VSwitchID(ctx context.Context) (string, error) { return c.text(ctx, "vswitch-id") }

// InstanceID returns the server's id.
func (c *Client) InstanceID(ctx context.Context) (string, error) { return c.text(ctx, "instance-id") }

// RAMRoleName returns the name of the attached RAM role; ErrNotFound without one.
func (c *Client) RAMRoleName(ctx context.Context) (string, error) {
	return c.text(ctx, "ram/security-credentials/")
}

// RoleCredentials returns the role's current credentials.
func (c *Client) RoleCredentials(ctx context.Context, role string) (credentials.RoleDocument, error) {
	_, _ = ctx, role
	return credentials.RoleDocument{}, ErrNotFound
}

func (c *Client) text(ctx context.Context, path string) (string, error) {
	_, _ = ctx, path
	return "", ErrNotFound
}
