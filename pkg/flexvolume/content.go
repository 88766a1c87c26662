package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"strings"

	utilexec "k8s.io/utils/exec"
)

// content is what blkid finds on a device.
type content struct{ fileSystem, partitionTable string }

// blank is what may be formatted: nothing that blkid knows.
func (c content) blank() bool { return c == content{} }

// probe looks at the device itself, past any cache.
func probe(ctx context.Context, run utilexec.Interface, path string) (content, error) {
	out, err := run.CommandContext(ctx, "blkid", "-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", path).CombinedOutput()
	var exit utilexec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitStatus() == 2:
		return content{}, nil
	case errors.As(err, &exit) && exit.ExitStatus() == 8:
		return content{}, fmt.Errorf("%s holds the marks of several file systems; nothing was done with it. Keep the right one with wipefs", path)
	case err != nil:
		return content{}, fmt.Errorf("look at what %s holds: %w: %s", path, err, strings.TrimSpace(string(out)))
	}
	var c content
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "TYPE":
			c.fileSystem = value
		case "PTTYPE":
			c.partitionTable = value
		}
	}
	if c.blank() {
		return content{}, fmt.Errorf("blkid found something on %s and did not say what; nothing was done with it", path)
	}
	return c, nil
}

// volumeDevice is the disk itself, or its only partition if that is formatted:
// disks that a person made on another server often are so. Any other partition
// table is left alone, and told.
func (d *Driver) volumeDevice(ctx context.Context, run utilexec.Interface, disk device, partitions []device) (device, content, error) {
	c, err := probe(ctx, run, disk.path)
	if err != nil {
		return device{}, content{}, err
	}
	switch {
	case c.partitionTable == "" && len(partitions) == 0:
		return disk, c, nil
	case c.partitionTable == "atari" && len(partitions) == 0:
		return device{}, content{}, fmt.Errorf("blkid takes the first bytes of %s for an ATARI partition table, as it does of some new encrypted disks; "+
			"nothing was done with it. If the disk holds nothing that you need, run wipefs --all on it on this node", disk.path)
	case len(partitions) != 1:
		return device{}, content{}, fmt.Errorf("%s holds a partition table (%s) with %d partitions; nothing was done with it. "+
			"A volume is a disk with a file system, with one partition that has one, or a blank disk", disk.path, c.partitionTable, len(partitions))
	}
	c, err = probe(ctx, run, partitions[0].path)
	if err != nil {
		return device{}, content{}, err
	}
	if c.fileSystem == "" || c.partitionTable != "" {
		return device{}, content{}, fmt.Errorf("%s, the only partition of %s, holds no file system; partitions are not formatted", partitions[0].path, disk.path)
	}
	return partitions[0], c, nil
}
