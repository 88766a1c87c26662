package blockdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Tree is a folder with the parts of /dev and /sys in which a server's disks are
// found: loop devices have no serial of their own.
type Tree struct{ root string }

// Kind is how a disk shows its serial.
type Kind int

// The kinds of disks that servers have.
const (
	// Virtio disks are named vda and on; serial is a file of the disk.
	Virtio Kind = iota
	// NVMe disks are named nvme0n1 and on; serial is a file of their controller.
	NVMe
)

// NewTree makes an empty tree in the folder.
func NewTree(root string) (*Tree, error) {
	for _, dir := range []string{"dev/disk/by-id", "sys/block"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return nil, err
		}
	}
	return &Tree{root: root}, nil
}

// Root is the folder, which stands for /.
func (t *Tree) Root() string { return t.root }

// Path is the file of the device with the name.
func (t *Tree) Path(name string) string { return filepath.Join(t.root, "dev", name) }

// Add shows the disk under the name that a kernel would give it. Of an NVMe disk
// the serial is padded with blanks, as controllers do.
func (t *Tree) Add(name string, kind Kind, serial string, disk *Loop) error {
	folder := filepath.Join(t.root, "sys/block", name)
	file, content := "serial", serial
	if kind == NVMe {
		file, content = "device/serial", fmt.Sprintf("%-20s\n", serial)
	}
	return errors.Join(
		write(filepath.Join(folder, file), content),
		t.device(folder, name, disk),
	)
}

// AddPartition shows a partition of a disk that was added.
func (t *Tree) AddPartition(disk string, number int, partition *Loop) error {
	name := fmt.Sprintf("%s%d", disk, number)
	folder := filepath.Join(t.root, "sys/block", disk, name)
	return errors.Join(
		write(filepath.Join(folder, "partition"), fmt.Sprintln(number)),
		t.device(folder, name, partition),
	)
}

func (t *Tree) device(folder, name string, loop *Loop) error {
	return errors.Join(
		os.Symlink(loop.Path, t.Path(name)),
		write(filepath.Join(folder, "dev"), fmt.Sprintf("%d:%d\n", loop.Major, loop.Minor)),
	)
}

// Link makes udev's link to a device of the tree.
func (t *Tree) Link(link, name string) error {
	return os.Symlink("../../"+name, filepath.Join(t.root, "dev/disk/by-id", link))
}

// Remove takes a disk out of the tree with its partitions; links stay.
func (t *Tree) Remove(name string) error {
	folder := filepath.Join(t.root, "sys/block", name)
	partitions, err := filepath.Glob(filepath.Join(folder, "*", "partition"))
	err = errors.Join(err, os.Remove(t.Path(name)))
	for _, file := range partitions {
		err = errors.Join(err, os.Remove(t.Path(filepath.Base(filepath.Dir(file)))))
	}
	return errors.Join(err, os.RemoveAll(folder))
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}
