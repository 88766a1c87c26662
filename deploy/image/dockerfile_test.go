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

// finalStage is what the Dockerfile says of the image itself, a line an instruction.
func finalStage(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(content), "\\\n", "")
	_, stage, found := strings.Cut(text, "\nFROM scratch\n")
	if !found {
		t.Fatal("the Dockerfile does not end with an image from scratch")
	}
	return stage
}

func TestDockerfileMakesTheSameImage(t *testing.T) {
	spec, err := Controller(program(t, "amd64"), program(t, "amd64"), "amd64", "${VERSION}")
	if err != nil {
		t.Fatal(err)
	}
	stage := finalStage(t)
	for _, want := range []string{
		"COPY --from=build /image/ /\n",
		"USER " + spec.User + "\n",
		fmt.Sprintf("ENTRYPOINT [%q]\n", spec.Entrypoint[0]),
	} {
		if !strings.Contains(stage, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
	labels := map[string]string{}
	for _, match := range regexp.MustCompile(`([a-z.]+)="([^"]*)"`).FindAllStringSubmatch(stage, -1) {
		labels[match[1]] = match[2]
	}
	if !maps.Equal(labels, spec.Labels) {
		t.Errorf("labels %v, want %v", slices.Sorted(maps.Keys(labels)), slices.Sorted(maps.Keys(spec.Labels)))
	}
}
