package slb

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func (p *Product) describeLoadBalancers(c *api.Call) (api.Reply, *api.Error) {
	page, size, err := p.readPage(c, 50, 100)
	if err != nil {
		return nil, err
	}
	wanted, err := p.listFilter(c)
	if err != nil {
		return nil, err
	}
	candidates, err := p.candidates(c)
	if err != nil {
		return nil, err
	}
	items := []any{}
	total := 0
	for _, lb := range candidates {
		if lb.ListAt.After(c.Now) || !wanted(lb) {
			continue
		}
		if total >= (page-1)*size && len(items) < size {
			items = append(items, p.listed(lb))
		}
		total++
	}
	return api.Reply{
		"PageNumber": page, "PageSize": size, "TotalCount": total,
		"LoadBalancers": api.Reply{"LoadBalancer": items},
	}, nil
}

// readPage reads PageNumber and PageSize. A size without a page number is
// refused; one that is too large is refused or clamped, as the knob says.
func (p *Product) readPage(c *api.Call, fallback, most int) (page, size int, err *api.Error) {
	if c.Params["PageSize"] != "" && c.Params["PageNumber"] == "" {
		return 0, 0, api.Missing("PageNumber")
	}
	if page, err = number(c.Params, "PageNumber", 1, 1<<30); err != nil {
		return 0, 0, err
	}
	if size, err = c.Params.Int("PageSize", fallback); err != nil {
		return 0, 0, err
	}
	if size > most && p.knobs.ClampPageSize {
		size = most
	}
	if size < 1 || size > most {
		return 0, 0, api.Invalid("PageSize", c.Params["PageSize"])
	}
	return page, size, nil
}

// candidates narrows a list down by the best index: ids, tags, a server, or all.
func (p *Product) candidates(c *api.Call) ([]*loadBalancer, *api.Error) {
	pairs, err := tagFilter(c)
	if err != nil {
		return nil, err
	}
	found := map[*loadBalancer]struct{}{}
	switch {
	case c.Params["LoadBalancerId"] != "":
		ids := strings.Split(c.Params["LoadBalancerId"], ",")
		if len(ids) > 10 {
			return nil, invalid("At most 10 LoadBalancerId can be given.")
		}
		for _, lb := range p.order {
			if slices.Contains(ids, lb.ID) {
				found[lb] = struct{}{}
			}
		}
	case len(pairs) > 0 && !slices.ContainsFunc(pairs, func(t tag) bool { return t.Value == "" }):
		for _, t := range pairs {
			maps.Copy(found, p.tagged[tagKey{t.Key, t.Value}])
		}
	case c.Params["ServerId"] != "":
		for lb := range p.attached[c.Params["ServerId"]] {
			found[lb] = struct{}{}
		}
	default:
		return p.order, nil
	}
	return slices.SortedFunc(maps.Keys(found), byAge), nil
}

// listFilter makes one predicate of all filters of DescribeLoadBalancers.
func (p *Product) listFilter(c *api.Call) (func(*loadBalancer) bool, *api.Error) {
	pairs, err := tagFilter(c)
	if err != nil {
		return nil, err
	}
	var names []string
	if v := c.Params["LoadBalancerName"]; v != "" {
		if names = strings.Split(v, ","); len(names) > 10 {
			return nil, invalid("At most 10 LoadBalancerName can be given.")
		}
	}
	fuzzy := slices.Contains([]string{"true", "on", "1"}, strings.ToLower(c.Params["Fuzzy"]))
	hasName := func(lb *loadBalancer) bool {
		return names == nil || slices.ContainsFunc(names, func(n string) bool {
			return n == lb.Name || fuzzy && strings.Contains(lb.Name, n)
		})
	}
	server := c.Params["ServerId"]
	plain := plainFilters(c.Params)
	return func(lb *loadBalancer) bool {
		if server != "" && p.attached[server][lb] == 0 {
			return false
		}
		for field, value := range plain {
			if !slices.Contains(filterable(lb, field), value) {
				return false
			}
		}
		return hasName(lb) && p.hasTags(lb.Tags, pairs, c)
	}, nil
}

