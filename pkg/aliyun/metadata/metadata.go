// Package metadata reads what a server knows about itself from the instance
// metadata service (100.100.100.200).
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// DefaultBaseURL is the metadata service's link-local address.
const DefaultBaseURL = "http://100.100.100.200"

// ErrNotFound means that the service answered that it has no such entry.
var ErrNotFound = errors.New("no such entry in the metadata service")

// RegionID returns the region's id.
func (c *Client) RegionID(ctx context.Context) (string, error) { return c.word(ctx, "region-id") }

// ZoneID returns the zone's id.
func (c *Client) ZoneID(ctx context.Context) (string, error) { return c.word(ctx, "zone-id") }

// VPCID returns the VPC's id.
func (c *Client) VPCID(ctx context.Context) (string, error) { return c.word(ctx, "vpc-id") }

// VSwitchID returns the vSwitch's id.
func (c *Client) VSwitchID(ctx context.Context) (string, error) { return c.word(ctx, "vswitch-id") }

// InstanceID returns the server's id.
func (c *Client) InstanceID(ctx context.Context) (string, error) { return c.word(ctx, "instance-id") }

const rolePath = "ram/security-credentials/"

// RAMRoleName returns the name of the attached RAM role; ErrNotFound without one.
func (c *Client) RAMRoleName(ctx context.Context) (string, error) { return c.word(ctx, rolePath) }

// RoleCredentials returns the role's current credentials. The service renews
// them about half an hour before they expire.
func (c *Client) RoleCredentials(ctx context.Context, role string) (credentials.RoleDocument, error) {
	body, err := c.get(ctx, rolePath+url.PathEscape(role))
	if err != nil {
		return credentials.RoleDocument{}, err
	}
	var doc struct {
		Code            string `json:"Code"`
		AccessKeyID     string `json:"AccessKeyId"`
		AccessKeySecret string `json:"AccessKeySecret"`
		SecurityToken   string `json:"SecurityToken"`
		Expiration      string `json:"Expiration"`
	}
	// What the parser says about a body with a secret in it stays untold.
	if json.Unmarshal(body, &doc) != nil {
		return credentials.RoleDocument{}, errors.New("metadata service: the role document is not JSON")
	}
	if doc.Code != "Success" {
		return credentials.RoleDocument{}, fmt.Errorf("metadata service: the role document says %q instead of Success", doc.Code)
	}
	expires, err := time.Parse(time.RFC3339, doc.Expiration)
	if err != nil || doc.AccessKeyID == "" || doc.AccessKeySecret == "" || doc.SecurityToken == "" {
		return credentials.RoleDocument{}, errors.New("metadata service: the role document is incomplete")
	}
	return credentials.RoleDocument{
		AccessKeyID: doc.AccessKeyID, AccessKeySecret: doc.AccessKeySecret,
		SecurityToken: doc.SecurityToken, Expiration: expires,
	}, nil
}

// maxWord is longer than any id or name of the cloud's.
const maxWord = 256

// word returns an entry that is one word. Anything else is not the metadata
// service's answer but, say, the login page of a captive network.
func (c *Client) word(ctx context.Context, path string) (string, error) {
	body, err := c.get(ctx, path)
	if err != nil {
		return "", err
	}
	word := strings.TrimSuffix(strings.TrimSpace(string(body)), "/")
	if word == "" || len(word) > maxWord || strings.ContainsAny(word, " \t\r\n<>\"{}") {
		return "", fmt.Errorf("metadata service: the answer for %s is not a single word", path)
	}
	return word, nil
}
