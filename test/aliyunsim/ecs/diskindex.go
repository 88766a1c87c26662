package ecs

import (
	"maps"
	"slices"
)

// restoreDisks enters the disks of a restored state.
func (x *index) restoreDisks(s *state) {
	for _, d := range slices.SortedFunc(maps.Values(s.Disks), byDiskSeq) {
		x.addDisk(d)
		for _, a := range d.Attachments {
			x.plugged(a.Server)[d.ID] = d
		}
		if d.moving() {
			x.movingDisks[d.ID] = d
		}
	}
	for _, shot := range slices.SortedFunc(maps.Values(s.Snapshots), bySnapshotSeq) {
		x.addSnapshot(shot)
	}
}

// addDisk enters the newest disk.
func (x *index) addDisk(d *disk) { x.disks = append(x.disks, d) }

func (x *index) removeDisk(d *disk) {
	x.disks = cut(x.disks, d, byDiskSeq)
	for _, a := range d.Attachments {
		x.unplugged(a.Server, d.ID)
	}
	delete(x.movingDisks, d.ID)
}

// plugged are the disks of a server, in any state of attachment.
func (x *index) plugged(server string) map[string]*disk {
	if x.disksOn[server] == nil {
		x.disksOn[server] = map[string]*disk{}
	}
	return x.disksOn[server]
}

func (x *index) unplugged(server, id string) {
	delete(x.disksOn[server], id)
	if len(x.disksOn[server]) == 0 {
		delete(x.disksOn, server)
	}
}

// addSnapshot enters the newest snapshot.
func (x *index) addSnapshot(s *snapshot) {
	x.snapshots = append(x.snapshots, s)
	if !s.Due.IsZero() {
		x.movingSnapshots[s.ID] = s
	}
}

func (x *index) removeSnapshot(s *snapshot) {
	x.snapshots = cut(x.snapshots, s, bySnapshotSeq)
	delete(x.movingSnapshots, s.ID)
}
