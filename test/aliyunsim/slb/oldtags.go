package slb

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// addTags, removeTags and describeTags are the older tag calls of instances.
func (p *Product) addTags(c *api.Call) (api.Reply, *api.Error) {
	lb, given, err := p.readOldTags(c)
	if err != nil {
		return nil, err
	}
	tags, err := p.mergeTags(c, lb.Tags, given)
	if err != nil {
		return nil, err
	}
	p.setTags(resource{lb.ID, &lb.Tags, lb}, tags)
	return api.Reply{}, nil
}

func (p *Product) removeTags(c *api.Call) (api.Reply, *api.Error) {
	lb, given, err := p.readOldTags(c)
	if err != nil {
		return nil, err
	}
	p.setTags(resource{lb.ID, &lb.Tags, lb}, slices.DeleteFunc(slices.Clone(lb.Tags), func(t tag) bool {
		return slices.ContainsFunc(given, func(o tag) bool { return o.Key == t.Key && o.Value == t.Value })
	}))
	return api.Reply{}, nil
}

func (p *Product) readOldTags(c *api.Call) (*loadBalancer, []tag, *api.Error) {
	lb, err := p.find(c)
	if err != nil {
		return nil, nil, err
	}
	if lb.Locked {
		return nil, nil, locked()
	}
	given, err := oldTags(c.Params["Tags"])
	if err != nil {
		return nil, nil, err
	}
	if len(given) == 0 {
		return nil, nil, api.Missing("Tags")
	}
	return lb, given, nil
}

func (p *Product) describeTags(c *api.Call) (api.Reply, *api.Error) {
	page, size, err := p.readPage(c, 50, 50)
	if err != nil {
		return nil, err
	}
	filter, err := oldTags(c.Params["Tags"])
	if err != nil {
		return nil, err
	}
	only := c.Params["LoadBalancerId"]
	counts := map[tagKey]int{}
	for k, lbs := range p.tagged {
		if len(filter) > 0 && !slices.ContainsFunc(filter, func(t tag) bool {
			return t.Key == k.key && (t.Value == "" || t.Value == k.value)
		}) {
			continue
		}
		for lb := range lbs {
			if lb.GoneAt.IsZero() && !lb.ListAt.After(c.Now) && (only == "" || lb.ID == only) {
				counts[k]++
			}
		}
	}
	sets := []any{}
	for i, k := range slices.SortedFunc(maps.Keys(counts), func(a, b tagKey) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value))
	}) {
		if i >= (page-1)*size && i < page*size {
			sets = append(sets, api.Reply{"TagKey": k.key, "TagValue": k.value, "InstanceCount": counts[k]})
		}
	}
	return api.Reply{
		"PageNumber": page, "PageSize": size, "TotalCount": len(counts), "TagSets": api.Reply{"TagSet": sets},
	}, nil
}
