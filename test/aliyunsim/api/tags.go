package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of tags that ECS, VPC and SLB share: pairs a call, resources a call (ECS
// and VPC), letters of a key and of a value, lines a page of ListTagResources.
const (
	maxTagsPerCall      = 20
	maxResourcesPerCall = 50
	maxTagLength        = 128
	tagPage             = 50
)

// Tags reads the Tag.N.Key/Value pairs that a create or TagResources call sets.
func (p Params) Tags() (map[string]string, *Error) {
	pairs := p.Structs("Tag")
	if len(pairs) > maxTagsPerCall {
		return nil, Errorf(http.StatusBadRequest, "InvalidParameter.TagCount", "At most %d tags are allowed in one call.", maxTagsPerCall)
	}
	tags := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value := pair["Key"], pair["Value"]
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagLength || forbiddenTag(key):
			return nil, Errorf(http.StatusBadRequest, "InvalidTagKey.Malformed", "The specified Tag.n.Key %q is not valid.", key)
		case utf8.RuneCountInString(value) > maxTagLength || strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://"):
			return nil, Errorf(http.StatusBadRequest, "InvalidTagValue.Malformed", "The specified Tag.n.Value %q is not valid.", value)
		}
		if _, twice := tags[key]; twice {
			return nil, Errorf(http.StatusBadRequest, "Duplicate.TagKey", "The specified Tag.n.Key %q is given twice.", key)
		}
		tags[key] = value
	}
	return tags, nil
}

func forbiddenTag(key string) bool {
	lower := strings.ToLower(key)
	for _, prefix := range []string{"aliyun", "acs:", "http://", "https://"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	return false
}

// HasTags says whether tags hold every Tag.N pair of the request's filter; a pair
// without a value matches the key alone.
func (p Params) HasTags(tags map[string]string) bool {
	for i := 1; ; i++ {
		prefix := "Tag." + strconv.Itoa(i)
		key, ok := p[prefix+".Key"]
		if !ok {
			return true
		}
		have, ok := tags[key]
		if want, asked := p[prefix+".Value"]; !ok || asked && want != have {
			return false
		}
	}
}

// Tagged is what a product lends to the tag actions.
type Tagged struct {
	// Tags returns the living tag map of a resource, nil when there is none such.
	Tags func(resourceType, id string) map[string]string
	// IDs lists the resources of a type; nil when the product has no such type.
	IDs func(resourceType string) []string
	// PerResource is how many tags a resource may have.
	PerResource func() int
}

// TagResources sets Tag.N on ResourceId.N: on all of them or, when any check
// fails, on none.
func (t Tagged) TagResources(c *Call) (Reply, *Error) {
	targets, err := t.targets(c)
	if err != nil {
		return nil, err
	}
	tags, err := c.Params.Tags()
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, Missing("Tag.1.Key")
	}
	for _, target := range targets {
		count := len(target)
		for key := range tags {
			if _, has := target[key]; !has {
				count++
			}
		}
		if count > t.PerResource() {
			return nil, Errorf(http.StatusBadRequest, "QuotaExceeded.TagsPerResource", "A resource can have at most %d tags.", t.PerResource())
		}
	}
	for _, target := range targets {
		maps.Copy(target, tags)
	}
	return Reply{}, nil
}

// UntagResources removes TagKey.N, or with All every tag, from ResourceId.N. An
// absent tag is no failure.
func (t Tagged) UntagResources(c *Call) (Reply, *Error) {
	targets, err := t.targets(c)
	if err != nil {
		return nil, err
	}
	all, err := c.Params.Bool("All", false)
	if err != nil {
		return nil, err
	}
	keys := c.Params.List("TagKey")
	if len(keys) == 0 && !all {
		return nil, Missing("TagKey.1")
	}
	for _, target := range targets {
		if len(keys) == 0 {
			clear(target)
		}
		for _, key := range keys {
			delete(target, key)
		}
	}
	return Reply{}, nil
}

// ListTagResources lists tags by ResourceId.N, by Tag.N, or by both, 50 a page.
func (t Tagged) ListTagResources(c *Call) (Reply, *Error) {
	kind := c.Params["ResourceType"]
	ids := c.Params.List("ResourceId")
	wanted := c.Params.Structs("Tag")
	if len(ids) > maxResourcesPerCall {
		return nil, Invalid("ResourceId", strconv.Itoa(len(ids))+" ids")
	}
	if len(ids) == 0 && len(wanted) == 0 {
		return nil, Missing("ResourceId.1")
	}
	all := t.IDs(kind)
	if all == nil {
		return nil, Invalid("ResourceType", kind)
	}
	if len(ids) == 0 {
		ids = all
	}
	after, err := c.Position("InvalidParameter.NextToken")
	if err != nil {
		return nil, err
	}
	lines := []Reply{}
	next, last := "", ""
	for _, id := range slices.Sorted(slices.Values(ids)) {
		tags := t.Tags(kind, id)
		if !c.Params.HasTags(tags) {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			at := id + "\x00" + key
			if at <= after || len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w Params) bool { return w["Key"] == key }) {
				continue
			}
			if len(lines) == tagPage {
				next = c.NextToken(last)
				break
			}
			lines = append(lines, Reply{"ResourceId": id, "ResourceType": kind, "TagKey": key, "TagValue": tags[key]})
			last = at
		}
		if next != "" {
			break
		}
	}
	return Reply{"NextToken": next, "TagResources": Reply{"TagResource": lines}}, nil
}

// targets returns the tag maps of ResourceId.N.
func (t Tagged) targets(c *Call) ([]map[string]string, *Error) {
	kind := c.Params["ResourceType"]
	ids := c.Params.List("ResourceId")
	switch {
	case len(ids) == 0:
		return nil, Missing("ResourceId.1")
	case len(ids) > maxResourcesPerCall:
		return nil, Invalid("ResourceId", strconv.Itoa(len(ids))+" ids")
	case t.IDs(kind) == nil:
		return nil, Invalid("ResourceType", kind)
	}
	targets := make([]map[string]string, 0, len(ids))
	for _, id := range ids {
		tags := t.Tags(kind, id)
		if tags == nil {
			return nil, Errorf(http.StatusNotFound, "InvalidResourceId.NotFound", "The specified ResourceId %q does not exist.", id)
		}
		targets = append(targets, tags)
	}
	return targets, nil
}
