package ecs

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// automatic asks for any address where a seed may name one.
const automatic = "auto"

// Seed describes the servers and disks of a region.
type Seed struct {
	// Zones are what DescribeZones lists besides the zones that servers are in.
	Zones []string `json:"zones,omitempty"`
	// Types are added to the catalogue.
	Types   []InstanceType `json:"types,omitempty"`
	Servers []ServerSeed   `json:"servers,omitempty"`
	Disks   []DiskSeed     `json:"disks,omitempty"`
}

// ServerSeed describes one server. Only VSwitch is needed.
type ServerSeed struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	HostName string `json:"hostName,omitempty"`
	// Type is a line of the catalogue, ecs.g7.large when empty.
	Type string `json:"type,omitempty"`
	// Zone must be the vSwitch's when given.
	Zone           string   `json:"zone,omitempty"`
	VSwitch        string   `json:"vSwitch"`
	SecurityGroups []string `json:"securityGroups,omitempty"`
	// PrivateIP is any free address when empty.
	PrivateIP string `json:"privateIP,omitempty"`
	PublicIP  string `json:"publicIP,omitempty"`
	// EIP is an elastic address, allocated when new; "auto" takes any.
	EIP string `json:"eip,omitempty"`
	// IPv6 is an address of the vSwitch's IPv6 CIDR; "auto" takes any.
	IPv6 string `json:"ipv6,omitempty"`
	// Status is the state to begin with, Running when empty.
	Status string `json:"status,omitempty"`
	// ChargeType is PostPaid (default) or PrePaid, SpotStrategy NoSpot (default),
	// SpotAsPriceGo or SpotWithPriceLimit.
	ChargeType         string            `json:"chargeType,omitempty"`
	SpotStrategy       string            `json:"spotStrategy,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	DeletionProtection bool              `json:"deletionProtection,omitempty"`
	// SourceDestCheck of the primary interface; the knob's setting when absent.
	SourceDestCheck *bool `json:"sourceDestCheck,omitempty"`
	// Interfaces are secondary ones.
	Interfaces []InterfaceSeed `json:"interfaces,omitempty"`
	// Locks are operation locks such as financial, security or recycling.
	Locks []string `json:"locks,omitempty"`
}

// InterfaceSeed describes a secondary interface, in the server's vSwitch unless
// it names another.
type InterfaceSeed struct {
	ID              string            `json:"id,omitempty"`
	Name            string            `json:"name,omitempty"`
	VSwitch         string            `json:"vSwitch,omitempty"`
	PrivateIPs      []string          `json:"privateIPs,omitempty"`
	IPv6            string            `json:"ipv6,omitempty"`
	SourceDestCheck *bool             `json:"sourceDestCheck,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
}

// Seed adds servers, created at a fixed day. A failure names what is wrong and
// leaves part of the seed behind; start over with a new Product.
func (p *Product) Seed(s Seed) error {
	p.Zones = append(p.Zones, s.Zones...)
	for _, t := range s.Types {
		if t.Name == "" || t.CPU < 1 || t.MemoryGiB <= 0 {
			return fmt.Errorf("instance type %q needs a name, CPUs and memory", t.Name)
		}
		p.Types[t.Name] = t
	}
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, seed := range s.Servers {
		if _, err := p.Create(created, seed); err != nil {
			return err
		}
	}
	for _, seed := range s.Disks {
		if _, err := p.AddDisk(created, seed); err != nil {
			return err
		}
	}
	return nil
}

// Create adds one server and returns its id. A failure changes nothing.
func (p *Product) Create(now time.Time, s ServerSeed) (string, error) {
	s = s.withDefaults(p)
	v, err := p.checkSeed(s)
	if err != nil {
		return "", fmt.Errorf("server %s: %w", s.ID, err)
	}
	var taken []*netInterface
	undo := func() {
		for _, i := range taken {
			p.freeAddresses(i)
		}
	}
	seeds := append([]InterfaceSeed{{
		VSwitch: s.VSwitch, PrivateIPs: []string{s.PrivateIP}, IPv6: s.IPv6, SourceDestCheck: s.SourceDestCheck,
	}}, s.Interfaces...)
	for index, seed := range seeds {
		i, err := p.buildInterface(now, s, seed, index)
		if err != nil {
			undo()
			return "", fmt.Errorf("server %s: %w", s.ID, err)
		}
		taken = append(taken, i)
	}
	if s.EIP != "" {
		address := s.EIP
		if address == automatic {
			address = ""
		}
		if err := p.Network.AttachEIP(now, address, s.ID, "EcsInstance"); err != nil {
			undo()
			return "", fmt.Errorf("server %s: %w", s.ID, err)
		}
	}
	created := &server{
		Seq: p.nextSeq(), ID: s.ID, Name: s.Name, HostName: s.HostName, Type: s.Type, Image: "debian_13_x64.vhd",
		VPC: v.VPCID, VSwitch: v.ID, Zone: v.ZoneID, SecurityGroups: s.SecurityGroups, PrivateIP: taken[0].PrivateIPs[0], PublicIP: s.PublicIP,
		Status: s.Status, ChargeType: s.ChargeType, SpotStrategy: s.SpotStrategy, SerialNumber: p.serial(),
		DeletionProtection: s.DeletionProtection, Locks: s.Locks, Tags: cloneTags(s.Tags), Created: now,
	}
	for _, i := range taken {
		i.Seq = p.nextSeq()
		p.Interfaces[i.ID] = i
		p.index.addInterface(i)
		created.Interfaces = append(created.Interfaces, i.ID)
	}
	p.Servers[created.ID] = created
	p.index.add(created)
	p.systemDisk(created)
	p.resume(created, now)
	return created.ID, nil
}

