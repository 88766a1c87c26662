package slb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

const (
	tagsPerCall      = 20
	resourcesPerCall = 20
	tagPage          = 50
)

func tagsReply(tags []tag) tagReply {
	items := make([]tagItem, 0, len(tags))
	for _, t := range tags {
		items = append(items, tagItem{t.Key, t.Value})
	}
	return tagReply{Tag: items}
}

// readTags reads Tag.N of a call that creates or tags something, and returns the
// tags that existing become by it.
func (p *Product) readTags(c *api.Call, existing []tag) ([]tag, *api.Error) {
	pairs := c.Params.Structs("Tag")
	if len(pairs) > tagsPerCall {
		return nil, refuse("TagCountLimit", "At most %d tags can be given.", tagsPerCall)
	}
	given := make([]tag, 0, len(pairs))
	for _, t := range pairs {
		given = append(given, tag{Key: t["Key"], Value: t["Value"]})
	}
	return p.mergeTags(c, existing, given)
}

// mergeTags sets the given tags over existing ones; both stay as they are.
func (p *Product) mergeTags(c *api.Call, existing, given []tag) ([]tag, *api.Error) {
	out := slices.Clone(existing)
	seen := map[string]bool{}
	for _, t := range given {
		if err := checkTag(t.Key, t.Value); err != nil {
			return nil, err
		}
		if seen[t.Key] {
			return nil, refuse("DuplicatedParam", "The tag key %q is given twice.", t.Key)
		}
		seen[t.Key] = true
		t.ListedAt = p.lagged(c, p.knobs.TagLag)
		if i := slices.IndexFunc(out, func(x tag) bool { return x.Key == t.Key }); i < 0 {
			out = append(out, t)
		} else if out[i].Value != t.Value {
			out[i] = t
		}
	}
	if len(out) > p.knobs.TagsPerObject {
		return nil, refuse("TagCountLimit", "The number of tags exceeds the limit of %d.", p.knobs.TagsPerObject)
	}
	return out, nil
}

func checkTag(key, value string) *api.Error {
	if key == "" || len([]rune(key)) > 64 || forbiddenTag(key) {
		return refuse("InvalidTagKey.Malformed", "The specified tag key %q is not valid.", key)
	}
	if len([]rune(value)) > 128 || strings.Contains(value, "http://") || strings.Contains(value, "https://") {
		return refuse("InvalidTagValue.Malformed", "The specified tag value %q is not valid.", value)
	}
	return nil
}

func forbiddenTag(key string) bool {
	return strings.HasPrefix(key, "aliyun") || strings.HasPrefix(key, "acs:") ||
		strings.Contains(key, "http://") || strings.Contains(key, "https://")
}

// resource is something that carries tags. lb is nil for what belongs to none.
type resource struct {
	id   string
	tags *[]tag
	lb   *loadBalancer
}

// resource finds a tagged resource by type and id, as calls by id see it.
func (p *Product) resource(c *api.Call, kind, id string) (resource, *api.Error) {
	missing := api.Errorf(404, "InvalidResourceId.NotFound", "The specified ResourceId %s does not exist.", id)
	visible := func(lb *loadBalancer) bool { return lb != nil && !lb.GetAt.After(c.Now) }
	switch kind {
	case "instance":
		if lb := p.byID[id]; visible(lb) {
			return resource{id, &lb.Tags, lb}, nil
		}
	case "listener":
		parts := strings.Split(id, "_")
		if len(parts) != 3 {
			return resource{}, missing
		}
		port, err := strconv.Atoi(parts[2])
		if lb := p.byID[parts[0]]; err == nil && visible(lb) {
			if l := lb.findListener(port, strings.ToLower(parts[1])); l != nil {
				return resource{id, &l.Tags, lb}, nil
			}
		}
	case "vservergroup":
		if g := p.groups[id]; g != nil && visible(g.owner) {
			return resource{id, &g.Tags, g.owner}, nil
		}
	case "certificate":
		if s := p.certificates[id]; s != nil {
			return resource{id, &s.Tags, nil}, nil
		}
	case "acl":
		if a := p.acls[id]; a != nil {
			return resource{id, &a.Tags, nil}, nil
		}
	default:
		return resource{}, api.Invalid("ResourceType", kind)
	}
	return resource{}, missing
}

// readResources finds the resources that a tag call names.
func (p *Product) readResources(c *api.Call) ([]resource, *api.Error) {
	ids := c.Params.List("ResourceId")
	if len(ids) == 0 {
		return nil, api.Missing("ResourceId.1")
	}
	if len(ids) > resourcesPerCall {
		return nil, invalid("At most %d ResourceId can be given.", resourcesPerCall)
	}
	out := make([]resource, 0, len(ids))
	for _, id := range ids {
		r, err := p.resource(c, c.Params["ResourceType"], id)
		if err != nil {
			return nil, err
		}
		if r.lb != nil && r.lb.Locked {
			return nil, locked()
		}
		out = append(out, r)
	}
	return out, nil
}

