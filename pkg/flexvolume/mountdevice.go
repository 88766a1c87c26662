package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/mount-utils"
	utilexec "k8s.io/utils/exec"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// mountDevice mounts the disk for all Pods of the node. Time has passed since
// waitforattach, so that everything is looked at again.
func (d *Driver) mountDevice(ctx context.Context, arguments []string) (reply, error) {
	dir, path := filepath.Clean(arguments[0]), arguments[1]
	o, err := parseOptions(arguments[2])
	if err != nil {
		return reply{}, err
	}
	if o.name == "" {
		o.name = filepath.Base(dir)
	}
	serial, err := d.serialOf(o, path)
	if err != nil {
		return reply{}, err
	}
	disk, err := d.find(serial)
	if err != nil {
		return reply{}, err
	}
	if err := same(disk, path); err != nil {
		return reply{}, err
	}
	partitions, err := d.partitions(disk)
	if err != nil {
		return reply{}, err
	}
	if err := d.unused(disk, partitions, o.name); err != nil {
		return reply{}, err
	}
	run := bounded{utilexec.New(), ctx}
	source, holds, err := d.volumeDevice(ctx, run, disk, partitions)
	if err != nil {
		return reply{}, err
	}
	if mounted, err := d.alreadyMounted(dir, source); mounted || err != nil {
		return reply{}, err
	}
	fsType, err := fileSystem(o, source, holds)
	if err != nil {
		return reply{}, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return reply{}, fmt.Errorf("make the folder of the volume: %w", err)
	}
	mounter := mount.SafeFormatAndMount{Interface: mount.NewWithoutSystemd(""), Exec: run}
	if err := mounter.FormatAndMountSensitiveWithFormatOptions(source.path, dir, fsType, mountFlags(o, fsType), nil, o.mkfs); err != nil {
		return reply{}, fmt.Errorf("mount %s (%s) at %s: %w", source.path, fsType, dir, err)
	}
	return reply{}, nil
}

// same makes sure that the path that kubelet remembers from waitforattach is
// still the disk. The path that attach gave is a name only.
func same(disk device, path string) error {
	if _, _, named := wire.ParseDevice(path); named || path == "" {
		return nil
	}
	now, err := numberOf(path)
	if err == nil && now == disk.number {
		return nil
	}
	return fmt.Errorf("the disk is %s, and no longer %s as it was a moment ago; the call will be repeated", disk.path, path)
}

// alreadyMounted says whether nothing is left to do, and fails if the folder
// shows something else.
func (d *Driver) alreadyMounted(dir string, source device) (bool, error) {
	there, mounted, err := d.mountedAt(dir)
	if err != nil || !mounted {
		return false, err
	}
	if at := (number{uint32(there.Major), uint32(there.Minor)}); at != source.number { // #nosec G115 -- the kernel's numbers
		return false, fmt.Errorf("%s is mounted at %s, where %s belongs; stop the Pods that use it", there.Source, dir, source.path)
	}
	return true, nil
}

// fileSystem is what the device is mounted as. What is there is never replaced.
func fileSystem(o options, source device, holds content) (string, error) {
	switch {
	case holds.blank() && o.readOnly:
		return "", fmt.Errorf("%s is blank and the volume is read-only; nothing was written to it. Mount it once for writing", source.path)
	case holds.blank() && o.fsType == "":
		return "ext4", nil
	case holds.blank():
		return o.fsType, nil
	case o.fsType != "" && o.fsType != holds.fileSystem:
		return "", fmt.Errorf("%s holds %s and the volume asks for %s; nothing was done with it. Change the volume's fsType, or use another disk",
			source.path, holds.fileSystem, o.fsType)
	case !fileSystems[holds.fileSystem]:
		return "", fmt.Errorf("%s holds %s, which is no file system for a volume; nothing was done with it", source.path, holds.fileSystem)
	}
	return holds.fileSystem, nil
}

// mountFlags are the options of the mount. Copies of an xfs share its UUID, which
// xfs refuses to mount twice unless told otherwise.
func mountFlags(o options, fsType string) []string {
	flags := []string{"rw"}
	if o.readOnly {
		flags[0] = "ro"
	}
	for _, flag := range o.flags {
		if flag != "rw" {
			flags = append(flags, flag)
		}
	}
	if fsType == "xfs" {
		flags = append(flags, "nouuid")
	}
	return flags
}

// bounded runs programs that end with the context; mount-utils has none of its own.
type bounded struct {
	utilexec.Interface

	ctx context.Context //nolint:containedctx // that is what it is for
}

func (b bounded) Command(name string, arguments ...string) utilexec.Cmd {
	return b.CommandContext(b.ctx, name, arguments...)
}

var errNotMounted = errors.New("the volume's disk is not mounted on this node")
