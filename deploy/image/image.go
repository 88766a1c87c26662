// Package image makes container images out of static programs and files,
// without a container engine and without a base image.
//
// The same input gives the same digest: files are sorted, belong to root, and
// carry no time.
package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// File is a regular file of an image. It belongs to root.
type File struct {
	// Path is where it is in the image, such as /etc/hosts.
	Path string
	// Mode are its permissions, such as 0o755.
	Mode fs.FileMode
	// Source is the file of this machine that it is a copy of. Content counts
	// when it is empty.
	Source  string
	Content []byte
}

// read returns what is in the file.
func (f File) read() ([]byte, error) {
	if f.Source == "" {
		return f.Content, nil
	}
	return os.ReadFile(f.Source)
}

// Spec is everything that an image is made of.
type Spec struct {
	Files []File
	// Entrypoint is the program and its first arguments.
	Entrypoint []string
	// User is "uid:gid". The numbers count: an image of static programs has no
	// /etc/passwd, and a kubelet can tell only of a number that it is not root.
	User   string
	Env    []string
	Labels map[string]string
	// Architecture is Go's name of it, amd64 or arm64.
	Architecture string
}

var (
	errPath         = errors.New("not a clean absolute path")
	errTwice        = errors.New("named twice")
	errArchitecture = errors.New("the image's architecture is missing")
)

// New makes an image of one layer.
func New(spec Spec) (v1.Image, error) {
	if spec.Architecture == "" {
		return nil, errArchitecture
	}
	content, err := layerContent(spec.Files)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", spec.Architecture
	config.Created = v1.Time{Time: epoch}
	config.Config = v1.Config{
		Entrypoint: spec.Entrypoint, User: spec.User, Env: spec.Env, Labels: spec.Labels, WorkingDir: "/",
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return img, nil
}

// epoch is the time of everything in an image.
var epoch = time.Unix(0, 0).UTC()

// layerContent is the tar archive of the files and of the folders above them.
func layerContent(files []File) ([]byte, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	folders := map[string]bool{"/": true}
	for i, file := range files {
		if !path.IsAbs(file.Path) || path.Clean(file.Path) != file.Path || file.Path == "/" {
			return nil, fmt.Errorf("file %q of the image: %w", file.Path, errPath)
		}
		if i > 0 && files[i-1].Path == file.Path {
			return nil, fmt.Errorf("file %q of the image: %w", file.Path, errTwice)
		}
		content, err := file.read()
		if err != nil {
			return nil, fmt.Errorf("file %s of the image: %w", file.Path, err)
		}
		if err := errors.Join(addFolders(archive, folders, path.Dir(file.Path)), addFile(archive, file, content)); err != nil {
			return nil, fmt.Errorf("file %s of the image: %w", file.Path, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	return buffer.Bytes(), nil
}

// addFolders adds a folder after those above it, each once.
func addFolders(archive *tar.Writer, made map[string]bool, folder string) error {
	if made[folder] {
		return nil
	}
	if err := addFolders(archive, made, path.Dir(folder)); err != nil {
		return err
	}
	made[folder] = true
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder[1:] + "/", Mode: 0o755, ModTime: epoch})
}

func addFile(archive *tar.Writer, file File, content []byte) error {
	err := archive.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: file.Path[1:], Mode: int64(file.Mode.Perm()), Size: int64(len(content)), ModTime: epoch,
	})
	if err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
}
