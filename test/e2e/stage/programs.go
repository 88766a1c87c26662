package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/images"
)

// controllerImage is the image that deploy/controller names.
const controllerImage = "localhost/kube-aliyun/aliyun-controller:local"

// testVersion is that of programs which a stage builds.
const testVersion = "v0.0.0-test"

// archives are the images of the stage.
type archives struct {
	images.Archives
	controller string
}

// build makes what the options do not name, in a folder of the repository: what has
// not changed is not linked again, and nodes see it, which have a /run of their own.
func (s *Stage) build(ctx context.Context) error {
	unlock, err := lock(s.programs())
	if err != nil {
		return fmt.Errorf("building programs: %w", err)
	}
	defer unlock()
	if s.archives.Archives, err = images.Build(ctx, filepath.Join(s.options.Root, "bin", "images")); err != nil {
		return err
	}
	if s.options.Simulator == "" {
		if s.options.Simulator, err = s.program(ctx, "aliyun-sim"); err != nil {
			return err
		}
	}
	if s.archives.controller = s.options.Controller; s.archives.controller == "" {
		if s.archives.controller, err = s.buildController(ctx); err != nil {
			return err
		}
	}
	s.logf("programs and images are built")
	return nil
}

func (s *Stage) programs() string { return filepath.Join(s.options.Root, "bin", "e2e") }

// lock keeps two stages from writing the same files.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the repository's
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil { // #nosec G115 -- a file descriptor
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// program builds one of this repository's programs.
func (s *Stage) program(ctx context.Context, name string) (string, error) {
	binary := filepath.Join(s.programs(), name)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", // #nosec G204 -- this repository's programs
		"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion="+testVersion, "-o", binary, "./cmd/"+name)
	command.Dir = s.options.Root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, output)
	}
	return binary, nil
}

// buildController makes the image as `make image` does.
func (s *Stage) buildController(ctx context.Context) (string, error) {
	binary, err := s.program(ctx, controllerName)
	if err != nil {
		return "", err
	}
	driver, err := s.program(ctx, driverName)
	if err != nil {
		return "", err
	}
	return ControllerArchive(s.programs(), binary, driver)
}
