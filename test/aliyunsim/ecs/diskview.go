package ecs

import (
	"maps"
	"slices"
)

// DiskView is a disk as a test sees it.
type DiskView struct {
	ID, Status string
	// Servers have the disk in any state, from the beginning of its attachment to
	// the end of its detachment.
	Servers []string
	Tags    map[string]string
	// System says that it is a server's system disk, MultiAttach that it may be
	// attached to several servers.
	System, MultiAttach bool
}

// View returns a disk, or false when none exists.
func (p *Product) View(id string) (DiskView, bool) {
	d := p.Disks[id]
	if d == nil {
		return DiskView{}, false
	}
	v := DiskView{ID: d.ID, Status: d.status(), Tags: maps.Clone(d.Tags), System: d.Type == diskSystem, MultiAttach: d.MultiAttach}
	for _, a := range d.Attachments {
		v.Servers = append(v.Servers, a.Server)
	}
	return v, true
}

// Views returns all disks in the order of their ids.
func (p *Product) Views() []DiskView {
	var all []DiskView
	for _, id := range slices.Sorted(maps.Keys(p.Disks)) {
		v, _ := p.View(id)
		all = append(all, v)
	}
	return all
}
