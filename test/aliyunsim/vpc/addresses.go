package vpc

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// The cloud keeps the first and the last three addresses of a vSwitch.
const (
	reservedFirst = 1
	reservedLast  = 3
)

// VSwitch implements api.Network.
func (p *Product) VSwitch(id string) (api.VSwitch, bool) {
	v, ok := p.VSwitches[id]
	if !ok {
		return api.VSwitch{}, false
	}
	return api.VSwitch{ID: v.ID, VPCID: v.VPC, ZoneID: v.Zone, CIDR: v.CIDR, IPv6CIDR: v.IPv6CIDR}, true
}

// HasVPC implements api.ServerNetwork.
func (p *Product) HasVPC(id string) bool { return p.VPCs[id] != nil }

// RoutesTo implements api.Network.
func (p *Product) RoutesTo(serverID string) []string {
	return slices.Sorted(maps.Keys(p.index.hops[serverID]))
}

// Allocate implements api.Network.
func (p *Product) Allocate(vswitchID, wanted, owner string) (string, error) {
	v, ok := p.VSwitches[vswitchID]
	if !ok {
		return "", fmt.Errorf("vSwitch %s: %w", vswitchID, api.ErrAddress)
	}
	if v.Exhausted {
		return "", fmt.Errorf("vSwitch %s: %w", vswitchID, api.ErrNoAddress)
	}
	base, usable := v.span()
	if wanted != "" {
		addr, err := netip.ParseAddr(wanted)
		if err != nil || !addr.Is4() {
			return "", fmt.Errorf("address %q of vSwitch %s: %w", wanted, vswitchID, api.ErrAddress)
		}
		offset := number(addr) - base // wraps to a huge number below base
		if offset < reservedFirst || offset >= reservedFirst+usable || v.Used[addr.String()] != "" {
			return "", fmt.Errorf("address %q of vSwitch %s: %w", wanted, vswitchID, api.ErrAddress)
		}
		v.Used[addr.String()] = owner
		return addr.String(), nil
	}
	for range usable {
		addr := address(base + reservedFirst + v.Next).String()
		v.Next = (v.Next + 1) % usable
		if v.Used[addr] == "" {
			v.Used[addr] = owner
			return addr, nil
		}
	}
	return "", fmt.Errorf("vSwitch %s: %w", vswitchID, api.ErrNoAddress)
}

// AllocateIPv6 implements api.ServerNetwork.
func (p *Product) AllocateIPv6(vswitchID, wanted, owner string) (string, error) {
	v, ok := p.VSwitches[vswitchID]
	if !ok || v.IPv6CIDR == "" {
		return "", fmt.Errorf("IPv6 of vSwitch %s: %w", vswitchID, api.ErrAddress)
	}
	prefix, err := netip.ParsePrefix(v.IPv6CIDR)
	if err != nil {
		return "", fmt.Errorf("IPv6 of vSwitch %s: %w", vswitchID, err)
	}
	if wanted != "" {
		addr, err := netip.ParseAddr(wanted)
		if err != nil || !prefix.Contains(addr) || v.Used[addr.String()] != "" {
			return "", fmt.Errorf("address %q of vSwitch %s: %w", wanted, vswitchID, api.ErrAddress)
		}
		v.Used[addr.String()] = owner
		return addr.String(), nil
	}
	raw := prefix.Masked().Addr().As16()
	for {
		v.NextIPv6++
		binary.BigEndian.PutUint32(raw[12:], v.NextIPv6)
		addr := netip.AddrFrom16(raw)
		if !prefix.Contains(addr) {
			return "", fmt.Errorf("IPv6 of vSwitch %s: %w", vswitchID, api.ErrNoAddress)
		}
		if v.Used[addr.String()] == "" {
			v.Used[addr.String()] = owner
			return addr.String(), nil
		}
	}
}

// Free implements api.Network.
func (p *Product) Free(vswitchID, address string) {
	if v, ok := p.VSwitches[vswitchID]; ok {
		delete(v.Used, address)
	}
}

// SetExhausted makes a vSwitch pretend that it has no free address, or stop it.
func (p *Product) SetExhausted(vswitchID string, exhausted bool) error {
	v, ok := p.VSwitches[vswitchID]
	if !ok {
		return fmt.Errorf("no vSwitch %s", vswitchID)
	}
	v.Exhausted = exhausted
	return nil
}

// span returns the first address of the vSwitch as a number and how many
// addresses can be used.
func (v *vSwitch) span() (base, usable uint32) {
	prefix, err := netip.ParsePrefix(v.CIDR)
	if err != nil {
		return 0, 0
	}
	size := uint32(1) << (32 - prefix.Bits())
	return number(prefix.Addr()), size - reservedFirst - reservedLast
}

// available is AvailableIpAddressCount.
func (v *vSwitch) available() int {
	if v.Exhausted {
		return 0
	}
	_, usable := v.span()
	free := int(usable)
	for addr := range v.Used {
		if ipVersion(addr) == "IPv4" {
			free--
		}
	}
	return free
}

func number(a netip.Addr) uint32 {
	raw := a.As4()
	return binary.BigEndian.Uint32(raw[:])
}

func address(n uint32) netip.Addr {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], n)
	return netip.AddrFrom4(raw)
}
