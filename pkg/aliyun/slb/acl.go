package slb

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// The limits of access control lists (SLB API: AddAccessControlListEntry, and the
// quota page).
const (
	// MaxACLEntries is how many entries an ACL holds.
	MaxACLEntries = 300
	// ACLEntriesPerCall is how many entries one call adds or removes.
	ACLEntriesPerCall = 50

	aclsPerPage       = 50
	aclEntriesPerPage = 50
)

// ACL is an access control list. Listeners that name one let its entries in, or
// keep them out.
type ACL struct {
	ID   string
	Name string
	// IPVersion is the family of all entries; listeners of the other one refuse it.
	IPVersion IPVersion
	Tags      map[string]string
	// Entries are filled by ACL, not by ACLs.
	Entries []netip.Prefix
}

// ACLFilter narrows a listing of ACLs; empty fields do not.
type ACLFilter struct {
	Name string
	Tags map[string]string
}

// matches checks what the API takes for a part of the name, and for alternatives.
func (f ACLFilter) matches(a ACL) bool {
	if f.Name != "" && f.Name != a.Name {
		return false
	}
	for key, value := range f.Tags {
		if have, found := a.Tags[key]; !found || have != value {
			return false
		}
	}
	return true
}

// ACLs lists the access control lists of a name or with all the tags of a filter,
// without their entries.
func (c *Client) ACLs(ctx context.Context, f ACLFilter) ([]ACL, error) {
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeAccessControlLists"}
	all, err := listing.Numbered(ctx, src, func(a ACL) string { return a.ID }, func(ctx context.Context, number int) (listing.NumberedPage[ACL], error) {
		req := sdk.CreateDescribeAccessControlListsRequest()
		req.PageNumber, req.PageSize = requests.NewInteger(number), requests.NewInteger(aclsPerPage)
		req.AclName = f.Name
		if len(f.Tags) > 0 {
			tags := make([]sdk.DescribeAccessControlListsTag, 0, len(f.Tags))
			for _, k := range sortedKeys(f.Tags) {
				tags = append(tags, sdk.DescribeAccessControlListsTag{Key: k, Value: f.Tags[k]})
			}
			req.Tag = &tags
		}
		resp := sdk.CreateDescribeAccessControlListsResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.NumberedPage[ACL]{}, err
		}
		page := listing.NumberedPage[ACL]{Total: resp.TotalCount, RequestID: resp.RequestId}
		for i := range resp.Acls.Acl {
			a := &resp.Acls.Acl[i]
			page.Items = append(page.Items, ACL{ID: a.AclId, Name: a.AclName, IPVersion: ipVersion(a.AddressIPVersion), Tags: tagMap(a.Tags.Tag)})
		}
		return page, nil
	})
	if err != nil {
		return nil, wrap(err, "list access control lists")
	}
	kept := all[:0]
	for _, a := range all {
		if f.matches(a) {
			kept = append(kept, a)
		}
	}
	return kept, nil
}

// ACL describes one access control list with its entries. One that does not exist
// is a NotFound error.
func (c *Client) ACL(ctx context.Context, id string) (ACL, error) {
	out := ACL{ID: id}
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeAccessControlListAttribute"}
	entries, err := listing.Numbered(ctx, src, netip.Prefix.String, func(ctx context.Context, number int) (listing.NumberedPage[netip.Prefix], error) {
		req := sdk.CreateDescribeAccessControlListAttributeRequest()
		req.AclId, req.Page, req.PageSize = id, requests.NewInteger(number), requests.NewInteger(aclEntriesPerPage)
		resp := sdk.CreateDescribeAccessControlListAttributeResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.NumberedPage[netip.Prefix]{}, err
		}
		out.Name, out.IPVersion, out.Tags = resp.AclName, ipVersion(resp.AddressIPVersion), tagMap(resp.Tags.Tag)
		page := listing.NumberedPage[netip.Prefix]{Total: resp.TotalAclEntry, RequestID: resp.RequestId}
		for _, e := range resp.AclEntrys.AclEntry {
			prefix, err := aclPrefix(e.AclEntryIP)
			if err != nil {
				return page, unreadable(src.Action, resp.RequestId, err)
			}
			page.Items = append(page.Items, prefix)
		}
		return page, nil
	})
	out.Entries = entries
	return out, wrap(err, "describe access control list %s", id)
}

// aclPrefix reads an entry: a range, or an address alone.
func aclPrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("entry: %w", err)
	}
	return prefix, nil
}

// CreateACL makes an empty access control list and returns its ID. Not repeatable:
// a name that exists is an error.
func (c *Client) CreateACL(ctx context.Context, a ACL) (string, error) {
	req := sdk.CreateCreateAccessControlListRequest()
	req.AclName, req.AddressIPVersion = a.Name, string(a.IPVersion)
	tags := make([]sdk.CreateAccessControlListTag, 0, len(a.Tags))
	for _, k := range sortedKeys(a.Tags) {
		tags = append(tags, sdk.CreateAccessControlListTag{Key: k, Value: a.Tags[k]})
	}
	req.Tag = &tags
	resp := sdk.CreateCreateAccessControlListResponse()
	if err := c.add(ctx, req, resp); err != nil {
		return "", wrap(err, "create access control list %s", a.Name)
	}
	return resp.AclId, nil
}

// AddACLEntries adds up to ACLEntriesPerCall entries. Not repeatable: one that is
// there is an error.
func (c *Client) AddACLEntries(ctx context.Context, id string, entries []netip.Prefix) error {
	list, err := aclEntries(entries)
	if err != nil {
		return wrap(err, "add entries to access control list %s", id)
	}
	req := sdk.CreateAddAccessControlListEntryRequest()
	req.AclId, req.AclEntrys = id, list
	return wrap(c.add(ctx, req, sdk.CreateAddAccessControlListEntryResponse()), "add %d entries to access control list %s", len(entries), id)
}

// RemoveACLEntries removes up to ACLEntriesPerCall entries. Not repeatable: one
// that is not there may be an error.
func (c *Client) RemoveACLEntries(ctx context.Context, id string, entries []netip.Prefix) error {
	list, err := aclEntries(entries)
	if err != nil {
		return wrap(err, "remove entries from access control list %s", id)
	}
	req := sdk.CreateRemoveAccessControlListEntryRequest()
	req.AclId, req.AclEntrys = id, list
	return wrap(c.add(ctx, req, sdk.CreateRemoveAccessControlListEntryResponse()), "remove %d entries from access control list %s", len(entries), id)
}

// DeleteACL deletes an access control list that no listener uses. One that does
// not exist is a NotFound error.
func (c *Client) DeleteACL(ctx context.Context, id string) error {
	req := sdk.CreateDeleteAccessControlListRequest()
	req.AclId = id
	return wrap(c.set(urgent(ctx), req, sdk.CreateDeleteAccessControlListResponse()), "delete access control list %s", id)
}

// aclEntries encodes entries as the API's parameter AclEntrys.
func aclEntries(entries []netip.Prefix) (string, error) {
	if len(entries) > ACLEntriesPerCall {
		return "", fmt.Errorf("%d entries in one call, %d at most", len(entries), ACLEntriesPerCall)
	}
	type entry struct {
		Entry string `json:"entry"`
	}
	list := make([]entry, len(entries))
	for i, e := range entries {
		list[i] = entry{Entry: e.String()}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode entries: %w", err)
	}
	return string(raw), nil
}

// UntagACL removes tags from an access control list. No keys, no call.
func (c *Client) UntagACL(ctx context.Context, id string, keys ...string) error {
	return wrap(c.untag(ctx, resourceACL, id, keys), "untag access control list %s", id)
}
