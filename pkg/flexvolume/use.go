package flexvolume

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/mount-utils"
)

// Where kubelet has the volumes of this driver below its root folder.
const (
	mountsFolder   = "/plugins/kubernetes.io/flexvolume/" + Name + "/mounts/"
	podsFolder     = "/pods/"
	volumesFolder  = "/volumes/aliyun~flexv/"
	subpathsFolder = "/volume-subpaths/"
)

// mounts are the places where the device or a partition of it is mounted, as this
// process sees them and as the server's first process does.
func (d *Driver) mounts(numbers ...number) ([]mount.MountInfo, error) {
	var found []mount.MountInfo
	for _, process := range []string{"self", "1"} {
		all, err := mount.ParseMountInfo(filepath.Join(d.proc, process, "mountinfo"))
		if err != nil && process == "self" {
			return nil, fmt.Errorf("list the mounts: %w", err)
		}
		for _, m := range all {
			at := number{uint32(m.Major), uint32(m.Minor)} // #nosec G115 -- the kernel's numbers
			if slices.Contains(numbers, at) {
				found = append(found, m)
			}
		}
	}
	return found, nil
}

// unused makes sure that nobody but the volume itself uses the disk: what holds a
// system or is a part of another device must never be formatted or mounted.
func (d *Driver) unused(disk device, partitions []device, volume string) error {
	numbers := []number{disk.number}
	for _, part := range append([]device{disk}, partitions...) {
		if holder := held(part.folder); holder != "" {
			return fmt.Errorf("%s is a part of %s on this node; it cannot be a volume, and nothing was done with it", part.path, holder)
		}
		numbers = append(numbers, part.number)
	}
	found, err := d.mounts(numbers...)
	if err != nil {
		return err
	}
	for _, m := range found {
		if !ours(m.MountPoint, volume) {
			return fmt.Errorf("%s is mounted at %s, which is not volume %s; nothing was done with it", disk.path, m.MountPoint, volume)
		}
	}
	return nil
}

// ours says whether kubelet mounts the volume of the name there.
func ours(path, volume string) bool {
	if _, name, ok := strings.Cut(path, mountsFolder); ok {
		return name == volume
	}
	_, below, ok := strings.Cut(path, podsFolder)
	if !ok {
		return false
	}
	if _, name, ok := strings.Cut(below, volumesFolder); ok {
		return name == volume
	}
	_, below, ok = strings.Cut(below, subpathsFolder)
	return ok && strings.HasPrefix(below, volume+"/")
}

// mountedAt is what is mounted at the path, the uppermost of several. The kernel
// knows the path without symbolic links, of which kubelet's folder may be one.
func (d *Driver) mountedAt(path string) (found mount.MountInfo, mounted bool, err error) {
	resolved, err := filepath.EvalSymlinks(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, false, nil
	case err != nil:
		return found, false, fmt.Errorf("look at the folder of a volume: %w", err)
	}
	all, err := mount.ParseMountInfo(filepath.Join(d.proc, "self", "mountinfo"))
	if err != nil {
		return found, false, fmt.Errorf("list the mounts: %w", err)
	}
	for _, m := range all {
		if m.MountPoint == resolved {
			found, mounted = m, true
		}
	}
	return found, mounted, nil
}
