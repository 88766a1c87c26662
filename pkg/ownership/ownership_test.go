package ownership

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	cluster = "8c5b8c1e-6f7a-4c7e-9d55-0a1b2c3d4e5f"
	uid     = "0f9d1c52-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
)

func TestServiceTagsAreOursWhenReadBack(t *testing.T) {
	tags := ServiceTags(Service{ClusterID: cluster, ClusterName: "shop", UID: uid, Namespace: "default", Name: "web", Role: RoleLoadBalancer})
	if owner := Decide(tags, cluster, uid); owner.Verdict != Ours || owner.Service != "default/web" {
		t.Errorf("Decide = %+v", owner)
	}
	if tags[TagClusterName] != "shop" || tags[TagRole] != "load-balancer" {
		t.Errorf("tags = %v", tags)
	}
}

func TestClusterNameOfATagIsMadeAcceptable(t *testing.T) {
	tags := ServiceTags(Service{ClusterID: cluster, ClusterName: "hthttp://tp://" + strings.Repeat("图", 100) + "\x00"})
	name := tags[TagClusterName]
	if len(name) > 128 || !utf8.ValidString(name) || strings.Contains(name, "http://") || strings.ContainsRune(name, 0) {
		t.Errorf("cluster name tag is %q", name)
	}
	if _, found := ServiceTags(Service{ClusterID: cluster})[TagClusterName]; found {
		t.Error("an empty cluster name has a tag")
	}
}

func TestDecide(t *testing.T) {
	for name, test := range map[string]struct {
		tags map[string]string
		want Verdict
	}{
		"no tags":              {nil, Unmarked},
		"tags of a user":       {map[string]string{"team": "a", TagAllow: "*"}, Unmarked},
		"ours":                 {map[string]string{TagClusterID: cluster, TagServiceUID: uid}, Ours},
		"other Service":        {map[string]string{TagClusterID: cluster, TagServiceUID: "x"}, OtherService},
		"our cluster, no UID":  {map[string]string{TagClusterID: cluster}, OtherService},
		"empty UID":            {map[string]string{TagClusterID: cluster, TagServiceUID: ""}, OtherService},
		"other cluster":        {map[string]string{TagClusterID: "x", TagServiceUID: uid}, OtherCluster},
		"UID without cluster":  {map[string]string{TagServiceUID: uid}, OtherCluster},
		"empty cluster":        {map[string]string{TagClusterID: "", TagServiceUID: uid}, OtherCluster},
		"official controller":  {map[string]string{"ack.aliyun.com": "c1"}, OtherCluster},
		"ours wins over extra": {map[string]string{TagClusterID: cluster, TagServiceUID: uid, "ack.aliyun.com": "c1"}, Ours},
	} {
		if got := Decide(test.tags, cluster, uid); got.Verdict != test.want {
			t.Errorf("%s: %v, want %v", name, got.Verdict, test.want)
		}
	}
	if Decide(map[string]string{TagClusterID: "", TagServiceUID: ""}, "", "").Verdict == Ours {
		t.Error("empty marks are ours for an empty cluster ID")
	}
}

func TestForeignVerdicts(t *testing.T) {
	for verdict, foreign := range map[Verdict]bool{Unmarked: false, Ours: false, OtherService: true, OtherCluster: true} {
		if verdict.Foreign() != foreign {
			t.Errorf("%v.Foreign() = %v", verdict, !foreign)
		}
	}
}

func TestReservedTag(t *testing.T) {
	for key, want := range map[string]bool{
		TagClusterID:               true,
		"KUBE-ALIYUN.IO/role":      true,
		" kube-aliyun.io/x":        true,
		"kube-aliyun.io.mine/x":    false,
		"acs:rm:x":                 true,
		"aliyun":                   true,
		"https://x":                true,
		"ack.aliyun.com":           true,
		"kubernetes.do.not.delete": true,
		"team":                     false,
		"my-aliyun":                false,
	} {
		if ReservedTag(key) != want {
			t.Errorf("ReservedTag(%q) = %v", key, !want)
		}
	}
}

func TestAllowed(t *testing.T) {
	for value, want := range map[string]bool{
		"*":                              true,
		"c1/shop":                        true,
		"c2/shop,c1/shop":                true,
		"c2/shop; c1/shop":               true,
		"c1/shop2":                       false,
		"c1/*":                           false,
		"c1":                             false,
		"":                               false,
		"xc1/shop":                       false,
		"c1/sho":                         false,
		"*x":                             false,
		"c2/default,c3/shop,c1/shopping": false,
	} {
		allowed, tagged := Allowed(map[string]string{TagAllow: value}, "c1", "shop")
		if allowed != want || !tagged {
			t.Errorf("Allowed(%q) = %v, %v", value, allowed, tagged)
		}
	}
	if allowed, tagged := Allowed(nil, "c1", "shop"); allowed || tagged {
		t.Error("an object without tag allows")
	}
}

func TestLoadBalancerName(t *testing.T) {
	if got := LoadBalancerName(uid); got != "a0f9d1c521a2b4c3d8e4f5a6b7c8d9e0" {
		t.Errorf("name = %q", got)
	}
}

func TestClientTokenTellsPartsApart(t *testing.T) {
	if ClientToken("a", "bc") == ClientToken("ab", "c") || ClientToken("a") == ClientToken("a", "") {
		t.Error("different parts give the same token")
	}
	if token := ClientToken("a", "b"); token != ClientToken("a", "b") || len(token) > 64 {
		t.Errorf("token %q is not stable or too long", token)
	}
}

func TestValidateClusterID(t *testing.T) {
	for _, id := range []string{cluster, "a", "1", "prod.cn_1", strings.Repeat("a", 63)} {
		if err := ValidateClusterID(id); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"", "A", "-a", "a-", "a b", "a/b", "ä", Contradiction, strings.Repeat("a", 64)} {
		if ValidateClusterID(id) == nil {
			t.Errorf("cluster ID %q is accepted", id)
		}
	}
}

func FuzzTagValue(f *testing.F) {
	f.Add("İİİİhttp://x")
	f.Add("hthttps://tps://x")
	f.Add("HTTP://\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		value := tagValue(s)
		if len(value) > maxTagValue || !utf8.ValidString(value) {
			t.Fatalf("tagValue(%q) = %q", s, value)
		}
		if strings.Contains(value, "http://") || strings.Contains(value, "https://") {
			t.Fatalf("tagValue(%q) = %q holds a scheme", s, value)
		}
	})
}
