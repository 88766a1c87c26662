package bare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
	"github.com/kube-aliyun/kube-aliyun/test/images"
)

// Names of images.
const (
	// Repository has Kubernetes' images, with the tag KubernetesVersion.
	Repository        = "localhost/kubernetes"
	KubernetesVersion = "v1.37.2"
	// Controller is the image that deploy/controller names.
	Controller = "localhost/kube-aliyun/aliyun-controller:local"
)

// Archives are docker-archives of every image that a cluster needs.
type Archives struct {
	images.Archives
	// Kubernetes are Kubernetes' own, by their programs.
	Kubernetes map[string]string
	Controller string
}

// Build makes the archives in a folder; binaries has Kubernetes' programs.
func Build(ctx context.Context, root, binaries string) (Archives, error) {
	dir := filepath.Join(root, "bin", "bootstrap")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return Archives{}, err
	}
	made := Archives{Kubernetes: map[string]string{}}
	var err error
	if made.Archives, err = images.Build(ctx, filepath.Join(root, "bin", "images")); err != nil {
		return Archives{}, err
	}
	for _, program := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"} {
		if made.Kubernetes[program], err = kubernetesImage(ctx, dir, binaries, program); err != nil {
			return Archives{}, fmt.Errorf("image of %s: %w", program, err)
		}
	}
	binary, err := Program(ctx, root, "aliyun-controller")
	if err != nil {
		return Archives{}, err
	}
	spec, err := image.Controller(binary, "", runtime.GOARCH, "v0.0.0-test")
	if err != nil {
		return Archives{}, err
	}
	made.Controller = filepath.Join(dir, "aliyun-controller.tar")
	return made, write(made.Controller, spec, Controller)
}

func write(archive string, spec image.Spec, name string) error {
	img, err := image.New(spec)
	if err != nil {
		return err
	}
	return image.WriteArchive(archive, img, name)
}

// Program builds one of this repository's programs and returns its path.
func Program(ctx context.Context, root, name string) (string, error) {
	binary := filepath.Join(root, "bin", "bootstrap", name)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", // #nosec G204 -- this repository's programs
		"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v0.0.0-test", "-o", binary, "./cmd/"+name)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, output)
	}
	return binary, nil
}

// kubernetesImage makes an image like the one of Kubernetes' registry. An archive
// that is younger than its program stays.
func kubernetesImage(ctx context.Context, dir, binaries, program string) (string, error) {
	binary, archive := filepath.Join(binaries, program), filepath.Join(dir, program+".tar")
	name := Repository + "/" + program + ":" + KubernetesVersion
	from, err := os.Stat(binary)
	if err != nil {
		return "", err
	}
	if made, err := os.Stat(archive); err == nil && made.ModTime().After(from.ModTime()) {
		if _, err := tarball.ImageFromPath(archive, nil); err == nil {
			return archive, nil
		}
	}
	files := []image.File{{Path: "/usr/local/bin/" + program, Mode: 0o755, Source: binary}}
	if program == "kube-proxy" {
		nft, err := nftFiles(ctx)
		if err != nil {
			return "", err
		}
		files = append(files, nft...)
	}
	return archive, write(archive, image.Spec{
		Files: files, User: "0:0", Architecture: runtime.GOARCH, Env: []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}, name)
}

const nftPath = "/usr/sbin/nft"

var (
	errNoLibraries = errors.New("ldd names no libraries")
	library        = regexp.MustCompile(`(/[^ ]+\.so[^ ]*) \(`)
)

// nftFiles are nft and its shared libraries: kube-proxy runs it.
func nftFiles(ctx context.Context) ([]image.File, error) {
	output, err := exec.CommandContext(ctx, "ldd", nftPath).Output()
	if err != nil {
		return nil, fmt.Errorf("libraries of nft: %w", err)
	}
	files := []image.File{{Path: nftPath, Mode: 0o755, Source: nftPath}}
	for _, found := range library.FindAllSubmatch(output, -1) {
		files = append(files, image.File{Path: string(found[1]), Mode: 0o755, Source: string(found[1])})
	}
	if len(files) < 2 {
		return nil, errNoLibraries
	}
	return files, nil
}