// plainFilters are the filters that compare one field.
func plainFilters(q api.Params) map[string]string {
	out := map[string]string{}
	for _, name := range []string{
		"Address", "AddressIPVersion", "AddressType", "InstanceChargeType", "InternetChargeType", "LoadBalancerStatus",
		"MasterZoneId", "NetworkType", "PayType", "ResourceGroupId", "SlaveZoneId", "VSwitchId", "VpcId",
	} {
		if q[name] != "" {
			out[name] = q[name]
		}
	}
	return out
}

// filterable lists the values of a load balancer's field that a filter matches.
func filterable(lb *loadBalancer, field string) []string {
	switch field {
	case "Address":
		return []string{lb.Address}
	case "AddressIPVersion":
		return []string{lb.AddressIPVersion}
	case "AddressType":
		return []string{lb.AddressType}
	case "InstanceChargeType":
		return []string{lb.InstanceChargeType}
	case "InternetChargeType":
		return []string{lb.InternetChargeType, chargeNumber(lb.InternetChargeType)}
	case "LoadBalancerStatus":
		return []string{lb.status()}
	case "MasterZoneId":
		return []string{lb.MasterZoneID}
	case "NetworkType":
		return []string{lb.networkType()}
	case "PayType":
		return []string{"PayOnDemand"}
	case "ResourceGroupId":
		return []string{lb.ResourceGroupID}
	case "SlaveZoneId":
		return []string{lb.SlaveZoneID}
	case "VSwitchId":
		return []string{lb.VSwitchID}
	case "VpcId":
		return []string{lb.VPCID}
	default:
		return nil
	}
}

// tagFilter reads the tags to look for: Tag.N, and the older Tags, which is a
// JSON array of {TagKey, TagValue} or a JSON dictionary. An empty value matches
// any value.
func tagFilter(c *api.Call) ([]tag, *api.Error) {
	var pairs []tag
	for _, t := range c.Params.Structs("Tag") {
		if t["Key"] == "" {
			return nil, api.Missing("Tag.Key")
		}
		pairs = append(pairs, tag{Key: t["Key"], Value: t["Value"]})
	}
	old, err := oldTags(c.Params["Tags"])
	if err != nil {
		return nil, err
	}
	pairs = append(pairs, old...)
	if len(pairs) > 10 {
		return nil, invalid("At most 10 tags can be given.")
	}
	return pairs, nil
}

// oldTags reads the Tags parameter.
func oldTags(value string) ([]tag, *api.Error) {
	if value == "" {
		return nil, nil
	}
	var list []struct{ TagKey, TagValue string }
	if json.Unmarshal([]byte(value), &list) == nil {
		out := make([]tag, 0, len(list))
		for _, t := range list {
			if t.TagKey == "" {
				return nil, api.Invalid("Tags", value)
			}
			out = append(out, tag{Key: t.TagKey, Value: t.TagValue})
		}
		return out, nil
	}
	var dictionary map[string]string
	if json.Unmarshal([]byte(value), &dictionary) != nil {
		return nil, api.Invalid("Tags", value)
	}
	out := make([]tag, 0, len(dictionary))
	for _, k := range slices.Sorted(maps.Keys(dictionary)) {
		out = append(out, tag{Key: k, Value: dictionary[k]})
	}
	return out, nil
}

// hasTags compares tags with the wanted pairs: any of them, or all where the
// knob says so. Tags that the index does not hold yet do not count.
func (p *Product) hasTags(tags, pairs []tag, c *api.Call) bool {
	if len(pairs) == 0 {
		return true
	}
	found := func(want tag) bool {
		return slices.ContainsFunc(tags, func(t tag) bool {
			return t.Key == want.Key && (want.Value == "" || t.Value == want.Value) && !t.ListedAt.After(c.Now)
		})
	}
	if p.knobs.TagsMatchAll {
		return !slices.ContainsFunc(pairs, func(t tag) bool { return !found(t) })
	}
	return slices.ContainsFunc(pairs, found)
}
