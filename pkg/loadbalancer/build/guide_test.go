package build

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var fencedYAML = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestServiceOfTheGuideIsBuiltAsItIs(t *testing.T) {
	for _, name := range []string{"http.md", "http.zh.md"} {
		page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "guides", name))
		if err != nil {
			t.Fatal(err)
		}
		found := fencedYAML.FindSubmatch(page)
		if found == nil {
			t.Fatalf("%s has no example", name)
		}
		s := testService()
		if err := yaml.UnmarshalStrict(found[1], s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range s.Spec.Ports {
			s.Spec.Ports[i].NodePort = 30000 + int32(i)
		}
		w := mustBuild(t, Input{Service: s, Servers: servers(2)})
		if len(w.Listeners) != 2 || !w.Listeners[0].Redirects() || len(w.Notices) > 0 || w.IPMode != corev1.LoadBalancerIPModeProxy {
			t.Errorf("%s: listeners %+v, notices %q", name, w.Listeners, w.Notices)
		}
	}
}
