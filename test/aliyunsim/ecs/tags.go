package ecs

import (
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// tagged lends servers (instance), interfaces (eni), disks, snapshots and security
// groups (securitygroup) to the tag actions.
func (p *Product) tagged() api.Tagged {
	return api.Tagged{
		Tags: func(kind, id string) map[string]string {
			switch kind {
			case "instance":
				if s := p.living(id); s != nil {
					return s.Tags
				}
			case "securitygroup":
				if g := p.SecurityGroups[id]; g != nil {
					return g.Tags
				}
			case "eni":
				if i := p.Interfaces[id]; i != nil {
					return i.Tags
				}
			case "disk":
				if d := p.Disks[id]; d != nil {
					return d.Tags
				}
			case "snapshot":
				if s := p.Snapshots[id]; s != nil {
					return s.Tags
				}
			}
			return nil
		},
		IDs: func(kind string) []string {
			switch kind {
			case "instance":
				return append([]string{}, slices.Sorted(maps.Keys(p.Servers))...)
			case "securitygroup":
				return append([]string{}, slices.Sorted(maps.Keys(p.SecurityGroups))...)
			case "eni":
				return append([]string{}, slices.Sorted(maps.Keys(p.Interfaces))...)
			case "disk":
				return append([]string{}, slices.Sorted(maps.Keys(p.Disks))...)
			case "snapshot":
				return append([]string{}, slices.Sorted(maps.Keys(p.Snapshots))...)
			}
			return nil
		},
		PerResource: func() int { return p.Knobs.TagsPerObject },
	}
}
