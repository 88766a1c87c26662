package ecs

import (
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

func TestServersAndInterfacesCarryTags(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-1", Interfaces: []InterfaceSeed{{ID: "eni-x"}}}, ServerSeed{ID: "i-2"})
	r.must(sdk.CreateTagResourcesResponse(), "TagResources", "ResourceType", "instance", "ResourceId.1", "i-1", "ResourceId.2", "i-2",
		"Tag.1.Key", "a", "Tag.1.Value", "1", "Tag.2.Key", "b")
	r.must(sdk.CreateTagResourcesResponse(), "TagResources", "ResourceType", "eni", "ResourceId.1", "eni-x", "Tag.1.Key", "e", "Tag.1.Value", "x")
	if got := ids(r.list("Tag.1.Key", "a", "Tag.1.Value", "1", "Tag.2.Key", "b")); len(got) != 2 {
		t.Fatal(got)
	}
	if got := r.interfaces("Tag.1.Key", "e", "Tag.1.Value", "x").NetworkInterfaceSets.NetworkInterfaceSet; len(got) != 1 || got[0].Tags.Tag[0].TagKey != "e" {
		t.Fatalf("%+v", got)
	}
	r.must(sdk.CreateUntagResourcesResponse(), "UntagResources", "ResourceType", "instance", "ResourceId.1", "i-2", "TagKey.1", "a", "TagKey.2", "none")
	listed := sdk.CreateListTagResourcesResponse()
	r.must(listed, "ListTagResources", "ResourceType", "instance", "Tag.1.Key", "a")
	if l := listed.TagResources.TagResource; len(l) != 1 || l[0].ResourceId != "i-1" || l[0].TagKey != "a" || l[0].TagValue != "1" {
		t.Fatalf("%+v", l)
	}
	r.must(sdk.CreateUntagResourcesResponse(), "UntagResources", "ResourceType", "instance", "ResourceId.1", "i-1", "All", "true")
	r.must(listed, "ListTagResources", "ResourceType", "instance", "ResourceId.1", "i-1", "ResourceId.2", "i-2")
	if l := listed.TagResources.TagResource; len(l) != 1 || l[0].ResourceId != "i-2" || l[0].TagKey != "b" {
		t.Fatalf("%+v", l)
	}
}

func TestTagListPages(t *testing.T) {
	seeds := fleet(30)
	for i := range seeds {
		seeds[i].Tags = map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}
	}
	r := newRegion(t, seeds...)
	seen := map[string]bool{}
	token := ""
	pages := 0
	for pages == 0 || token != "" {
		params := []string{"ResourceType", "instance", "Tag.1.Key", "a", "Tag.2.Key", "b", "Tag.3.Key", "c"}
		if token != "" {
			params = append(params, "NextToken", token)
		}
		reply := sdk.CreateListTagResourcesResponse()
		r.must(reply, "ListTagResources", params...)
		for _, l := range reply.TagResources.TagResource {
			seen[l.ResourceId+l.TagKey] = true
		}
		token = reply.NextToken
		pages++
	}
	if pages != 2 || len(seen) != 90 {
		t.Fatalf("%d lines on %d pages", len(seen), pages)
	}
	r.refused(400, "InvalidParameter.NextToken", "ListTagResources", "ResourceType", "instance", "Tag.1.Key", "a", "NextToken", "x")
}

func TestTagsHaveLimits(t *testing.T) {
	r := newRegion(t, fleet(2)...)
	tagging := func(more ...string) []string {
		return append([]string{"ResourceType", "instance", "ResourceId.1", "i-1"}, more...)
	}
	for _, key := range []string{"aliyun-x", "ACS:x", "http://x", "https://x", strings.Repeat("k", 129), ""} {
		r.refused(400, "InvalidTagKey.Malformed", "TagResources", tagging("Tag.1.Key", key, "Tag.1.Value", "v")...)
	}
	r.refused(400, "InvalidTagValue.Malformed", "TagResources", tagging("Tag.1.Key", "k", "Tag.1.Value", strings.Repeat("v", 129))...)
	r.refused(400, "Duplicate.TagKey", "TagResources", tagging("Tag.1.Key", "k", "Tag.2.Key", "k")...)
	r.refused(404, "InvalidResourceId.NotFound", "TagResources", tagging("ResourceId.2", "i-none", "Tag.1.Key", "k", "Tag.1.Value", "v")...)
	r.refused(400, "InvalidParameter", "TagResources", "ResourceType", "spaceship", "ResourceId.1", "i-1", "Tag.1.Key", "k")
	r.refused(400, "MissingParameter", "TagResources", tagging()...)
	r.refused(400, "MissingParameter", "UntagResources", tagging()...)
	twenty := make([]string, 0, 42)
	for i := range 20 {
		twenty = append(twenty, fmt.Sprintf("Tag.%d.Key", i+1), fmt.Sprintf("k%d", i))
	}
	r.refused(400, "InvalidParameter.TagCount", "TagResources", tagging(append(twenty, "Tag.21.Key", "k21")...)...)
	r.must(sdk.CreateTagResourcesResponse(), "TagResources", tagging(twenty...)...)
	r.refused(400, "QuotaExceeded.TagsPerResource", "TagResources", tagging("Tag.1.Key", "one-more")...)
	r.must(sdk.CreateTagResourcesResponse(), "TagResources", tagging("Tag.1.Key", "k1", "Tag.1.Value", "changed")...)
}
