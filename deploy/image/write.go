package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var errNoName = errors.New("an image in an archive needs a name")

// WriteArchive writes a docker-archive: what `docker load`, `podman load` and
// `ctr images import` take. The names, with their tags, are the image's after
// the import. The file appears whole or not at all.
func WriteArchive(file string, img v1.Image, names ...string) error {
	if len(names) == 0 {
		return fmt.Errorf("writing %s: %w", file, errNoName)
	}
	names = slices.Sorted(slices.Values(names))
	for _, n := range names {
		if _, err := name.NewTag(n, name.StrictValidation); err != nil {
			return fmt.Errorf("name of the image: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	// A name of its own: two may write the same archive at once.
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	err = writeArchive(part, img, names)
	if err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, errors.Join(err, os.Remove(part.Name())))
	}
	return nil
}

// archiveMode lets everybody read an archive, as it holds what everybody may build.
const archiveMode = 0o644

// writeArchive stands in for the library's writer, which puts the names of an
// image in an order of its own each time. It closes the file.
func writeArchive(out *os.File, img v1.Image, names []string) error {
	archive := tar.NewWriter(out)
	return errors.Join(addImage(archive, img, names), archive.Close(), out.Chmod(archiveMode), out.Close())
}

func addImage(archive *tar.Writer, img v1.Image, names []string) error {
	id, err := img.ConfigName()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	if err := addFile(archive, File{Path: "/" + id.String(), Mode: 0o644}, config); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	entry := tarball.Descriptor{Config: id.String(), RepoTags: names}
	for _, layer := range layers {
		file, err := addLayer(archive, layer)
		if err != nil {
			return err
		}
		entry.Layers = append(entry.Layers, file)
	}
	manifest, err := json.Marshal(tarball.Manifest{entry})
	if err != nil {
		return err
	}
	return addFile(archive, File{Path: "/manifest.json", Mode: 0o644}, manifest)
}

// addLayer adds a layer, compressed, and returns its name in the archive.
func addLayer(archive *tar.Writer, layer v1.Layer) (string, error) {
	digest, err := layer.Digest()
	if err != nil {
		return "", err
	}
	compressed, err := layer.Compressed()
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(compressed)
	if err := errors.Join(err, compressed.Close()); err != nil {
		return "", err
	}
	file := digest.Hex + ".tar.gz"
	return file, addFile(archive, File{Path: "/" + file, Mode: 0o644}, content)
}

// WriteLayout writes an OCI image layout into a folder, which is made; the image
// replaces what the folder's index named before.
func WriteLayout(dir string, img v1.Image) error {
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("writing the layout %s: %w", dir, err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture}},
	})
	if _, err := layout.Write(dir, index); err != nil {
		return fmt.Errorf("writing the layout %s: %w", dir, err)
	}
	return nil
}

// WriteRoot writes the files of a Spec below a folder of this machine, with their
// modes: the root file system for an engine that builds the image by itself.
func WriteRoot(dir string, files []File) error {
	for _, file := range files {
		content, err := file.read()
		if err != nil {
			return fmt.Errorf("file %s of the image: %w", file.Path, err)
		}
		target := filepath.Join(dir, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { // #nosec G301 -- the image's folders are for everybody
			return fmt.Errorf("file %s of the image: %w", file.Path, err)
		}
		// The mode is set apart: the umask has a say in WriteFile's.
		if err := errors.Join(os.WriteFile(target, content, file.Mode.Perm()), os.Chmod(target, file.Mode.Perm())); err != nil {
			return fmt.Errorf("file %s of the image: %w", file.Path, err)
		}
	}
	return nil
}
