package metadata

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Instance is a server as its metadata describes it.
type Instance struct {
	ID, Name, HostName, Type, Image, Serial string
	Region, Zone, Account                   string
	VPC, VPCCIDR, VSwitch, VSwitchCIDR      string
	PrivateIP, PublicIP                     string
	Interfaces                              []Interface
	SpotTermination                         string
}

// Interface is one of its network interfaces, the primary one first.
type Interface struct {
	ID, MAC, PrimaryIP   string
	PrivateIPs, IPv6s    []string
	VSwitch, VSwitchCIDR string
}

// leaves are the documents under meta-data, by path.
func (i Instance) leaves() map[string]string {
	out := map[string]string{
		"instance-id": i.ID, "region-id": i.Region, "zone-id": i.Zone, "vpc-id": i.VPC, "vswitch-id": i.VSwitch,
		"vpc-cidr-block": i.VPCCIDR, "vswitch-cidr-block": i.VSwitchCIDR, "private-ipv4": i.PrivateIP,
		"hostname": i.HostName, "network-type": "vpc", "owner-account-id": i.Account, "image-id": i.Image,
		"serial-number": i.Serial, "source-address": "http://mirrors.cloud.aliyuncs.com", "kms-server": "kms.cloud.aliyuncs.com",
		"instance/instance-type": i.Type, "instance/instance-name": i.Name,
		"dns-conf/nameservers": "100.100.2.136\n100.100.2.138", "ntp-conf/ntp-servers": "ntp.cloud.aliyuncs.com",
	}
	if i.PublicIP != "" {
		out["eipv4"] = i.PublicIP
	}
	if i.SpotTermination != "" {
		out["instance/spot/termination-time"] = i.SpotTermination
	}
	for n, nic := range i.Interfaces {
		if n == 0 {
			out["mac"] = nic.MAC
		}
		base := "network/interfaces/macs/" + nic.MAC + "/"
		out[base+"network-interface-id"] = nic.ID
		out[base+"primary-ip-address"] = nic.PrimaryIP
		out[base+"private-ipv4s"] = list(nic.PrivateIPs)
		out[base+"vswitch-id"] = nic.VSwitch
		out[base+"vpc-id"] = i.VPC
		out[base+"vpc-cidr-block"] = i.VPCCIDR
		out[base+"vswitch-cidr-block"] = nic.VSwitchCIDR
		if len(nic.IPv6s) > 0 {
			out[base+"ipv6s"] = list(nic.IPv6s)
		}
		if gateway, netmask, ok := router(nic.VSwitchCIDR); ok {
			out[base+"gateway"], out[base+"netmask"] = gateway, netmask
		}
	}
	return out
}

// list writes addresses as a JSON array.
func list(addresses []string) string {
	raw, err := json.Marshal(addresses)
	if err != nil {
		panic(fmt.Sprintf("strings cannot be encoded: %v", err))
	}
	return string(raw)
}

// router returns the address of a vSwitch's gateway, the third from its end, and
// the netmask.
func router(cidr string) (gateway, netmask string, ok bool) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || !prefix.Addr().Is4() || prefix.Bits() > 29 || prefix.Bits() < 1 {
		return "", "", false
	}
	base := prefix.Masked().Addr().As4()
	host := uint32(1)<<(32-prefix.Bits()) - 1
	word := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	return dotted((word | host) - 2), dotted(^host), true
}

func dotted(word uint32) string {
	return netip.AddrFrom4([4]byte{byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)}).String()
}

// identity is the document of dynamic/instance-identity.
func (i Instance) identity() string {
	mac := ""
	if len(i.Interfaces) > 0 {
		mac = i.Interfaces[0].MAC
	}
	raw, err := json.Marshal(map[string]string{
		"instance-id": i.ID, "region-id": i.Region, "zone-id": i.Zone, "owner-account-id": i.Account, "image-id": i.Image,
		"instance-type": i.Type, "serial-number": i.Serial, "private-ipv4": i.PrivateIP, "mac": mac,
	})
	if err != nil {
		panic(fmt.Sprintf("strings cannot be encoded: %v", err))
	}
	return string(raw)
}

// look answers a path of a tree of leaves: a leaf, or the names in a folder.
func look(leaves map[string]string, path string) (string, bool) {
	if leaf, ok := leaves[path]; ok {
		return leaf, true
	}
	folder := path
	if folder != "" && !strings.HasSuffix(folder, "/") {
		folder += "/"
	}
	names := map[string]bool{}
	for leaf := range leaves {
		rest, ok := strings.CutPrefix(leaf, folder)
		if !ok {
			continue
		}
		if name, _, deeper := strings.Cut(rest, "/"); deeper {
			names[name+"/"] = true
		} else {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return "", false
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), "\n"), true
}
