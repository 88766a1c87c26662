package slb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// entries is an AclEntrys parameter.
func entries(prefixes ...string) string {
	items := make([]string, 0, len(prefixes))
	for _, p := range prefixes {
		items = append(items, fmt.Sprintf(`{"entry":%q,"comment":"c%s"}`, p, p))
	}
	return "[" + strings.Join(items, ",") + "]"
}

// many are n addresses.
func many(from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("10.%d.%d.0/24", (from+i)/250, (from+i)%250)
	}
	return out
}

func (r *rig) acl(name string, pairs ...string) string {
	r.t.Helper()
	return r.do("CreateAccessControlList", append([]string{"AclName", name}, pairs...)...).id("AclId")
}

func (r *rig) readACL(id string, pairs ...string) *sdk.DescribeAccessControlListAttributeResponse {
	r.t.Helper()
	got := sdk.CreateDescribeAccessControlListAttributeResponse()
	r.read(got, "DescribeAccessControlListAttribute", append([]string{"AclId", id}, pairs...)...)
	return got
}

func TestACLTakesEntriesAndGivesThemBack(t *testing.T) {
	r := newRig(t)
	id := r.acl("one", "Tag.1.Key", "k", "Tag.1.Value", "v")
	r.do("AddAccessControlListEntry", "AclId", id, "AclEntrys", entries("10.0.0.0/8", "192.0.2.7"))
	r.do("RemoveAccessControlListEntry", "AclId", id, "AclEntrys", entries("10.0.0.0/8"))
	got := r.restored(t).readACL(id)
	if e := got.AclEntrys.AclEntry; got.AclName != "one" || got.AddressIPVersion != ipv4 || len(e) != 1 || e[0].AclEntryIP != "192.0.2.7/32" ||
		e[0].AclEntryComment != "c192.0.2.7" || got.TotalAclEntry != 1 || got.Tags.Tag[0].TagValue != "v" {
		t.Errorf("got %+v", got)
	}
	r.do("DeleteAccessControlList", "AclId", id)
	r.refused(400, "AclNotExist", "DescribeAccessControlListAttribute", "AclId", id)
}

func TestACLEntriesAreReadInPages(t *testing.T) {
	r := newRig(t)
	id := r.acl("one")
	for n := range 3 {
		r.do("AddAccessControlListEntry", "AclId", id, "AclEntrys", entries(many(n*40, 40)...))
	}
	first, last := r.readACL(id, "Page", "1", "PageSize", "50"), r.readACL(id, "Page", "3", "PageSize", "50")
	if first.TotalAclEntry != 120 || len(first.AclEntrys.AclEntry) != 50 || len(last.AclEntrys.AclEntry) != 20 {
		t.Errorf("%d, %d of %d", len(first.AclEntrys.AclEntry), len(last.AclEntrys.AclEntry), first.TotalAclEntry)
	}
}

func TestACLsAreListedByNameFamilyAndTag(t *testing.T) {
	r := newRig(t)
	r.knobs.ListLag, r.knobs.TagLag = time.Second, 2*time.Second
	r.acl("web-one", "Tag.1.Key", "k", "Tag.1.Value", "v")
	r.acl("web-two", "AddressIPVersion", "ipv6")
	r.acl("other")
	count := func(pairs ...string) int {
		got := sdk.CreateDescribeAccessControlListsResponse()
		r.read(got, "DescribeAccessControlLists", pairs...)
		return got.TotalCount
	}
	if n := count(); n != 0 {
		t.Errorf("%d lists at once", n)
	}
	r.pass(time.Second)
	if n := count("Tag.1.Key", "k", "Tag.1.Value", "v"); n != 0 {
		t.Errorf("%d lists with the tag before its time", n)
	}
	r.pass(time.Second)
	for _, c := range []struct {
		want  int
		pairs []string
	}{
		{3, nil},
		{2, []string{"AclName", "web"}},
		{1, []string{"AclName", "web", "AddressIPVersion", "ipv6"}},
		{1, []string{"Tag.1.Key", "k", "Tag.1.Value", "v"}},
		{3, []string{"PageNumber", "2", "PageSize", "2"}},
	} {
		if n := count(c.pairs...); n != c.want {
			t.Errorf("%v: %d lists, not %d", c.pairs, n, c.want)
		}
	}
}

