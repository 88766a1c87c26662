package region

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	ecssdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
)

var _ metadata.Source = (*Region)(nil)

// Instance implements metadata.Source, out of the API's own answers.
func (r *Region) Instance(id string) (metadata.Instance, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.advance()
	params := api.Params{}
	if id != "" {
		params["InstanceIds"] = `["` + id + `"]`
	}
	var found struct {
		Instances struct{ Instance []ecssdk.Instance }
	}
	if r.ask(now, api.ECS, "DescribeInstances", params, &found) != nil || len(found.Instances.Instance) == 0 {
		return metadata.Instance{}, false
	}
	v := found.Instances.Instance[0]
	out := metadata.Instance{
		ID: v.InstanceId, Name: v.InstanceName, HostName: v.HostName, Type: v.InstanceType, Image: v.ImageId, Serial: v.SerialNumber,
		Region: r.Name, Zone: v.ZoneId, Account: r.Account, VPC: v.VpcAttributes.VpcId, VSwitch: v.VpcAttributes.VSwitchId,
		VSwitchCIDR: r.vSwitchCIDR(v.VpcAttributes.VSwitchId), PublicIP: v.EipAddress.IpAddress,
	}
	if addresses := v.VpcAttributes.PrivateIpAddress.IpAddress; len(addresses) > 0 {
		out.PrivateIP = addresses[0]
	}
	if out.PublicIP == "" && len(v.PublicIpAddress.IpAddress) > 0 {
		out.PublicIP = v.PublicIpAddress.IpAddress[0]
	}
	out.VPCCIDR = r.vpcCIDR(now, out.VPC)
	out.Interfaces = r.interfaces(now, v.InstanceId)
	return out, true
}

func (r *Region) vSwitchCIDR(id string) string {
	v, _ := r.VPC.VSwitch(id)
	return v.CIDR
}

func (r *Region) vpcCIDR(now time.Time, id string) string {
	var found struct {
		Vpcs struct{ Vpc []struct{ CidrBlock string } }
	}
	if r.ask(now, api.VPC, "DescribeVpcs", api.Params{"VpcId": id}, &found) != nil || len(found.Vpcs.Vpc) == 0 {
		return ""
	}
	return found.Vpcs.Vpc[0].CidrBlock
}

func (r *Region) interfaces(now time.Time, instance string) []metadata.Interface {
	var found struct {
		NetworkInterfaceSets struct{ NetworkInterfaceSet []ecssdk.NetworkInterfaceSet }
	}
	if r.ask(now, api.ECS, "DescribeNetworkInterfaces", api.Params{"InstanceId": instance}, &found) != nil {
		return nil
	}
	sets := found.NetworkInterfaceSets.NetworkInterfaceSet
	slices.SortStableFunc(sets, func(a, b ecssdk.NetworkInterfaceSet) int {
		return rank(a.Type) - rank(b.Type)
	})
	out := make([]metadata.Interface, 0, len(sets))
	for _, v := range sets {
		nic := metadata.Interface{
			ID: v.NetworkInterfaceId, MAC: v.MacAddress, PrimaryIP: v.PrivateIpAddress,
			VSwitch: v.VSwitchId, VSwitchCIDR: r.vSwitchCIDR(v.VSwitchId),
		}
		for _, a := range v.PrivateIpSets.PrivateIpSet {
			nic.PrivateIPs = append(nic.PrivateIPs, a.PrivateIpAddress)
		}
		for _, a := range v.Ipv6Sets.Ipv6Set {
			nic.IPv6s = append(nic.IPv6s, a.Ipv6Address)
		}
		out = append(out, nic)
	}
	return out
}

func rank(kind string) int {
	if kind == "Primary" {
		return 0
	}
	return 1
}

// ask calls an action from inside, with the lock held.
func (r *Region) ask(now time.Time, product api.Product, action string, params api.Params, into any) error {
	for _, p := range r.products {
		if p.name != product {
			continue
		}
		for _, a := range p.Actions() {
			if a.Name != action {
				continue
			}
			reply, failure := a.Handle(&api.Call{
				Product: product, Action: action, RegionID: r.Name, Now: now, Params: params, Account: r.Account,
			})
			if failure != nil {
				return failure
			}
			raw, err := json.Marshal(reply)
			if err != nil {
				return fmt.Errorf("encode %s: %w", action, err)
			}
			if err := json.Unmarshal(raw, into); err != nil {
				return fmt.Errorf("decode %s: %w", action, err)
			}
			return nil
		}
	}
	return errUnknown("action", action)
}

// RoleDocument implements metadata.Source: the current credentials of a role, or
// new ones when those have at most rotateBefore left.
func (r *Region) RoleDocument(role string, validity, rotateBefore time.Duration) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.advance()
	s, ok := r.sessions[role]
	if !ok || s.Expires.Sub(now) <= rotateBefore || !r.alive(s.KeyID, now) {
		issued, err := r.STS.Issue(now, role, "metadata", validity, nil)
		if err != nil {
			return "", false
		}
		s = issued
		r.sessions[role] = s
	}
	raw, err := json.MarshalIndent(struct {
		AccessKeyId, AccessKeySecret, Expiration, SecurityToken, LastUpdated, Code string //nolint:revive // the vendor's names
	}{s.KeyID, s.Secret, r.STS.Expiration(s.Expires), s.Token, r.STS.Expiration(s.Expires.Add(-validity)), "Success"}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("a struct of strings cannot be encoded: %v", err))
	}
	return string(raw), true
}

// alive says whether credentials that were issued still serve.
func (r *Region) alive(keyID string, now time.Time) bool {
	c, ok := r.Identities.Caller(keyID)
	return ok && now.Before(c.Expires)
}
