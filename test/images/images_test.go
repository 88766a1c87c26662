package images

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestArchivesHoldTheProgramsUnderTheirNames(t *testing.T) {
	dir := t.TempDir()
	archives, err := Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]struct{ archive, entrypoint string }{
		Sandbox: {archives.Sandbox, "/pause"},
		Network: {archives.Network, NetworkProgram},
	} {
		tag, err := name.NewTag(image)
		if err != nil {
			t.Fatal(err)
		}
		img, err := tarball.ImageFromPath(want.archive, &tag)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if got := config.Config.Entrypoint; len(got) != 1 || got[0] != want.entrypoint {
			t.Errorf("%s starts %q, want %s", image, got, want.entrypoint)
		}
	}
	again, err := Build(t.Context(), dir)
	if err != nil || again != archives {
		t.Errorf("the second time: %+v, %v", again, err)
	}
}
