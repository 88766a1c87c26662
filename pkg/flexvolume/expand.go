package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"k8s.io/mount-utils"
	utilexec "k8s.io/utils/exec"
)

// expandFS grows the file system to the device's size, once the device has the
// size that is asked for. Kubernetes takes success for a grown volume, and asks
// as soon as somebody wrote a larger claim; the controller grows the disk meanwhile.
func (d *Driver) expandFS(ctx context.Context, arguments []string) (reply, error) {
	o, err := parseOptions(arguments[0])
	if err != nil {
		return reply{}, err
	}
	if o.disk == "" {
		return reply{}, errNoDisk
	}
	wanted, err := strconv.ParseUint(arguments[3], 10, 63)
	if err != nil {
		return reply{}, errors.New("the new size is no number of bytes")
	}
	there, mounted, err := d.mountedAt(filepath.Clean(arguments[2]))
	if err != nil {
		return reply{}, err
	}
	if !mounted {
		return reply{}, fmt.Errorf("%w at %s", errNotMounted, arguments[2])
	}
	disk, source, err := d.mountedPart(there, o)
	if err != nil {
		return reply{}, err
	}
	actual, err := size(source.path)
	switch {
	case err != nil:
		return reply{}, err
	case actual < wanted && source.number != disk.number:
		return reply{}, fmt.Errorf("the volume is %s, a partition of %d bytes, and %d are asked for; partitions are grown by hand, such as with growpart",
			source.path, actual, wanted)
	case actual < wanted:
		return reply{}, fmt.Errorf("disk %s (%s) has %d bytes and %d are asked for; the file system grows after the disk has grown",
			o.disk, source.path, actual, wanted)
	}
	run := bounded{utilexec.New(), ctx}
	if _, err := mount.NewResizeFs(run).Resize(source.path, there.MountPoint); err != nil {
		return reply{}, fmt.Errorf("grow the file system on %s: %w", source.path, err)
	}
	return reply{}, nil
}
