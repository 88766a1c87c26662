package blockdev

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sector is the smallest size that a device can have.
const sector = 512

// Unplug takes the disk out of its server as a hot unplug does, also while it is
// mounted: whoever uses the device then has errors for all that it reads and
// writes, and the device goes when the last one lets go of it. The file keeps what
// was written before. It tells whether the device was mounted or held otherwise.
func (l *Loop) Unplug() (used bool, err error) {
	used, err = l.used()
	if err == nil && used {
		// A loop device that is in use cannot be unbound. Nearly all of it lies
		// behind its end from now on.
		err = unix.IoctlLoopSetStatus64(int(l.device.Fd()), &unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR, Sizelimit: sector})
		if err != nil {
			err = fmt.Errorf("unplug %s: %w", l.Path, err)
		}
	}
	return used, errors.Join(err, l.Close())
}

// used tells whether somebody has the device for himself, as a mount has.
func (l *Loop) used() (bool, error) {
	fd, err := unix.Open(l.Path, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether %s is used: %w", l.Path, err)
	}
	return false, unix.Close(fd)
}
