package slb

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Seed is what a region holds of this product from the beginning. Seeding
// ignores quotas and does not ask whether servers exist, so that any situation
// can be set up.
type Seed struct {
	// Zones replaces the default pairs of master and slave zones.
	Zones         []ZoneSeed         `json:"zones,omitempty"`
	Certificates  []CertificateSeed  `json:"certificates,omitempty"`
	ACLs          []ACLSeed          `json:"acls,omitempty"`
	LoadBalancers []LoadBalancerSeed `json:"loadBalancers,omitempty"`
}

// ZoneSeed is a master zone with the slave zones that it can be paired with.
type ZoneSeed struct {
	ID     string   `json:"id"`
	Slaves []string `json:"slaves,omitempty"`
}

// CertificateSeed is a server certificate that HTTPS listeners can name.
// Certificate and Key, in PEM, are what the data plane serves; without them it is
// a self-signed one.
type CertificateSeed struct {
	ID          string            `json:"id"`
	Name        string            `json:"name,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Certificate string            `json:"certificate,omitempty"`
	Key         string            `json:"key,omitempty"`
	// Expires is when it ends; absent: the PEM tells, or it is unknown.
	Expires time.Time `json:"expires,omitzero"`
}

// ACLSeed is an access control list that listeners can name; IPVersion is ipv4
// (default) or ipv6.
type ACLSeed struct {
	ID        string            `json:"id"`
	Name      string            `json:"name,omitempty"`
	IPVersion string            `json:"ipVersion,omitempty"`
	Entries   []netip.Prefix    `json:"entries,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// LoadBalancerSeed is a load balancer. Without id and address it gets some; with
// a vSwitch it is an intranet one. Without spec it is paid by CLCU.
type LoadBalancerSeed struct {
	ID                     string            `json:"id,omitempty"`
	Name                   string            `json:"name,omitempty"`
	Address                string            `json:"address,omitempty"`
	AddressType            string            `json:"addressType,omitempty"`
	AddressIPVersion       string            `json:"addressIPVersion,omitempty"`
	VSwitch                string            `json:"vSwitch,omitempty"`
	Spec                   string            `json:"spec,omitempty"`
	InternetChargeType     string            `json:"internetChargeType,omitempty"`
	Bandwidth              int               `json:"bandwidth,omitempty"`
	MasterZone             string            `json:"masterZone,omitempty"`
	SlaveZone              string            `json:"slaveZone,omitempty"`
	DeleteProtection       bool              `json:"deleteProtection,omitempty"`
	ModificationProtection bool              `json:"modificationProtection,omitempty"`
	Inactive               bool              `json:"inactive,omitempty"`
	Locked                 bool              `json:"locked,omitempty"`
	Created                time.Time         `json:"created,omitzero"`
	Tags                   map[string]string `json:"tags,omitempty"`
	Backends               []BackendSeed     `json:"backends,omitempty"`
	Groups                 []GroupSeed       `json:"groups,omitempty"`
	Listeners              []ListenerSeed    `json:"listeners,omitempty"`
}

// BackendSeed is a member of a server group; Port is for vServer groups, IP for
// interfaces. Weight is 100 when absent.
type BackendSeed struct {
	Server string `json:"server"`
	IP     string `json:"ip,omitempty"`
	Port   int    `json:"port,omitempty"`
	Weight *int   `json:"weight,omitempty"`
}

// GroupSeed is a vServer group.
type GroupSeed struct {
	ID       string            `json:"id,omitempty"`
	Name     string            `json:"name,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Backends []BackendSeed     `json:"backends,omitempty"`
}

// ListenerSeed is a listener: running unless Stopped. Group is the name or id of
// one of the load balancer's groups; Settings are further settings by their
// names in Describe…ListenerAttribute.
type ListenerSeed struct {
	Port        int               `json:"port"`
	Protocol    string            `json:"protocol"`
	Stopped     bool              `json:"stopped,omitempty"`
	BackendPort int               `json:"backendPort,omitempty"`
	Group       string            `json:"group,omitempty"`
	Settings    map[string]string `json:"settings,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Seed adds what a seed holds.
func (p *Product) Seed(s Seed) error {
	if len(s.Zones) > 0 {
		p.zones = nil
		for _, z := range s.Zones {
			p.zones = append(p.zones, zone(z))
		}
	}
	for _, c := range s.Certificates {
		made := &certificate{ID: c.ID, Name: c.Name, Tags: seedTags(c.Tags), Certificate: c.Certificate, Key: c.Key, Expires: c.Expires}
		if parsed := made.parse(); parsed != nil && made.Expires.IsZero() {
			made.Expires = parsed.NotAfter
		}
		p.certificates[c.ID] = made
	}
	for _, a := range s.ACLs {
		version := a.IPVersion
		if version == "" {
			version = ipv4
		}
		p.acls[a.ID] = &accessList{ID: a.ID, Name: a.Name, IPVersion: version, Entries: a.Entries, Tags: seedTags(a.Tags)}
	}
	for _, lb := range s.LoadBalancers {
		if err := p.seedLoadBalancer(lb); err != nil {
			return fmt.Errorf("seed load balancer %q: %w", lb.ID+lb.Name, err)
		}
	}
	return nil
}

func seedTags(tags map[string]string) []tag {
	out := make([]tag, 0, len(tags))
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{Key: k, Value: tags[k]})
	}
	return out
}

