package slb

import (
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// zone is a zone that may be a load balancer's master, with its possible slaves.
type zone struct {
	ID     string   `json:"id"`
	Slaves []string `json:"slaves"`
}

// defaultZones are the pairs of a region whose seed names none: each of some
// zones with each other.
func defaultZones(region string) []zone {
	letters := []string{"a", "b", "g", "h", "i", "j", "k"}
	zones := make([]zone, 0, len(letters))
	for _, m := range letters {
		z := zone{ID: region + "-" + m}
		for _, s := range letters {
			if s != m {
				z.Slaves = append(z.Slaves, region+"-"+s)
			}
		}
		zones = append(zones, z)
	}
	return zones
}

// readZones chooses the zones of a new load balancer: a pair that the region
// offers, by default with the vSwitch's zone as master.
func (p *Product) readZones(c *api.Call, lb *loadBalancer) *api.Error {
	master, slave := c.Params["MasterZoneId"], c.Params["SlaveZoneId"]
	if master == "" && slave != "" {
		return api.Missing("MasterZoneId")
	}
	wanted := master
	if wanted == "" && lb.VSwitchID != "" {
		v, _ := p.network().VSwitch(lb.VSwitchID)
		wanted = v.ZoneID
	}
	for _, z := range p.zones {
		if z.ID != wanted {
			continue
		}
		lb.MasterZoneID = z.ID
		for _, s := range z.Slaves {
			if slave == "" || s == slave {
				lb.SlaveZoneID = s
				return nil
			}
		}
		if slave == "" {
			return nil
		}
	}
	if master != "" {
		return refuse("ZoneNotSupport", "The zones %q and %q are not a pair that the region offers.", master, slave)
	}
	if len(p.zones) > 0 {
		lb.MasterZoneID = p.zones[0].ID
		if len(p.zones[0].Slaves) > 0 {
			lb.SlaveZoneID = p.zones[0].Slaves[0]
		}
	}
	return nil
}

func (p *Product) describeZones(*api.Call) (api.Reply, *api.Error) {
	zones := make([]any, 0, len(p.zones))
	for _, z := range p.zones {
		slaves := make([]any, 0, len(z.Slaves))
		for _, s := range z.Slaves {
			slaves = append(slaves, api.Reply{"ZoneId": s, "LocalName": s})
		}
		zones = append(zones, api.Reply{
			"ZoneId": z.ID, "LocalName": z.ID, "SlaveZones": api.Reply{"SlaveZone": slaves},
		})
	}
	return api.Reply{"Zones": api.Reply{"Zone": zones}}, nil
}

func (p *Product) describeRegions(*api.Call) (api.Reply, *api.Error) {
	return api.Reply{"Regions": api.Reply{"Region": []any{api.Reply{
		"RegionId": p.region, "LocalName": p.region, "RegionEndpoint": "slb." + p.region + ".aliyuncs.com",
	}}}}, nil
}