func TestBadACLCallsLeaveNoTrace(t *testing.T) {
	r := newRig(t)
	r.knobs.ACLsPerRegion, r.knobs.ListenersPerACL = 3, 1
	id, six := r.acl("one"), r.acl("six", "AddressIPVersion", "ipv6")
	for n := range 6 {
		r.do("AddAccessControlListEntry", "AclId", id, "AclEntrys", entries(many(n*50, 50)...))
	}
	lb := r.create()
	r.listen(lb, 80, "AclStatus", on, "AclType", "white", "AclId", id)
	add := func(id, list string) []string { return []string{"AclId", id, "AclEntrys", list} }
	for _, c := range []struct {
		what, code, action string
		pairs              []string
	}{
		{"name", "InvalidParameter", "CreateAccessControlList", []string{"AclName", "what?"}},
		{"name twice", "InvalidParameter", "CreateAccessControlList", []string{"AclName", "one"}},
		{"family", "InvalidParameter", "CreateAccessControlList", []string{"AclName", "x", "AddressIPVersion", "ipv5"}},
		{"unknown", "AclNotExist", "AddAccessControlListEntry", add("acl-none", entries("10.0.0.0/8"))},
		{"nothing", "AclEntryEmpty", "AddAccessControlListEntry", add(six, "[]")},
		{"no JSON", "InvalidParameter", "AddAccessControlListEntry", add(six, "10.0.0.0/8")},
		{"no range", "InvalidParameter", "AddAccessControlListEntry", add(six, entries("here"))},
		{"other family", "InvalidParameter", "AddAccessControlListEntry", add(six, entries("10.0.0.0/8"))},
		{"twice", "InvalidParameter", "AddAccessControlListEntry", add(six, entries("2001:db8::/32", "2001:db8::/32"))},
		{"too many in a call", "InvalidParameter", "AddAccessControlListEntry", add(six, entries(many(0, 51)...))},
		{"too many", "QuotaLimitExceeds.AclEntry", "AddAccessControlListEntry", add(id, entries("172.16.0.0/12"))},
		{"not there", "InvalidParameter", "RemoveAccessControlListEntry", add(six, entries("2001:db8::/32"))},
		{"in use", "AclInUsed", "DeleteAccessControlList", []string{"AclId", id}},
		{"used often", "AclListenerOverLimit", "CreateLoadBalancerTCPListener", []string{
			"LoadBalancerId", lb, "ListenerPort", "81", "BackendServerPort", "1", "Bandwidth", "-1", "AclStatus", on, "AclType", "white", "AclId", id,
		}},
	} {
		t.Run(c.what, func(*testing.T) { r.refused(400, c.code, c.action, c.pairs...) })
	}
	r.acl("three")
	r.refused(400, "QuotaLimitExceeds.Acl", "CreateAccessControlList", "AclName", "four")
}

func TestACLThatIsBeingChangedRefuses(t *testing.T) {
	r := newRig(t)
	r.latency = time.Second
	id := r.acl("one")
	r.do("AddAccessControlListEntry", "AclId", id, "AclEntrys", entries("10.0.0.0/8"))
	r.refused(400, "AclEntryProcessing", "AddAccessControlListEntry", "AclId", id, "AclEntrys", entries("192.0.2.0/24"))
	r.pass(time.Second)
	r.do("AddAccessControlListEntry", "AclId", id, "AclEntrys", entries("192.0.2.0/24"))
}

func TestACLIsFreeOnceNoListenerUsesIt(t *testing.T) {
	r := newRig(t)
	id := r.acl("one")
	lb := r.create()
	r.listen(lb, 80, "AclStatus", on, "AclType", "white", "AclId", id)
	if used := r.readACL(id).RelatedListeners.RelatedListener; len(used) != 1 || used[0].LoadBalancerId != lb || used[0].ListenerPort != 80 || used[0].AclType != "white" {
		t.Errorf("used by %+v", used)
	}
	r.do("SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", strconv.Itoa(80), "AclStatus", off)
	got := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
	r.read(got, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80")
	if got.AclStatus != off || got.AclId != "" || slices.Contains(got.AclIds.AclId, id) {
		t.Errorf("listener %+v", got)
	}
	r.do("DeleteAccessControlList", "AclId", id)
}