func either(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}

func (p *Product) seedLoadBalancer(s LoadBalancerSeed) error {
	lb := &loadBalancer{
		Seq: p.nextSeq + 1, ID: s.ID, AddressType: internet, AddressIPVersion: either(s.AddressIPVersion, ipv4),
		ResourceGroupID: defaultResourceGroup, MasterZoneID: s.MasterZone, SlaveZoneID: s.SlaveZone,
		InstanceChargeType: byCLCU, Spec: elasticSpec, InternetChargeType: either(s.InternetChargeType, byTraffic),
		Bandwidth: maxBandwidth, DeleteProtection: s.DeleteProtection, ModificationProtection: s.ModificationProtection,
		Status: active, Locked: s.Locked, Created: s.Created, Tags: seedTags(s.Tags),
	}
	if lb.ID == "" {
		lb.ID = p.newID("lb")
	}
	if p.byID[lb.ID] != nil {
		return fmt.Errorf("the id %s is taken", lb.ID)
	}
	lb.Name = either(s.Name, "seeded-"+lb.ID)
	if s.Spec != "" {
		lb.InstanceChargeType, lb.Spec = bySpec, s.Spec
	}
	if s.Bandwidth != 0 {
		lb.Bandwidth = s.Bandwidth
	}
	if s.Inactive {
		lb.Status = inactive
	}
	if s.VSwitch != "" {
		v, ok := p.network().VSwitch(s.VSwitch)
		if !ok {
			return fmt.Errorf("the vSwitch %s does not exist", s.VSwitch)
		}
		lb.AddressType, lb.VSwitchID, lb.VPCID = intranet, v.ID, v.VPCID
	}
	lb.AddressType = either(s.AddressType, lb.AddressType)
	if s.MasterZone == "" {
		if err := p.readZones(&api.Call{Params: api.Params{}}, lb); err != nil {
			return err
		}
	}
	if err := p.seedContents(lb, s); err != nil {
		return err
	}
	if err := p.seedAddress(lb, s.Address); err != nil {
		return err
	}
	p.insert(lb)
	return nil
}

// seedAddress gives an internet load balancer the seed's address, which need not
// be of the public pools.
func (p *Product) seedAddress(lb *loadBalancer, address string) error {
	if address == "" || lb.AddressType == intranet {
		if err := p.allocate(lb, address); err != nil {
			return fmt.Errorf("address %q: %w", address, err)
		}
		return nil
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if _, taken := p.public[address]; taken {
		return fmt.Errorf("the address %s is taken", address)
	}
	lb.Address = address
	return nil
}

func (p *Product) seedContents(lb *loadBalancer, s LoadBalancerSeed) error {
	lb.Backends = p.seedMembers(lb, s.Backends)
	named := map[string]string{}
	for _, g := range s.Groups {
		id := g.ID
		if id == "" {
			id = p.newID("rsp")
		}
		if p.groups[id] != nil {
			return fmt.Errorf("the group id %s is taken", id)
		}
		named[id], named[g.Name] = id, id
		lb.Groups = append(lb.Groups, &group{
			ID: id, Name: g.Name, Tags: seedTags(g.Tags), Members: p.seedMembers(lb, g.Backends), Created: s.Created,
		})
	}
	for _, l := range s.Listeners {
		fresh, err := seedListener(l)
		if err != nil {
			return err
		}
		if lb.findListener(fresh.Port, fresh.Protocol) != nil {
			return fmt.Errorf("the listener %s/%d is there twice", fresh.Protocol, fresh.Port)
		}
		if l.Group != "" {
			if fresh.GroupID = named[l.Group]; fresh.GroupID == "" {
				return fmt.Errorf("the listener %s/%d names an unknown group %q", l.Protocol, l.Port, l.Group)
			}
		}
		lb.addListener(fresh)
	}
	return nil
}

func (p *Product) seedMembers(lb *loadBalancer, seeds []BackendSeed) []member {
	out := make([]member, 0, len(seeds))
	for _, b := range seeds {
		m := member{ServerID: b.Server, Host: b.Server, Type: typeECS, IP: b.IP, Port: b.Port, Weight: 100, VPCID: lb.VPCID}
		if b.IP != "" {
			m.Type = typeENI
		}
		if b.Weight != nil {
			m.Weight = *b.Weight
		}
		if server, err := p.host(&m); err == nil {
			m.Host, m.VPCID = server.ID, server.VPCID
		}
		out = append(out, m)
	}
	return out
}

func seedListener(s ListenerSeed) (*listener, error) {
	l := &listener{
		Port: s.Port, Protocol: s.Protocol, Status: running, BackendPort: s.BackendPort,
		Values: map[string]string{}, Tags: seedTags(s.Tags),
	}
	if s.Stopped {
		l.Status = stopped
	}
	if protocolNames[l.Protocol] == 0 || l.Port < 1 || l.Port > 65535 {
		return nil, fmt.Errorf("no listener can be %s/%d", l.Protocol, l.Port)
	}
	for name, value := range s.Settings {
		i := slices.IndexFunc(fieldsOf[l.Protocol], func(f *field) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("the listener %s/%d has no setting %s", l.Protocol, l.Port, name)
		}
		if err := fieldsOf[l.Protocol][i].check(name, value); err != nil {
			return nil, err
		}
		l.Values[name] = value
	}
	return l, nil
}
