package flexvolume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// serialOf is the serial of the volume's disk. The path that the controller gave
// at attach names both, and must name the disk that the volume asks for: kubelet
// takes two volumes of one name for one, and passes the first one's path with the
// second one's options.
func (d *Driver) serialOf(o options, path string) (string, error) {
	disk, serial, named := wire.ParseDevice(path)
	switch {
	case o.disk == "" && !named:
		return "", errNoDisk
	case o.disk == "":
		return serial, nil
	case !named:
		return d.recall(o.disk), nil
	case disk != o.disk:
		return "", fmt.Errorf("volume %s is disk %s on this node, and this Pod's volume of that name asks for disk %s; "+
			"rename the volume in the Pod", o.name, disk, o.disk)
	}
	return serial, d.remember(disk, serial)
}

// usual is the serial that a disk has unless it is an old one.
func usual(disk string) string { return strings.TrimPrefix(disk, "d-") }

// remember keeps an unusual serial for the calls that get no path from attach.
func (d *Driver) remember(disk, serial string) error {
	if serial == usual(disk) {
		return nil
	}
	if err := os.MkdirAll(d.state, 0o700); err != nil {
		return fmt.Errorf("remember the serial of disk %s: %w", disk, err)
	}
	fresh := filepath.Join(d.state, fmt.Sprintf(".%s.%d", disk, os.Getpid()))
	if err := os.WriteFile(fresh, []byte(serial), 0o600); err != nil {
		return fmt.Errorf("remember the serial of disk %s: %w", disk, err)
	}
	if err := os.Rename(fresh, filepath.Join(d.state, disk)); err != nil {
		return errors.Join(fmt.Errorf("remember the serial of disk %s: %w", disk, err), os.Remove(fresh))
	}
	return nil
}

// recall is the serial remembered for the disk, else the usual one.
func (d *Driver) recall(disk string) string {
	if serial := read(d.state, disk); serial != "" {
		return serial
	}
	return usual(disk)
}
