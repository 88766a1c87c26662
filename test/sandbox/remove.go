package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// remove removes all that carries a sandbox's id, processes first: they hold the
// rest.
func remove(ctx context.Context, id string) error {
	if err := endGroups(ctx, id); err != nil {
		return err
	}
	dir := filepath.Join(base, id)
	if err := unmountBelow(dir); err != nil {
		return err
	}
	if err := removeNamespaces(id); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("files of the sandbox: %w", err)
	}
	return nil
}

// unmountBelow unmounts what is mounted below a folder, the latest first.
func unmountBelow(dir string) error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	var points []string
	for line := range strings.Lines(string(table)) {
		// mount id, parent id, device, root, mount point
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, unescape(fields[4]))
		}
	}
	var problems []error
	for _, point := range slices.Backward(points) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(problems...)
}

// unescape undoes how the kernel writes blanks in paths.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

func removeNamespaces(id string) error {
	entries, err := os.ReadDir(mounted)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("network namespaces: %w", err)
	}
	var problems []error
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), id+"-") {
			continue
		}
		if err := netns.DeleteNamed(entry.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("network namespace %s: %w", entry.Name(), err))
		}
	}
	return errors.Join(problems...)
}
