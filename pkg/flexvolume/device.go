package flexvolume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// number is a block device's major and minor number, what the kernel knows it by.
type number struct{ major, minor uint32 }

// device is a block device as the kernel shows it, verified by its number.
type device struct {
	// name is the kernel's, such as vdb or nvme1n1, and path its file.
	name, path string
	number
	// folder is its folder in sysfs.
	folder string
}

var (
	errNoDevice   = errors.New("no block device of this server has the serial")
	errTwoDevices = errors.New("several block devices have the serial")
)

// find returns the whole disk with the serial. The kernel's word in sysfs
// decides, not a name or a link: names follow the order of attaching, and links
// may be missing in containers and on old kernels, or stale.
func (d *Driver) find(serial string) (device, error) {
	block := filepath.Join(d.sys, "block")
	entries, err := os.ReadDir(block)
	if err != nil {
		return device{}, fmt.Errorf("list the block devices: %w", err)
	}
	var found []device
	for _, entry := range entries {
		folder := filepath.Join(block, entry.Name())
		// The paths behind one NVMe disk are hidden and have no file.
		if read(folder, "hidden") == "1" || !hasSerial(folder, serial) {
			continue
		}
		disk, err := d.device(folder)
		if err != nil {
			return device{}, err
		}
		found = append(found, disk)
	}
	switch len(found) {
	case 0:
		return device{}, fmt.Errorf("%w %s; %d were looked at", errNoDevice, serial, len(entries))
	case 1:
		return found[0], nil
	default:
		return device{}, fmt.Errorf("%w %s: %s and %s; nothing is done with any of them", errTwoDevices, serial, found[0].path, found[1].path)
	}
}

// hasSerial compares the serial where virtio and NVMe disks show it.
func hasSerial(folder, serial string) bool {
	for _, file := range []string{"serial", "device/serial"} {
		if shown := read(folder, file); shown != "" {
			return shown == serial
		}
	}
	return false
}

// device is the block device of a folder in sysfs, whose file must exist and have
// the number that the kernel gave it.
func (d *Driver) device(folder string) (device, error) {
	found := device{name: filepath.Base(folder), folder: folder}
	found.path = filepath.Join(d.dev, strings.ReplaceAll(found.name, "!", "/"))
	if _, err := fmt.Sscanf(read(folder, "dev"), "%d:%d", &found.major, &found.minor); err != nil {
		return device{}, fmt.Errorf("read the number of block device %s: %w", found.name, err)
	}
	actual, err := numberOf(found.path)
	if err != nil {
		return device{}, fmt.Errorf("look at block device %s: %w", found.name, err)
	}
	if actual != found.number {
		return device{}, fmt.Errorf("%s is block device %d:%d and the kernel's %s is %d:%d; nothing is done with it",
			found.path, actual.major, actual.minor, found.name, found.major, found.minor)
	}
	return found, nil
}

// numberOf is the number of the block device behind a path.
func numberOf(path string) (number, error) {
	var status unix.Stat_t
	if err := unix.Stat(path, &status); err != nil {
		return number{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if status.Mode&unix.S_IFMT != unix.S_IFBLK {
		return number{}, fmt.Errorf("%s is no block device", path)
	}
	return number{unix.Major(status.Rdev), unix.Minor(status.Rdev)}, nil
}

// partitions are the disk's partitions as the kernel sees them.
func (d *Driver) partitions(disk device) ([]device, error) {
	entries, err := os.ReadDir(disk.folder)
	if err != nil {
		return nil, fmt.Errorf("list the partitions of %s: %w", disk.name, err)
	}
	var found []device
	for _, entry := range entries {
		folder := filepath.Join(disk.folder, entry.Name())
		if read(folder, "partition") == "" {
			continue
		}
		partition, err := d.device(folder)
		if err != nil {
			return nil, err
		}
		found = append(found, partition)
	}
	return found, nil
}

// held says who uses a device as a part of another one, such as a volume group.
func held(folder string) string {
	entries, err := os.ReadDir(filepath.Join(folder, "holders"))
	if err != nil || len(entries) == 0 {
		return ""
	}
	return entries[0].Name()
}

// size is the device's size in bytes.
func size(path string) (uint64, error) {
	file, err := os.Open(path) // #nosec G304 -- a verified device
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	end, err := file.Seek(0, 2)
	if err != nil {
		return 0, fmt.Errorf("read the size of %s: %w", path, err)
	}
	return uint64(end), nil // #nosec G115 -- never negative
}

// read is the content of a small file of sysfs, empty if there is none.
func read(folder, file string) string {
	content, err := os.ReadFile(filepath.Join(folder, file)) // #nosec G304 -- below sysfs
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}
