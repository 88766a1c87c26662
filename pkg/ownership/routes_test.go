package ownership

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRouteMarkIsReadBack(t *testing.T) {
	for _, node := range []string{"10.0.0.1", "worker-1.example.com", strings.Repeat("n", 253)} {
		name, description := RouteName(cluster), RouteDescription(cluster, "shop node=x cluster=y", node)
		mark, ok := ParseRoute(name, description)
		if !ok || mark.ClusterID != cluster || !mark.IsNode(node) {
			t.Errorf("ParseRoute(%q, %q) = %+v, %v", name, description, mark, ok)
		}
		if mark.IsNode(node + "x") {
			t.Errorf("the mark of %q names another Node", node)
		}
	}
}

func TestLongNodeNamesThatBeginAlikeAreToldApart(t *testing.T) {
	long := strings.Repeat("n", 200)
	mark, _ := ParseRoute("", RouteDescription(cluster, "", long+"a"))
	if mark.IsNode(long+"b") || !mark.IsNode(long+"a") {
		t.Errorf("mark = %+v", mark)
	}
}

func TestHalfARouteMarkSuffices(t *testing.T) {
	if mark, ok := ParseRoute(RouteName(cluster), "changed by hand"); !ok || mark.ClusterID != cluster || mark.IsNode("") {
		t.Errorf("by name: %+v, %v", mark, ok)
	}
	if mark, ok := ParseRoute("", RouteDescription(cluster, "", "n1")); !ok || mark.ClusterID != cluster || !mark.IsNode("n1") {
		t.Errorf("by description: %+v, %v", mark, ok)
	}
}

func TestRoutesOfOthersAreUnmarked(t *testing.T) {
	for _, route := range [][2]string{
		{"", ""},
		{"my-route", "to the office"},
		{"kube-aliyun-", ""},
		{"kube-aliyun-Not Valid", "kube-aliyun cluster="},
		{"", "kube-aliyun cluster=A node=x"},
		{"kubernetes", "kube-aliyun"},
	} {
		if mark, ok := ParseRoute(route[0], route[1]); ok {
			t.Errorf("ParseRoute(%q) = %+v", route, mark)
		}
	}
}

func TestContradictingRouteMarkIsNobodys(t *testing.T) {
	mark, ok := ParseRoute(RouteName("c1"), RouteDescription("c2", "", "n1"))
	if !ok || mark.ClusterID != Contradiction || mark.IsNode("n1") {
		t.Errorf("mark = %+v, %v", mark, ok)
	}
}

func FuzzRouteDescription(f *testing.F) {
	f.Add("c1", "shop", "n1")
	f.Add(cluster, "https://http://例", strings.Repeat("n", 300))
	f.Add("c.1", strings.Repeat("网", 200), "a.b.c")
	f.Fuzz(func(t *testing.T, clusterID, clusterName, node string) {
		if ValidateClusterID(clusterID) != nil || !validNode(node) {
			t.Skip()
		}
		name, description := RouteName(clusterID), RouteDescription(clusterID, clusterName, node)
		if len(name) > 128 || len(description) > 256 || !utf8.ValidString(description) {
			t.Fatalf("out of the API's limits: %q, %q", name, description)
		}
		if strings.HasPrefix(description, "http") {
			t.Fatalf("description starts with http: %q", description)
		}
		mark, ok := ParseRoute(name, description)
		if !ok || mark.ClusterID != clusterID || !mark.IsNode(node) {
			t.Fatalf("ParseRoute(%q, %q) = %+v, %v", name, description, mark, ok)
		}
	})
}

func FuzzParseRoute(f *testing.F) {
	f.Add("kube-aliyun-c1", "kube-aliyun cluster=c1 node=n1 name=x")
	f.Add("", "kube-aliyun cluster= node=")
	f.Fuzz(func(t *testing.T, name, description string) {
		mark, ok := ParseRoute(name, description)
		if !ok && mark != (Mark{}) {
			t.Fatalf("unmarked, but %+v", mark)
		}
		if ok && mark.ClusterID != Contradiction && ValidateClusterID(mark.ClusterID) != nil {
			t.Fatalf("invalid cluster ID in %+v", mark)
		}
	})
}

// validNode reports whether a Node could have the name.
func validNode(name string) bool {
	return name != "" && len(name) <= 253 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