// setTags replaces a resource's tags. Tags are kept by a service of their own:
// a busy load balancer takes them, and they make none busy.
func (p *Product) setTags(r resource, tags []tag) {
	if r.lb != nil && r.tags == &r.lb.Tags {
		p.unindexTags(r.lb, r.lb.Tags)
		p.indexTags(r.lb, tags)
	}
	*r.tags = tags
}

func (p *Product) tagResources(c *api.Call) (api.Reply, *api.Error) {
	resources, err := p.readResources(c)
	if err != nil {
		return nil, err
	}
	if len(c.Params.Structs("Tag")) == 0 {
		return nil, api.Missing("Tag.1.Key")
	}
	results := make([][]tag, 0, len(resources))
	for _, r := range resources {
		tags, err := p.readTags(c, *r.tags)
		if err != nil {
			return nil, err
		}
		results = append(results, tags)
	}
	for i, r := range resources {
		p.setTags(r, results[i])
	}
	return api.Reply{}, nil
}

func (p *Product) untagResources(c *api.Call) (api.Reply, *api.Error) {
	resources, err := p.readResources(c)
	if err != nil {
		return nil, err
	}
	all, err := c.Params.Bool("All", false)
	if err != nil {
		return nil, err
	}
	keys := c.Params.List("TagKey")
	switch {
	case len(keys) == 0 && !all:
		return nil, api.Missing("TagKey.1")
	case len(keys) > tagsPerCall:
		return nil, refuse("TagCountLimit", "At most %d tag keys can be given.", tagsPerCall)
	}
	for _, r := range resources {
		p.setTags(r, slices.DeleteFunc(slices.Clone(*r.tags), func(t tag) bool {
			return len(keys) == 0 || slices.Contains(keys, t.Key)
		}))
	}
	return api.Reply{}, nil
}

// taggable lists the resources of a type that ListTagResources looks at.
func (p *Product) taggable(c *api.Call, kind string) ([]resource, *api.Error) {
	if ids := c.Params.List("ResourceId"); len(ids) > 0 {
		if len(ids) > resourcesPerCall {
			return nil, invalid("At most %d ResourceId can be given.", resourcesPerCall)
		}
		var out []resource
		for _, id := range ids {
			if r, err := p.resource(c, kind, id); err == nil {
				out = append(out, r)
			}
		}
		return out, nil
	}
	var out []resource
	for _, lb := range p.order {
		if p.byID[lb.ID] != lb || lb.GetAt.After(c.Now) {
			continue
		}
		switch kind {
		case "instance":
			out = append(out, resource{lb.ID, &lb.Tags, lb})
		case "listener":
			for _, l := range lb.Listeners {
				out = append(out, resource{lb.ID + "_" + l.Protocol + "_" + strconv.Itoa(l.Port), &l.Tags, lb})
			}
		case "vservergroup":
			for _, g := range lb.Groups {
				out = append(out, resource{g.ID, &g.Tags, lb})
			}
		}
	}
	for _, s := range p.certificates {
		if kind == "certificate" {
			out = append(out, resource{s.ID, &s.Tags, nil})
		}
	}
	for _, a := range p.acls {
		if kind == "acl" {
			out = append(out, resource{a.ID, &a.Tags, nil})
		}
	}
	slices.SortStableFunc(out, func(a, b resource) int { return strings.Compare(a.id, b.id) })
	return out, nil
}

func (p *Product) listTagResources(c *api.Call) (api.Reply, *api.Error) {
	kind := c.Params["ResourceType"]
	if !slices.Contains([]string{"instance", "listener", "vservergroup", "certificate", "acl"}, kind) {
		return nil, api.Invalid("ResourceType", kind)
	}
	pairs := []tag{}
	for _, t := range c.Params.Structs("Tag") {
		pairs = append(pairs, tag{Key: t["Key"], Value: t["Value"]})
	}
	resources, err := p.taggable(c, kind)
	if err != nil {
		return nil, err
	}
	after, err := c.Position(badToken)
	if err != nil {
		return nil, err
	}
	items := []any{}
	last := ""
	for _, r := range resources {
		if !p.hasTags(*r.tags, pairs, c) {
			continue
		}
		for _, t := range slices.SortedFunc(slices.Values(*r.tags), func(a, b tag) int { return strings.Compare(a.Key, b.Key) }) {
			position := r.id + " " + t.Key
			if after != "" && position <= after {
				continue
			}
			if len(items) == tagPage {
				return tagPageReply(items, c.NextToken(last)), nil
			}
			items = append(items, api.Reply{
				"ResourceId": r.id, "ResourceType": kind, "TagKey": t.Key, "TagValue": t.Value,
			})
			last = position
		}
	}
	return tagPageReply(items, ""), nil
}

func tagPageReply(items []any, next string) api.Reply {
	return api.Reply{"NextToken": next, "TagResources": api.Reply{"TagResource": items}}
}
