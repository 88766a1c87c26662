package vpc

import (
	"maps"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// tagged lends VPCs, vSwitches, route tables and elastic addresses to the tag
// actions. Resource types are taken in any case: VPC, VSWITCH, ROUTETABLE, EIP.
func (p *Product) tagged() api.Tagged {
	return api.Tagged{
		Tags: func(kind, id string) map[string]string {
			switch strings.ToUpper(kind) {
			case "VPC":
				if v := p.VPCs[id]; v != nil {
					return v.Tags
				}
			case "VSWITCH":
				if v := p.VSwitches[id]; v != nil {
					return v.Tags
				}
			case "ROUTETABLE":
				if t := p.Tables[id]; t != nil {
					return t.Tags
				}
			case "EIP":
				if e := p.EIPs[id]; e != nil {
					return e.Tags
				}
			}
			return nil
		},
		IDs: func(kind string) []string {
			switch strings.ToUpper(kind) {
			case "VPC":
				return idsOf(p.VPCs)
			case "VSWITCH":
				return idsOf(p.VSwitches)
			case "ROUTETABLE":
				return idsOf(p.Tables)
			case "EIP":
				return idsOf(p.EIPs)
			}
			return nil
		},
		PerResource: func() int { return p.Knobs.TagsPerObject },
	}
}

func idsOf[T any](m map[string]T) []string {
	return append([]string{}, slices.Sorted(maps.Keys(m))...)
}
