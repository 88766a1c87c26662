package flexvolume

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/mount-utils"
)

// mount binds the mounted disk to a Pod's folder. Kubelet takes volumes of one
// name for one volume, whatever disks they name; so the disk that the Pod asks
// for is compared with the one that is mounted.
func (d *Driver) mount(_ context.Context, arguments []string) (reply, error) {
	dir := filepath.Clean(arguments[0])
	o, err := parseOptions(arguments[1])
	if err != nil {
		return reply{}, err
	}
	if o.disk == "" {
		return reply{}, errNoDisk
	}
	if o.name == "" {
		o.name = filepath.Base(dir)
	}
	// ROOT/pods/UID/volumes/aliyun~flexv/NAME
	parts := strings.Split(dir, "/")
	if len(parts) < 6 || !strings.HasSuffix(filepath.Dir(dir)+"/", volumesFolder) || parts[len(parts)-5] != "pods" {
		return reply{}, fmt.Errorf("%s is no folder of a Pod's volume", dir)
	}
	source := strings.Join(parts[:len(parts)-5], "/") + mountsFolder + o.name

	there, mounted, err := d.mountedAt(source)
	if err != nil {
		return reply{}, err
	}
	if !mounted {
		return reply{}, fmt.Errorf("%w at %s", errNotMounted, source)
	}
	if _, _, err := d.mountedPart(there, o); err != nil {
		return reply{}, err
	}
	if now, bound, err := d.mountedAt(dir); err != nil {
		return reply{}, err
	} else if bound && now.Major == there.Major && now.Minor == there.Minor {
		return reply{}, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return reply{}, fmt.Errorf("make the Pod's folder: %w", err)
	}
	if err := mount.NewWithoutSystemd("").Mount(source, dir, "", []string{"bind"}); err != nil {
		return reply{}, fmt.Errorf("bind the volume to the Pod's folder: %w", err)
	}
	return reply{}, nil
}

// mountedPart is the volume's disk and the part of it that the mount shows: the
// whole, or a partition. It fails if the mount shows anything else.
func (d *Driver) mountedPart(there mount.MountInfo, o options) (disk, part device, err error) {
	disk, err = d.find(d.recall(o.disk))
	if err != nil {
		return disk, part, fmt.Errorf("volume %s asks for disk %s: %w", o.name, o.disk, err)
	}
	partitions, err := d.partitions(disk)
	if err != nil {
		return disk, part, err
	}
	at := number{uint32(there.Major), uint32(there.Minor)} // #nosec G115 -- the kernel's numbers
	for _, part := range append(partitions, disk) {
		if part.number == at {
			return disk, part, nil
		}
	}
	return disk, part, fmt.Errorf("a volume named %s is in use on this node and is another disk than %s, for which this Pod asks; "+
		"rename the volume in the Pod: an inline volume is named like its disk", o.name, o.disk)
}
