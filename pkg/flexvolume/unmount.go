package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// unmountDevice unmounts the disk, if it is mounted. It never forces: a lazy
// unmount would let the disk go while somebody writes.
func (d *Driver) unmountDevice(_ context.Context, arguments []string) (reply, error) {
	dir := filepath.Clean(arguments[0])
	if !strings.Contains(dir, mountsFolder) {
		return reply{}, fmt.Errorf("%s is no folder of a volume of this driver", dir)
	}
	err := unix.Unmount(dir, unix.UMOUNT_NOFOLLOW)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.EINVAL):
		// No folder, or nothing is mounted there.
		return reply{}, nil
	case errors.Is(err, unix.EBUSY):
		return reply{}, fmt.Errorf("%s is in use%s; it stays mounted", dir, d.holder(dir))
	case err != nil:
		return reply{}, fmt.Errorf("unmount %s: %w", dir, err)
	}
	if _, mounted, err := d.mountedAt(dir); err != nil || mounted {
		return reply{}, errors.Join(err, fmt.Errorf("%s was mounted more than once and still is; the call will be repeated", dir))
	}
	return reply{}, nil
}

// holder names a process that keeps the folder busy, if one is easily found.
func (d *Driver) holder(dir string) string {
	processes, _ := filepath.Glob(filepath.Join(d.proc, "[0-9]*"))
	for _, process := range processes {
		links, _ := filepath.Glob(filepath.Join(process, "fd", "*"))
		for _, link := range append(links, filepath.Join(process, "cwd"), filepath.Join(process, "root")) {
			target, err := os.Readlink(link)
			if err == nil && (target == dir || strings.HasPrefix(target, dir+"/")) {
				return fmt.Sprintf(" by process %s (%s)", filepath.Base(process), read(process, "comm"))
			}
		}
	}
	return ""
}
