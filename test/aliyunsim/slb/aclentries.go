package slb

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// aclEntry is an entry of AclEntrys, which is a JSON array in one parameter.
type aclEntry struct {
	Entry   string `json:"entry"`
	Comment string `json:"comment"`
}

// addACLEntries adds entries, all or none. One that is there is refused.
func (p *Product) addACLEntries(c *api.Call) (api.Reply, *api.Error) {
	list, given, err := p.readACLEntries(c)
	if err != nil {
		return nil, err
	}
	after, comments := slices.Clone(list.Entries), map[netip.Prefix]string{}
	for _, e := range given {
		prefix, err := list.prefix(e.Entry)
		if err != nil {
			return nil, err
		}
		if slices.Contains(after, prefix) {
			return nil, invalid("The entry %s is already in the access control list.", prefix)
		}
		after = append(after, prefix)
		if e.Comment != "" {
			comments[prefix] = e.Comment
		}
	}
	if len(after) > p.knobs.EntriesPerACL {
		return nil, refuse("QuotaLimitExceeds.AclEntry", "The number of entries exceeds the limit of %d.", p.knobs.EntriesPerACL)
	}
	list.Entries = after
	for prefix, comment := range comments {
		if list.Comments == nil {
			list.Comments = map[netip.Prefix]string{}
		}
		list.Comments[prefix] = comment
	}
	list.BusyUntil = c.Now.Add(c.Latency)
	return api.Reply{}, nil
}

// removeACLEntries removes entries, all or none. One that is not there is
// refused.
func (p *Product) removeACLEntries(c *api.Call) (api.Reply, *api.Error) {
	list, given, err := p.readACLEntries(c)
	if err != nil {
		return nil, err
	}
	after := slices.Clone(list.Entries)
	for _, e := range given {
		prefix, err := list.prefix(e.Entry)
		if err != nil {
			return nil, err
		}
		i := slices.Index(after, prefix)
		if i < 0 {
			return nil, invalid("The entry %s is not in the access control list.", prefix)
		}
		after = slices.Delete(after, i, i+1)
	}
	for _, prefix := range list.Entries {
		if !slices.Contains(after, prefix) {
			delete(list.Comments, prefix)
		}
	}
	list.Entries = after
	list.BusyUntil = c.Now.Add(c.Latency)
	return api.Reply{}, nil
}

func (p *Product) readACLEntries(c *api.Call) (*accessList, []aclEntry, *api.Error) {
	list, err := p.findACLToChange(c)
	if err != nil {
		return nil, nil, err
	}
	var given []aclEntry
	if _, err := c.Params.JSON(aclEntries, &given); err != nil {
		return nil, nil, err
	}
	switch {
	case len(given) == 0:
		return nil, nil, refuse("AclEntryEmpty", "No entry is given.")
	case len(given) > p.knobs.EntriesPerACLCall:
		return nil, nil, invalid("At most %d entries can be given.", p.knobs.EntriesPerACLCall)
	}
	return list, given, nil
}

// prefix reads an entry: an address or a range of the list's family.
func (a *accessList) prefix(text string) (netip.Prefix, *api.Error) {
	whole := text
	if address, err := netip.ParseAddr(text); err == nil {
		whole = netip.PrefixFrom(address, address.BitLen()).String()
	}
	prefix, err := netip.ParsePrefix(whole)
	if err != nil || prefix.Addr().Is4() != (a.IPVersion == ipv4) || strings.Contains(text, "%") {
		return netip.Prefix{}, api.Invalid(aclEntries, text)
	}
	return prefix, nil
}

// ChangeACL adds an entry to a list, or removes it when it is there, as somebody
// does by hand.
func (p *Product) ChangeACL(id string, entry netip.Prefix) error {
	list := p.acls[id]
	if list == nil {
		return fmt.Errorf("no access control list %q", id)
	}
	if i := slices.Index(list.Entries, entry); i >= 0 {
		list.Entries = slices.Delete(slices.Clone(list.Entries), i, i+1)
		return nil
	}
	list.Entries = append(slices.Clone(list.Entries), entry)
	return nil
}
