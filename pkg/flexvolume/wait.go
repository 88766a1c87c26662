package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// waitForAttach answers with the verified file of the volume's disk, and never
// with another or an empty one: kubelet would give the Pod a folder of its own disk.
func (d *Driver) waitForAttach(ctx context.Context, arguments []string) (reply, error) {
	o, err := parseOptions(arguments[1])
	if err != nil {
		return reply{}, err
	}
	serial, err := d.serialOf(o, arguments[0])
	if err != nil {
		return reply{}, err
	}
	begin := time.Now()
	disk, err := d.wait(ctx, serial)
	if err != nil {
		return reply{}, fmt.Errorf("%w, after %s%s", err, time.Since(begin).Round(time.Second), d.hint(serial))
	}
	partitions, err := d.partitions(disk)
	if err != nil {
		return reply{}, err
	}
	if err := d.unused(disk, partitions, o.name); err != nil {
		return reply{}, err
	}
	return reply{Device: disk.path}, nil
}

// wait looks for the disk until it is there or the context ends. Any error may
// pass: the kernel and udev make a device step by step.
func (d *Driver) wait(ctx context.Context, serial string) (device, error) {
	tick := time.NewTicker(d.limits.poll)
	defer tick.Stop()
	for {
		disk, err := d.find(serial)
		if err == nil || errors.Is(err, errTwoDevices) {
			return disk, err
		}
		klog.FromContext(ctx).V(4).Info("Device not there yet", "serial", serial, "reason", err)
		select {
		case <-ctx.Done():
			return device{}, err
		case <-tick.C:
		}
	}
}

// hint tells what a missing device may come from.
func (d *Driver) hint(serial string) string {
	links, _ := filepath.Glob(filepath.Join(d.dev, "disk/by-id", "*"))
	for _, link := range links {
		if strings.HasSuffix(link, "-"+serial) || strings.HasSuffix(link, "_"+serial) {
			target, _ := os.Readlink(link)
			return fmt.Sprintf("; the link %s to %s exists, and that device does not show the serial", link, filepath.Base(target))
		}
	}
	return "; look whether the disk is attached to this server, and whether its kernel shows /sys/block/*/serial (virtio) or /sys/block/*/device/serial (NVMe)"
}
