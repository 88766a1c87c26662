package ecs

import (
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// gibibyte is the unit of a disk's size.
const gibibyte = 1 << 30

// DiskLayout says which data disks there are and which servers see them, in the
// order of their creation. A disk appears with the end of Attaching; it goes with
// the beginning of Detaching, unless the server's guest does not let it go.
func (p *Product) DiskLayout() []network.Disk {
	var out []network.Disk
	for _, d := range slices.SortedFunc(maps.Values(p.Disks), byDiskSeq) {
		if d.Type == diskSystem {
			continue
		}
		disk := network.Disk{ID: d.ID, Serial: d.Serial}
		for _, a := range d.Attachments {
			s := p.living(a.Server)
			seen := a.Status == diskInUse || a.Status == diskDetaching && p.Knobs.DetachNeverEnds
			if s == nil || !seen {
				continue
			}
			disk.Uses = append(disk.Uses, network.DiskUse{Server: s.ID, Size: int64(d.GuestSize) * gibibyte, NVMe: p.Types[s.Type].NVMe})
		}
		out = append(out, disk)
	}
	return out
}
