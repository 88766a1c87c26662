package slb

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// tagsOf lists a resource's tags as key=value.
func (r *rig) tagsOf(kind, id string) string {
	r.t.Helper()
	got := sdk.CreateListTagResourcesResponse()
	r.read(got, "ListTagResources", "ResourceType", kind, "ResourceId.1", id)
	out := make([]string, 0, len(got.TagResources.TagResource))
	for _, t := range got.TagResources.TagResource {
		if t.ResourceId != id || t.ResourceType != kind {
			r.t.Errorf("tag of another resource: %+v", t)
		}
		out = append(out, t.TagKey+"="+t.TagValue)
	}
	return strings.Join(out, " ")
}

func TestTagsOfEveryResourceType(t *testing.T) {
	r := newRig(t)
	if err := r.p.Seed(Seed{Certificates: []CertificateSeed{{ID: "cert-1"}}, ACLs: []ACLSeed{{ID: "acl-1"}}}); err != nil {
		t.Fatal(err)
	}
	lb := r.create("Tag.1.Key", "b", "Tag.1.Value", "old")
	r.listen(lb, 80)
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb).id("VServerGroupId")
	for kind, id := range map[string]string{
		"instance": lb, "listener": lb + "_tcp_80", "vservergroup": group, "certificate": "cert-1", "acl": "acl-1",
	} {
		r.do("TagResources", "ResourceType", kind, "ResourceId.1", id, "Tag.1.Key", "b", "Tag.1.Value", "2", "Tag.2.Key", "a")
		if got := r.tagsOf(kind, id); got != "a= b=2" {
			t.Errorf("%s: %s", kind, got)
		}
		r.do("UntagResources", "ResourceType", kind, "ResourceId.1", id, "TagKey.1", "a", "TagKey.2", "none")
		if got := r.tagsOf(kind, id); got != "b=2" {
			t.Errorf("%s after removal: %s", kind, got)
		}
		r.do("UntagResources", "ResourceType", kind, "ResourceId.1", id, "All", "true")
		if got := r.tagsOf(kind, id); got != "" {
			t.Errorf("%s after removal of all: %s", kind, got)
		}
	}
}

func TestBadTagCallsLeaveNoTrace(t *testing.T) {
	r := newRig(t)
	one, two := r.create(), r.create()
	for i := range 20 {
		r.do("TagResources", "ResourceType", "instance", "ResourceId.1", two, "Tag.1.Key", "k"+strconv.Itoa(i))
	}
	base := []string{"ResourceType", "instance", "ResourceId.1", one}
	tags := func(pairs ...string) []string { return append(base, pairs...) }
	many := base
	for i := range 21 {
		many = append(many, fmt.Sprintf("Tag.%d.Key", i+1), strconv.Itoa(i))
	}
	ids := append(make([]string, 0, 46), "ResourceType", "instance", "Tag.1.Key", "k")
	for i := range 21 {
		ids = append(ids, "ResourceId."+strconv.Itoa(i+1), one)
	}
	for _, c := range []struct {
		status int
		code   string
		pairs  []string
	}{
		{400, "InvalidTagKey.Malformed", tags("Tag.1.Key", "aliyunx")},
		{400, "InvalidTagKey.Malformed", tags("Tag.1.Key", "https://x")},
		{400, "InvalidTagKey.Malformed", tags("Tag.1.Key", strings.Repeat("x", 65))},
		{400, "InvalidTagKey.Malformed", tags("Tag.1.Key", "")},
		{400, "InvalidTagValue.Malformed", tags("Tag.1.Key", "k", "Tag.1.Value", strings.Repeat("x", 129))},
		{400, "DuplicatedParam", tags("Tag.1.Key", "k", "Tag.2.Key", "k")},
		{400, "TagCountLimit", many},
		{400, "TagCountLimit", tags("ResourceId.2", two, "Tag.1.Key", "one-more")},
		{400, "InvalidParameter", ids},
		{400, "MissingParameter", base},
		{400, "MissingParameter", []string{"ResourceType", "instance", "Tag.1.Key", "k"}},
		{400, "InvalidParameter", []string{"ResourceType", "disk", "ResourceId.1", one, "Tag.1.Key", "k"}},
		{404, "InvalidResourceId.NotFound", tags("ResourceId.2", "lb-none", "Tag.1.Key", "k")},
		{404, "InvalidResourceId.NotFound", []string{"ResourceType", "listener", "ResourceId.1", one + "_tcp_80", "Tag.1.Key", "k"}},
	} {
		r.refused(c.status, c.code, "TagResources", c.pairs...)
	}
	r.refused(400, "MissingParameter", "UntagResources", base...)
	// A tag that is there may change in a full resource.
	r.do("TagResources", "ResourceType", "instance", "ResourceId.1", two, "Tag.1.Key", "k3", "Tag.1.Value", "new")
}

func TestTagListIsPagedByToken(t *testing.T) {
	r := newRig(t)
	for range 8 {
		lb := r.create()
		for k := range 10 {
			r.do("TagResources", "ResourceType", "instance", "ResourceId.1", lb, "Tag.1.Key", "k"+strconv.Itoa(k))
		}
	}
	seen, token := map[string]bool{}, ""
	for pages := 1; ; pages++ {
		got := sdk.CreateListTagResourcesResponse()
		r.read(got, "ListTagResources", "ResourceType", "instance", "NextToken", token)
		for _, x := range got.TagResources.TagResource {
			seen[x.ResourceId+x.TagKey] = true
		}
		if token = got.NextToken; token == "" {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		r.refused(400, "InvalidParameter.NextToken", "ListTagResources", "ResourceType", "listener", "NextToken", token)
	}
	if len(seen) != 80 {
		t.Errorf("%d tags seen", len(seen))
	}
	got := sdk.CreateListTagResourcesResponse()
	r.read(got, "ListTagResources", "ResourceType", "instance", "Tag.1.Key", "none")
	if len(got.TagResources.TagResource) != 0 {
		t.Errorf("by an absent tag: %+v", got.TagResources)
	}
}

func TestOlderTagCalls(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.do("AddTags", "LoadBalancerId", lb, "Tags", `[{"TagKey":"a","TagValue":"1"},{"TagKey":"b","TagValue":"2"}]`)
	r.do("RemoveTags", "LoadBalancerId", lb, "Tags", `[{"TagKey":"a","TagValue":"1"},{"TagKey":"b","TagValue":"other"}]`)
	got := sdk.CreateDescribeTagsResponse()
	r.read(got, "DescribeTags", "LoadBalancerId", lb)
	if s := got.TagSets.TagSet; got.TotalCount != 1 || len(s) != 1 || s[0].TagKey != "b" || s[0].InstanceCount != 1 {
		t.Errorf("tags: %+v", got)
	}
	r.refused(400, "MissingParameter", "AddTags", "LoadBalancerId", lb, "Tags", "[]")
}