func (s ServerSeed) withDefaults(p *Product) ServerSeed {
	set := func(field *string, def string) {
		if *field == "" {
			*field = def
		}
	}
	if s.ID == "" {
		s.ID = api.NewID(p.Rand, "i")
	}
	set(&s.Name, s.ID)
	set(&s.HostName, s.Name)
	set(&s.Type, "ecs.g7.large")
	set(&s.Status, statusRunning)
	set(&s.ChargeType, chargePostPaid)
	set(&s.SpotStrategy, "NoSpot")
	if len(s.SecurityGroups) == 0 {
		s.SecurityGroups = []string{"sg-default"}
	}
	return s
}

func (p *Product) checkSeed(s ServerSeed) (api.VSwitch, error) {
	v, ok := p.Network.VSwitch(s.VSwitch)
	switch {
	case !ok:
		return v, fmt.Errorf("no vSwitch %q", s.VSwitch)
	case p.Servers[s.ID] != nil:
		return v, errors.New("the id exists already")
	case s.Zone != "" && s.Zone != v.ZoneID:
		return v, fmt.Errorf("zone %s is not the vSwitch's %s", s.Zone, v.ZoneID)
	case p.Types[s.Type].Name == "":
		return v, fmt.Errorf("unknown instance type %q", s.Type)
	case !slices.Contains([]string{statusPending, statusStarting, statusRunning, statusStopping, statusStopped}, s.Status):
		return v, fmt.Errorf("unknown status %q", s.Status)
	case s.ChargeType != chargePostPaid && s.ChargeType != chargePrePaid:
		return v, fmt.Errorf("unknown charge type %q", s.ChargeType)
	case s.PublicIP != "" && s.EIP != "":
		return v, errors.New("both a public and an elastic address")
	}
	if s.PublicIP != "" {
		if _, err := netip.ParseAddr(s.PublicIP); err != nil {
			return v, fmt.Errorf("public address: %w", err)
		}
	}
	ids := map[string]bool{}
	for _, i := range s.Interfaces {
		if i.ID != "" && (p.Interfaces[i.ID] != nil || ids[i.ID]) {
			return v, fmt.Errorf("interface %s exists already", i.ID)
		}
		ids[i.ID] = true
		if i.VSwitch == "" {
			continue
		}
		if other, ok := p.Network.VSwitch(i.VSwitch); !ok || other.ZoneID != v.ZoneID || other.VPCID != v.VPCID {
			return v, fmt.Errorf("interface vSwitch %q is not in the server's VPC and zone", i.VSwitch)
		}
	}
	return v, nil
}

// buildInterface takes the addresses of an interface, all of them or none. Index
// 0 is the primary one.
func (p *Product) buildInterface(now time.Time, s ServerSeed, seed InterfaceSeed, index int) (*netInterface, error) {
	if seed.VSwitch == "" {
		seed.VSwitch = s.VSwitch
	}
	if seed.ID == "" {
		seed.ID = api.NewID(p.Rand, "eni")
	}
	if len(seed.PrivateIPs) == 0 {
		seed.PrivateIPs = []string{""}
	}
	v, _ := p.Network.VSwitch(seed.VSwitch)
	i := &netInterface{
		ID: seed.ID, Name: seed.Name, Instance: s.ID, Type: interfacePrimary, Status: interfaceInUse, MAC: p.mac(),
		VPC: v.VPCID, VSwitch: v.ID, Zone: v.ZoneID, SecurityGroups: s.SecurityGroups, SourceDestCheck: p.Knobs.SourceDestCheck,
		DeviceIndex: index, Tags: cloneTags(seed.Tags), Created: now,
	}
	if index > 0 {
		i.Type = interfaceSecondary
	}
	if seed.SourceDestCheck != nil {
		i.SourceDestCheck = *seed.SourceDestCheck
	}
	for _, wanted := range seed.PrivateIPs {
		ip, err := p.Network.Allocate(v.ID, wanted, i.ID)
		if err != nil {
			p.freeAddresses(i)
			return nil, fmt.Errorf("private address: %w", err)
		}
		i.PrivateIPs = append(i.PrivateIPs, ip)
	}
	if seed.IPv6 == "" {
		return i, nil
	}
	wanted := seed.IPv6
	if wanted == automatic {
		wanted = ""
	}
	ip, err := p.Network.AllocateIPv6(v.ID, wanted, i.ID)
	if err != nil {
		p.freeAddresses(i)
		return nil, fmt.Errorf("IPv6 address: %w", err)
	}
	i.IPv6 = []string{ip}
	return i, nil
}

func (p *Product) freeAddresses(i *netInterface) {
	for _, ip := range i.addresses() {
		p.Network.Free(i.VSwitch, ip)
	}
}

func (p *Product) mac() string {
	return fmt.Sprintf("00:16:3e:%02x:%02x:%02x", p.Rand.IntN(256), p.Rand.IntN(256), p.Rand.IntN(256))
}

func (p *Product) serial() string {
	return fmt.Sprintf("%08x-%04x-%04x-%012x", p.Rand.Uint32(), p.Rand.IntN(1<<16), p.Rand.IntN(1<<16), p.Rand.Uint64()&(1<<48-1))
}

func cloneTags(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return maps.Clone(tags)
}
