// Package disks makes the disks of a region real: each is a sparse file, and a loop
// device on every server that sees it. As loop devices have no serial number, and
// all servers share one machine, each server has a tree of its own with a dev and a
// sys in which its disks are; bind its sys/block over /sys/block, and what looks
// there sees that server's disks alone.
package disks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/blockdev"
)

// Disks are those of a region.
type Disks struct {
	dir string

	// The maps are the caller's of Apply.
	servers map[string]*blockdev.Tree
	plugs   map[place]*plug

	mu sync.Mutex
	// unplugged is guarded by mu.
	unplugged []network.Unplugged
}

// place is where a disk is plugged in.
type place struct{ disk, server string }

// plug is a disk on a server.
type plug struct {
	loop *blockdev.Loop
	size int64
	// name is the device's, link that of udev; both may be empty.
	name, link string
}

// New keeps its files in the folder, which goes with them.
func New(dir string) *Disks {
	return &Disks{dir: dir, servers: map[string]*blockdev.Tree{}, plugs: map[place]*plug{}}
}

// Tree is the folder with a server's dev and sys.
func (d *Disks) Tree(server string) string { return filepath.Join(d.dir, "servers", server) }

// Unplugged are the disks that were taken from servers, in this order.
func (d *Disks) Unplugged() []network.Unplugged {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.unplugged)
}

// Apply makes files and devices what the region has. What fails does not hold up
// the rest.
func (d *Disks) Apply(want network.Network) error {
	var problems []error
	wanted := map[place]network.DiskUse{}
	exists := map[string]bool{}
	for _, disk := range want.Disks {
		exists[disk.ID] = true
		for _, use := range disk.Uses {
			wanted[place{disk.ID, use.Server}] = use
		}
	}
	// A disk leaves one server before it comes to another.
	for at := range d.plugs {
		if _, stays := wanted[at]; !stays {
			problems = append(problems, d.unplug(at))
		}
	}
	problems = append(problems, d.leave(want.Servers), d.remove(exists))
	for _, server := range want.Servers {
		problems = append(problems, d.join(server.ID))
	}
	for _, disk := range want.Disks {
		for _, use := range disk.Uses {
			problems = append(problems, d.plug(disk, use))
		}
	}
	return errors.Join(problems...)
}

// join gives a server its tree.
func (d *Disks) join(server string) error {
	if d.servers[server] != nil {
		return nil
	}
	tree, err := blockdev.NewTree(d.Tree(server))
	if err != nil {
		return fmt.Errorf("devices of %s: %w", server, err)
	}
	d.servers[server] = tree
	return nil
}

// leave removes the trees of servers that are gone.
func (d *Disks) leave(servers []network.Server) error {
	var problems []error
	for id, tree := range d.servers {
		if slices.ContainsFunc(servers, func(s network.Server) bool { return s.ID == id }) {
			continue
		}
		delete(d.servers, id)
		problems = append(problems, os.RemoveAll(tree.Root()))
	}
	return errors.Join(problems...)
}

// remove deletes the files of disks that are gone.
func (d *Disks) remove(exists map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(d.dir, "disks"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if !exists[entry.Name()] {
			err = errors.Join(err, os.Remove(d.file(entry.Name())))
		}
	}
	return err
}

func (d *Disks) file(disk string) string { return filepath.Join(d.dir, "disks", disk) }

// Close unplugs everything. Files stay until the folder goes.
func (d *Disks) Close() error {
	var problems []error
	for at := range d.plugs {
		problems = append(problems, d.unplug(at))
	}
	return errors.Join(problems...)
}
