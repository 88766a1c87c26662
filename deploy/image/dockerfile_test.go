package image

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stage is what the Dockerfile says of an image itself, a line an instruction.
func stage(t *testing.T, from string) string {
	t.Helper()
	content, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(content), "\\\n", "")
	_, stage, found := strings.Cut(text, "\n"+from+"\n")
	if !found {
		t.Fatalf("the Dockerfile has no stage %q", from)
	}
	stage, _, _ = strings.Cut(stage, "\nFROM ")
	return stage + "\n"
}

func TestDockerfileMakesTheSameImages(t *testing.T) {
	binary := program(t, "amd64")
	controller, err := Controller(binary, binary, "amd64", "${VERSION}")
	if err != nil {
		t.Fatal(err)
	}
	hostroutes, err := Hostroutes(binary, "amd64", "${VERSION}")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, copied string
		spec         Spec
	}{
		{"FROM scratch", "COPY --from=build /image/ /\n", controller},
		{"FROM scratch AS hostroutes", "COPY --from=build-hostroutes /hostroutes/ /\n", hostroutes},
	} {
		stage := stage(t, c.from)
		for _, want := range []string{c.copied, "USER " + c.spec.User + "\n", fmt.Sprintf("ENTRYPOINT [%q]\n", c.spec.Entrypoint[0])} {
			if !strings.Contains(stage, want) {
				t.Errorf("%s: the Dockerfile lacks %q", c.from, want)
			}
		}
		labels := map[string]string{}
		for _, match := range regexp.MustCompile(`([a-z.]+)="([^"]*)"`).FindAllStringSubmatch(stage, -1) {
			labels[match[1]] = match[2]
		}
		if !maps.Equal(labels, c.spec.Labels) {
			t.Errorf("%s: labels %v, want %v", c.from, slices.Sorted(maps.Keys(labels)), slices.Sorted(maps.Keys(c.spec.Labels)))
		}
	}
}
