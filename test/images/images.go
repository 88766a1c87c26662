package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
)

// Names of the images once they are imported. Pods name them so, with
// imagePullPolicy Never.
const (
	// Sandbox holds a Pod's namespaces.
	Sandbox = "localhost/kube-aliyun/pause:test"
	// Network answers over HTTP, TCP and UDP who asked and who answers; see
	// package echo. Its program is NetworkProgram.
	Network = "localhost/kube-aliyun/network:test"
)

// NetworkProgram is the only program in the image Network.
const NetworkProgram = "/network"

// Archives are docker-archives, as `ctr images import` takes them.
type Archives struct {
	Sandbox string
	Network string
}

// folder is where the programs' packages are.
const folder = "github.com/kube-aliyun/kube-aliyun/test/images/"

var errNoModule = errors.New("the working directory is in no Go module")

// Build makes the images in a folder, by default bin/images of the repository that
// the working directory is in. The folder is made, and may be used again: what has
// not changed is not linked again.
func Build(ctx context.Context, dir string) (Archives, error) {
	if dir == "" {
		module, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
		if err != nil {
			return Archives{}, fmt.Errorf("finding the repository: %w", err)
		}
		root := filepath.Dir(strings.TrimSpace(string(module)))
		if !filepath.IsAbs(root) || root == filepath.Dir(os.DevNull) {
			return Archives{}, fmt.Errorf("finding the repository: %w", errNoModule)
		}
		dir = filepath.Join(root, "bin", "images")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return Archives{}, fmt.Errorf("building images: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, ".lock"))
	if err != nil {
		return Archives{}, fmt.Errorf("building images: %w", err)
	}
	defer unlock()
	sandbox, err := build(ctx, dir, "pause", Sandbox)
	if err != nil {
		return Archives{}, err
	}
	network, err := build(ctx, dir, "network", Network)
	if err != nil {
		return Archives{}, err
	}
	return Archives{Sandbox: sandbox, Network: network}, nil
}

// build makes the image of one program and returns its archive.
func build(ctx context.Context, dir, program, name string) (string, error) {
	binary, archive := filepath.Join(dir, program), filepath.Join(dir, program+".tar")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, folder+program) // #nosec G204 -- this repository's programs
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", program, err, output)
	}
	file, err := image.Program("/"+program, binary, runtime.GOARCH)
	if err != nil {
		return "", fmt.Errorf("image of %s: %w", program, err)
	}
	img, err := image.New(image.Spec{
		Files: []image.File{file}, Entrypoint: []string{"/" + program}, User: "65532:65532", Architecture: runtime.GOARCH,
	})
	if err != nil {
		return "", fmt.Errorf("image of %s: %w", program, err)
	}
	if err := image.WriteArchive(archive, img, name); err != nil {
		return "", fmt.Errorf("image of %s: %w", program, err)
	}
	return archive, nil
}

// lock keeps two processes from writing the same files.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the caller's folder
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil { // #nosec G115 -- a file descriptor
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}
