package flexvolume

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultPlugins is where kubelet and kube-controller-manager look for drivers
// unless their flags say otherwise.
const DefaultPlugins = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"

// folderName and fileName are where the driver is below the plugin directory.
const (
	folderName = "aliyun~flexv"
	fileName   = "flexv"
)

// Install puts the program at its path below the plugin directory and says
// whether anything had to change. Kubernetes watches the directory and runs
// drivers all the time: the file is there at every moment, and is always whole.
// So a new one is written beside it under a name that Kubernetes overlooks, asked
// whether it runs, and renamed.
func Install(ctx context.Context, program, plugins string) (bool, error) {
	content, err := os.ReadFile(program) // #nosec G304 -- this program
	if err != nil {
		return false, fmt.Errorf("install the driver: %w", err)
	}
	folder := filepath.Join(plugins, folderName)
	if err := os.MkdirAll(plugins, 0o755); err != nil { // #nosec G301 -- kube-controller-manager may be any user
		return false, fmt.Errorf("install the driver: %w", err)
	}
	unlock, err := lockFolder(plugins)
	if err != nil {
		return false, fmt.Errorf("install the driver: %w", err)
	}
	defer unlock()
	if now, err := os.ReadFile(filepath.Join(folder, fileName)); err == nil && bytes.Equal(now, content) { // #nosec G304 -- the driver
		if info, err := os.Stat(filepath.Join(folder, fileName)); err == nil && info.Mode().Perm() == 0o755 {
			return false, nil
		}
	}
	if err := replace(ctx, content, plugins, folder); err != nil {
		return false, fmt.Errorf("install the driver: %w", err)
	}
	return true, nil
}

// replace writes the driver and moves it into its place: with its folder, if there
// is none yet, since Kubernetes complains about folders without a driver.
func replace(ctx context.Context, content []byte, plugins, folder string) error {
	place := folder
	_, err := os.Stat(folder)
	fresh := errors.Is(err, fs.ErrNotExist)
	if fresh {
		place = filepath.Join(plugins, "."+folderName)
		if err := errors.Join(os.RemoveAll(place), os.Mkdir(place, 0o755)); err != nil { // #nosec G301 -- as above
			return err
		}
	}
	hidden := filepath.Join(place, "."+fileName)
	if err := writeProgram(ctx, hidden, content); err != nil {
		return errors.Join(err, os.Remove(hidden))
	}
	if err := os.Rename(hidden, filepath.Join(place, fileName)); err != nil {
		return err
	}
	if fresh {
		if err := os.Rename(place, folder); err != nil {
			return err
		}
	}
	return errors.Join(syncFolder(folder), syncFolder(plugins))
}

// writeProgram writes the file to the disk and runs it once.
func writeProgram(ctx context.Context, path string, content []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) // #nosec G302 G304 -- a program that others run
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	// The mode once more: a umask may have cut it.
	if err := errors.Join(err, file.Chmod(0o755), file.Sync(), file.Close()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, path, "--test").CombinedOutput(); err != nil { // #nosec G204 -- this program
		return fmt.Errorf("the copy at %s does not run, and was not installed: %w: %s", path, err, out)
	}
	return nil
}

// Uninstall removes the driver, unless a volume of it is on the node: without the
// driver kubelet could not unmount it. kubelet is kubelet's root folder.
func Uninstall(plugins, kubelet string) error {
	for _, pattern := range []string{kubelet + mountsFolder + "*", filepath.Join(kubelet, "pods/*") + volumesFolder + "*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("look for volumes: %w", err)
		}
		if len(found) > 0 {
			return fmt.Errorf("%s is a volume of the driver; it stays installed. Move the Pods that use its volumes off this node first", found[0])
		}
	}
	if _, err := os.Stat(plugins); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := lockFolder(plugins)
	if err != nil {
		return fmt.Errorf("remove the driver: %w", err)
	}
	defer unlock()
	// Hidden first: Kubernetes then sees the folder go as a whole.
	hidden := filepath.Join(plugins, "."+folderName)
	if err := os.RemoveAll(hidden); err != nil {
		return fmt.Errorf("remove the driver: %w", err)
	}
	if err := os.Rename(filepath.Join(plugins, folderName), hidden); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the driver: %w", err)
	}
	return os.RemoveAll(hidden)
}

// MakeSocketFolder makes the folder of the volume socket for the user that the
// controller runs as, who puts the socket into it.
func MakeSocketFolder(path string, owner int) error {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return fmt.Errorf("make the volume socket's folder: %w", err)
	}
	// The mode first: it is root's until its owner changes.
	if err := errors.Join(os.Chmod(path, 0o750), os.Chown(path, owner, owner)); err != nil { // #nosec G302 -- the group of kube-controller-manager
		return fmt.Errorf("give the volume socket's folder to user %d: %w", owner, err)
	}
	return nil
}

// lockFolder keeps two installers from writing at once.
func lockFolder(path string) (unlock func(), err error) {
	folder, err := os.Open(path) // #nosec G304 -- the plugin directory
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil { // #nosec G115 -- a file descriptor
		return nil, errors.Join(err, folder.Close())
	}
	return func() { _ = folder.Close() }, nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- the plugin directory
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
