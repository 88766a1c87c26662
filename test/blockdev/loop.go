// Package blockdev makes block devices for tests, as root: loop devices over
// sparse files, and trees in which they look like the disks of a server.
//
// A loop device goes when the process that made it ends, however it ends, unless
// it is still mounted; so mount it in a mount namespace of that process alone.
package blockdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Loop is a disk: a loop device over a sparse file.
type Loop struct {
	// Path is the device's file.
	Path string
	// Major and Minor are its number.
	Major, Minor uint32

	device, backing *os.File
}

// attempts bounds how often another process may be quicker to take a free device.
const attempts = 50

// NewLoop makes a disk of the size in bytes over a file in the folder, which is
// made if it is not there. A file that is there keeps its content.
func NewLoop(file string, size int64) (*Loop, error) {
	backing, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := backing.Truncate(size); err != nil {
		return nil, errors.Join(err, backing.Close())
	}
	return bind(backing, 0, 0)
}

// Partition makes a device of a part of the disk, in bytes. It stands for what
// the kernel makes of a partition table; not every kernel reads each kind.
func (l *Loop) Partition(offset, size int64) (*Loop, error) {
	backing, err := os.OpenFile(l.backing.Name(), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return bind(backing, offset, size)
}

// bind gives the file a device; a size of 0 is all of it.
func bind(backing *os.File, offset, size int64) (*Loop, error) {
	for range attempts {
		loop, err := take(backing, offset, size)
		if err == nil {
			return loop, nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return nil, errors.Join(err, backing.Close())
		}
	}
	return nil, errors.Join(errors.New("others took every free loop device"), backing.Close())
}

// take binds the next free device; the kernel makes as many as are asked for.
func take(backing *os.File, offset, size int64) (*Loop, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = control.Close() }()
	index, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return nil, fmt.Errorf("ask for a free loop device: %w", err)
	}
	path := filepath.Join("/dev", "loop"+strconv.Itoa(index))
	if err := node(path, index); err != nil {
		return nil, err
	}
	device, err := os.OpenFile(path, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	config := unix.LoopConfig{
		Fd:   uint32(backing.Fd()),
		Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR, Offset: uint64(offset), Sizelimit: uint64(size)},
	}
	if err := unix.IoctlLoopConfigure(int(device.Fd()), &config); err != nil {
		return nil, errors.Join(fmt.Errorf("configure %s: %w", path, err), device.Close())
	}
	var status unix.Stat_t
	if err := unix.Fstat(int(device.Fd()), &status); err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return &Loop{Path: path, Major: unix.Major(status.Rdev), Minor: unix.Minor(status.Rdev), device: device, backing: backing}, nil
}

// loopMajor is the kernel's number of all loop devices.
const loopMajor = 7

// node makes the device's file where /dev is not the kernel's own.
func node(path string, index int) error {
	err := unix.Mknod(path, unix.S_IFBLK|0o600, int(unix.Mkdev(loopMajor, uint32(index))))
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// Grow makes the disk as large, in bytes.
func (l *Loop) Grow(size int64) error {
	if err := l.backing.Truncate(size); err != nil {
		return err
	}
	return unix.IoctlSetInt(int(l.device.Fd()), unix.LOOP_SET_CAPACITY, 0)
}

// Write writes to the disk at the offset.
func (l *Loop) Write(content []byte, offset int64) error {
	if _, err := l.device.WriteAt(content, offset); err != nil {
		return err
	}
	return l.device.Sync()
}

// Close gives the device back, once nobody has it mounted. The file stays.
func (l *Loop) Close() error {
	return errors.Join(l.device.Close(), l.backing.Close())
}
