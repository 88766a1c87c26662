package disks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/blockdev"
)

// nvmeLink is how udev names Alibaba Cloud's NVMe disks.
const nvmeLink = "nvme-Alibaba_Cloud_Elastic_Block_Storage_"

// plug makes a disk appear on a server, or grow there.
func (d *Disks) plug(disk network.Disk, use network.DiskUse) error {
	at := place{disk.ID, use.Server}
	there := d.plugs[at]
	if there == nil {
		made, err := d.open(disk.ID, use.Size)
		if err != nil {
			return fmt.Errorf("disk %s on %s: %w", disk.ID, use.Server, err)
		}
		there = made
		d.plugs[at] = there
	}
	if there.name == "" {
		if err := d.show(disk, use, there); err != nil {
			return fmt.Errorf("disk %s on %s: %w", disk.ID, use.Server, err)
		}
	}
	if use.Size > there.size {
		if err := there.loop.Grow(use.Size); err != nil {
			return fmt.Errorf("grow disk %s on %s: %w", disk.ID, use.Server, err)
		}
		there.size = use.Size
	}
	return nil
}

// open makes the device. A file is never cut, whatever the size.
func (d *Disks) open(disk string, size int64) (*plug, error) {
	file := d.file(disk)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	if info, err := os.Stat(file); err == nil {
		size = max(size, info.Size())
	}
	loop, err := blockdev.NewLoop(file, size)
	if err != nil {
		return nil, err
	}
	return &plug{loop: loop, size: size}, nil
}

// show puts the device into the server's tree. It has the name that the machine's
// kernel knows it by, which has as little to do with the name that the API tells
// as on a real server.
func (d *Disks) show(disk network.Disk, use network.DiskUse, p *plug) error {
	tree := d.servers[use.Server]
	if tree == nil {
		return nil // that is an error already
	}
	kind, link := blockdev.Virtio, "virtio-"
	if use.NVMe {
		kind, link = blockdev.NVMe, nvmeLink
	}
	name := filepath.Base(p.loop.Path)
	if err := tree.Add(name, kind, disk.Serial, p.loop); err != nil {
		return err
	}
	p.name = name
	if disk.Serial == "" {
		return nil
	}
	if err := tree.Link(link+disk.Serial, name); err != nil {
		return err
	}
	p.link = filepath.Join(tree.Root(), "dev/disk/by-id", link+disk.Serial)
	return nil
}

// unplug takes a disk from its server: its device is gone at once, whoever uses it.
func (d *Disks) unplug(at place) error {
	p := d.plugs[at]
	delete(d.plugs, at)
	var problems []error
	if tree := d.servers[at.server]; tree != nil && p.name != "" {
		if p.link != "" {
			problems = append(problems, os.Remove(p.link))
		}
		problems = append(problems, tree.Remove(p.name))
	}
	used, err := p.loop.Unplug()
	problems = append(problems, err)
	d.mu.Lock()
	d.unplugged = append(d.unplugged, network.Unplugged{Disk: at.disk, Server: at.server, Used: used})
	d.mu.Unlock()
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("take disk %s from %s: %w", at.disk, at.server, err)
	}
	return nil
}
