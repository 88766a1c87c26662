package slb

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

const (
	aclID          = "AclId"
	aclEntries     = "AclEntrys" // so spelt by the API
	aclPage        = 50
	aclEntriesPage = 50
)

var aclNamePattern = regexp.MustCompile(`^[\p{L}\p{N}./_-]{1,80}$`)

func (p *Product) aclActions(read, write register) {
	write("CreateAccessControlList", new(sdk.CreateAccessControlListRequest), p.createACL, "AclName")
	read("DescribeAccessControlLists", new(sdk.DescribeAccessControlListsRequest), p.describeACLs)
	read("DescribeAccessControlListAttribute", new(sdk.DescribeAccessControlListAttributeRequest), p.describeACL, aclID)
	write("AddAccessControlListEntry", new(sdk.AddAccessControlListEntryRequest), p.addACLEntries, aclID, aclEntries)
	write("RemoveAccessControlListEntry", new(sdk.RemoveAccessControlListEntryRequest), p.removeACLEntries, aclID, aclEntries)
	write("DeleteAccessControlList", new(sdk.DeleteAccessControlListRequest), p.deleteACL, aclID)
}

func noACL(id string) *api.Error {
	return refuse("AclNotExist", "The specified access control list %s does not exist.", id)
}

func (p *Product) findACL(c *api.Call) (*accessList, *api.Error) {
	list := p.acls[c.Params[aclID]]
	if list == nil {
		return nil, noACL(c.Params[aclID])
	}
	return list, nil
}

// findACLToChange is findACL for a mutation: until the reply to one, a list
// refuses others.
func (p *Product) findACLToChange(c *api.Call) (*accessList, *api.Error) {
	list, err := p.findACL(c)
	if err != nil {
		return nil, err
	}
	if list.BusyUntil.After(c.Now) {
		return nil, refuse("AclEntryProcessing", "The access control list %s is being changed.", list.ID)
	}
	return list, nil
}

// createACL makes an empty list. Names are unique.
func (p *Product) createACL(c *api.Call) (api.Reply, *api.Error) {
	list := &accessList{ID: p.newID("acl"), Name: c.Params["AclName"], Created: c.Now, ListAt: p.lagged(c, p.knobs.ListLag)}
	if !aclNamePattern.MatchString(list.Name) {
		return nil, api.Invalid("AclName", list.Name)
	}
	var err *api.Error
	if list.IPVersion, err = choice(c.Params, "AddressIPVersion", ipv4, ipv4, ipv6); err != nil {
		return nil, err
	}
	if list.Tags, err = p.readTags(c, nil); err != nil {
		return nil, err
	}
	for _, other := range p.acls {
		if other.Name == list.Name {
			return nil, invalid("The specified AclName %s already exists.", list.Name)
		}
	}
	if len(p.acls) >= p.knobs.ACLsPerRegion {
		return nil, refuse("QuotaLimitExceeds.Acl", "The number of access control lists exceeds the limit of %d.", p.knobs.ACLsPerRegion)
	}
	p.acls[list.ID] = list
	return api.Reply{aclID: list.ID}, nil
}

func (p *Product) describeACLs(c *api.Call) (api.Reply, *api.Error) {
	page, size, err := p.readPage(c, 10, aclPage)
	if err != nil {
		return nil, err
	}
	pairs, err := tagFilter(c)
	if err != nil {
		return nil, err
	}
	version, err := choice(c.Params, "AddressIPVersion", "", ipv4, ipv6)
	if err != nil {
		return nil, err
	}
	var found []any
	for _, list := range p.aclsByID() {
		// The name is searched for as a part.
		if list.ListAt.After(c.Now) || !strings.Contains(list.Name, c.Params["AclName"]) ||
			version != "" && list.IPVersion != version || !p.hasTags(list.Tags, pairs, c) {
			continue
		}
		found = append(found, list.reply())
	}
	items := api.PageOf(found, page, size)
	if items == nil {
		items = []any{}
	}
	return api.Reply{
		"PageNumber": page, "PageSize": size, "TotalCount": len(found), "Count": len(items), "Acls": api.Reply{"Acl": items},
	}, nil
}

func (p *Product) aclsByID() []*accessList {
	return slices.SortedFunc(maps.Values(p.acls), func(a, b *accessList) int { return cmp.Compare(a.ID, b.ID) })
}

// reply is what both Describe calls tell of a list.
func (a *accessList) reply() api.Reply {
	return api.Reply{
		aclID: a.ID, "AclName": a.Name, "AddressIPVersion": a.IPVersion, "ResourceGroupId": defaultResourceGroup,
		"ServiceManagedMode": "Unmanaged", "CreateTime": a.Created.UTC().Format(secondPrecision), "Tags": tagsReply(a.Tags),
	}
}

// describeACL tells the entries, all or, with Page, a part of them, and the
// listeners that use the list.
func (p *Product) describeACL(c *api.Call) (api.Reply, *api.Error) {
	list, err := p.findACL(c)
	if err != nil {
		return nil, err
	}
	page, err := number(c.Params, "Page", 1, 1<<30)
	if err != nil {
		return nil, err
	}
	size, err := number(c.Params, "PageSize", aclEntriesPage, aclEntriesPage)
	if err != nil {
		return nil, err
	}
	shown := list.Entries
	if c.Params["Page"] != "" || c.Params["PageSize"] != "" {
		shown = api.PageOf(list.Entries, page, size)
	}
	entries := make([]any, 0, len(shown))
	for _, entry := range shown {
		entries = append(entries, api.Reply{"AclEntryIP": entry.String(), "AclEntryComment": list.Comments[entry]})
	}
	related := []any{}
	for _, use := range p.usersOf(list) {
		related = append(related, api.Reply{
			"LoadBalancerId": use.lb.ID, "ListenerPort": use.listener.Port, "Protocol": use.listener.Protocol, "AclType": use.listener.value("AclType"),
		})
	}
	r := list.reply()
	r["TotalAclEntry"] = len(list.Entries)
	r[aclEntries] = api.Reply{"AclEntry": entries}
	r["RelatedListeners"] = api.Reply{"RelatedListener": related}
	return r, nil
}

// use is a listener with its load balancer.
type use struct {
	lb       *loadBalancer
	listener *listener
}

// usersOf are the listeners that a list is bound to.
func (p *Product) usersOf(list *accessList) []use {
	var out []use
	for _, lb := range p.order {
		if p.byID[lb.ID] != lb {
			continue
		}
		for _, l := range lb.Listeners {
			if l.value("AclStatus") == on && slices.Contains(l.aclIDs(), list.ID) {
				out = append(out, use{lb, l})
			}
		}
	}
	return out
}

func (p *Product) deleteACL(c *api.Call) (api.Reply, *api.Error) {
	list, err := p.findACLToChange(c)
	if err != nil {
		return nil, err
	}
	if users := p.usersOf(list); len(users) > 0 {
		return nil, refuse("AclInUsed", "The access control list %s is used by %d listeners.", list.ID, len(users))
	}
	delete(p.acls, list.ID)
	return api.Reply{}, nil
}
