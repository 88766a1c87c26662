package ownership

import "testing"

func TestPredecessorIsProvenByTheUID(t *testing.T) {
	const uid, other = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
	own := LoadBalancerName(uid)
	cases := map[string]struct {
		name string
		tags map[string]string
		want string
	}{
		"2017":                           {own, nil, FirstKubeAliyun},
		"2017, allowed and tagged":       {own, map[string]string{"team": "web", TagAllow: "*"}, FirstKubeAliyun},
		"official":                       {own, map[string]string{officialName: own, officialCluster: "c"}, OfficialController},
		"official, renamed":              {"web", map[string]string{officialName: own, officialCluster: "c"}, OfficialController},
		"another Service's name":         {LoadBalancerName(other), nil, ""},
		"another Service's official tag": {own, map[string]string{officialName: LoadBalancerName(other)}, ""},
		"a cluster's, without our UID":   {own, map[string]string{officialCluster: "c"}, ""},
		"ours already":                   {own, map[string]string{TagClusterID: "c"}, ""},
		"made by hand":                   {"web", nil, ""},
	}
	for name, c := range cases {
		if got := Predecessor(c.name, c.tags, uid); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
