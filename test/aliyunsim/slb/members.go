package slb

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// loose is a JSON string, number or boolean, as text: clients send weights and
// ports either way.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		err := json.Unmarshal(data, &s)
		*l = loose(s)
		return err
	}
	if string(data) != "null" {
		*l = loose(data)
	}
	return nil
}

// backendParam is an element of BackendServers.
type backendParam struct {
	ServerID    loose `json:"ServerId"`
	Port        loose
	Weight      loose
	Type        loose
	ServerIP    loose `json:"ServerIp"`
	Description loose
}

// UnmarshalJSON implements json.Unmarshaler; removals may name a server by a
// bare id.
func (b *backendParam) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &b.ServerID)
	}
	type plain backendParam
	return json.Unmarshal(data, (*plain)(b))
}

// backendForm says what a call expects in BackendServers.
type backendForm struct {
	parameter string
	// ports: members have a port (vServer groups); weights: a weight must be valid.
	ports, weights bool
}

// readMembers reads a JSON array of backends. Of equal ones the first counts.
func (p *Product) readMembers(c *api.Call, form backendForm) ([]member, *api.Error) {
	value := c.Params[form.parameter]
	if value == "" {
		return nil, api.Missing(form.parameter)
	}
	var params []backendParam
	if err := json.Unmarshal([]byte(value), &params); err != nil {
		return nil, refuse("BackendServersMalformed", "The specified %s is not a JSON array of servers.", form.parameter)
	}
	if len(params) > p.knobs.BackendsPerCall {
		return nil, refuse("TooManyBackendServers",
			"The number of backend servers exceeds max supported number: %d.", p.knobs.BackendsPerCall)
	}
	var out []member
	for _, b := range params {
		m, err := b.member(form)
		if err != nil {
			return nil, err
		}
		m.Since = c.Now
		if !slices.ContainsFunc(out, m.same) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (b backendParam) member(form backendForm) (member, *api.Error) {
	m := member{
		ServerID: string(b.ServerID), Type: strings.ToLower(string(b.Type)), IP: string(b.ServerIP),
		Weight: 100, Description: string(b.Description),
	}
	if m.ServerID == "" {
		return m, refuse("BackendServersMalformed", "A backend server lacks its ServerId.")
	}
	if m.Type == "" {
		m.Type = typeECS
		if strings.HasPrefix(m.ServerID, "eni-") {
			m.Type = typeENI
		}
	}
	if !slices.Contains([]string{typeECS, typeENI, typeECI}, m.Type) {
		return m, refuse("BackendServer.InvalidType", "The specified Type is invalid.")
	}
	if form.ports {
		port, err := strconv.Atoi(string(b.Port))
		if err != nil || port < 1 || port > 65535 {
			return m, api.Invalid("Port", string(b.Port))
		}
		m.Port = port
	}
	if form.weights && b.Weight != "" {
		weight, err := strconv.Atoi(string(b.Weight))
		if err != nil || weight < 0 || weight > 100 {
			return m, refuse("InvalidWeight.Malformed", "The specified Weight %q is not valid.", string(b.Weight))
		}
		m.Weight = weight
	}
	if len([]rune(m.Description)) > 80 {
		return m, api.Invalid("Description", m.Description)
	}
	return m, nil
}

// admit checks members that are about to join lb, and completes them: each must
// exist, run, and be in the load balancer's VPC and address family. An internet
// load balancer takes the VPC of its first backend.
func (p *Product) admit(lb *loadBalancer, joining []member) *api.Error {
	vpc := lb.backendVPC()
	for i := range joining {
		m := &joining[i]
		host, err := p.host(m)
		if err != nil {
			return err
		}
		if host.Status != serverRunning {
			return refuse("ObtainIpFail", "The specified server %s is not running.", m.ServerID)
		}
		if vpc == "" {
			vpc = host.VPCID
		}
		if host.VPCID != vpc {
			return refuse("NetworkConflict", "The server %s is in the VPC %s, the load balancer in %s.", m.ServerID, host.VPCID, vpc)
		}
		if err := family(lb, *m, host); err != nil {
			return err
		}
		m.Host, m.VPCID = host.ID, host.VPCID
	}
	return nil
}

// host finds the server that a member means.
func (p *Product) host(m *member) (api.Server, *api.Error) {
	if m.Type == typeECS {
		s, ok := p.servers().Server(m.ServerID)
		if !ok {
			return s, refuse("InvalidServerId.NotExist", "The specified ServerId %s is not exist.", m.ServerID)
		}
		return s, nil
	}
	missing := api.Errorf(404, "ResourceNotFound.vServers", "The specified enis %s does not exist.", m.ServerID)
	interfaces, ok := p.servers().(api.Interfaces)
	if m.Type == typeECI || !ok {
		return api.Server{}, missing
	}
	nic, ok := interfaces.Interface(m.ServerID)
	if !ok {
		return api.Server{}, missing
	}
	s, ok := p.servers().Server(nic.InstanceID)
	if !ok {
		return s, missing
	}
	if m.IP == "" {
		m.IP = nic.PrimaryIP
	}
	if m.IP != nic.PrimaryIP && !slices.Contains(nic.Addresses, m.IP) {
		return s, refuse("ObtainIpFail", "The address %s is not one of the interface %s.", m.IP, m.ServerID)
	}
	return s, nil
}

// family refuses a backend without an address of the load balancer's family.
func family(lb *loadBalancer, m member, host api.Server) *api.Error {
	wrong := refuse("IpVersionConflict", "The server %s has no address of the load balancer's version %s.", m.ServerID, lb.AddressIPVersion)
	if m.IP != "" {
		a, err := netip.ParseAddr(m.IP)
		switch {
		case err != nil:
			return api.Invalid("ServerIp", m.IP)
		case a.Is6() == (lb.AddressIPVersion == ipv6):
			return nil
		case a.Is6():
			return refuse("OperationDeny.LbNotSupportIPv6Server", "The specified loadbalancer does not support ipv6 server.")
		default:
			return wrong
		}
	}
	if lb.AddressIPVersion == ipv6 && len(host.IPv6) == 0 {
		return wrong
	}
	return nil
}

// backendVPC is the VPC that lb's backends must be in, empty while that is open.
func (lb *loadBalancer) backendVPC() string {
	if lb.VPCID != "" {
		return lb.VPCID
	}
	for _, m := range lb.Backends {
		return m.VPCID
	}
	for _, g := range lb.Groups {
		for _, m := range g.Members {
			return m.VPCID
		}
	}
	return ""
}

// fits checks the quotas for a change of one group's members: backends per load
// balancer, and load balancers per server, both whatever the group.
func (p *Product) fits(lb *loadBalancer, before, after []member) *api.Error {
	backends, hosts := map[string]int{}, map[string]int{}
	for _, m := range before {
		backends[m.backend()]--
		hosts[m.Host]--
	}
	for _, m := range after {
		backends[m.backend()]++
		hosts[m.Host]++
	}
	more := 0
	for b, by := range backends {
		was, is := lb.servers[b] > 0, lb.servers[b]+by > 0
		if is && !was {
			more++
		} else if was && !is {
			more--
		}
	}
	if more > 0 && len(lb.servers)+more > p.knobs.BackendsPerLoadBalancer {
		return refuse("BackEndServerNumberOverLimit",
			"The number of backend servers of the load balancer exceeds the limit of %d.", p.knobs.BackendsPerLoadBalancer)
	}
	for _, m := range after {
		joins := p.attached[m.Host][lb] == 0 && hosts[m.Host] > 0
		if joins && len(p.attached[m.Host]) >= p.knobs.AttachmentsPerServer {
			return refuse("BackendServerAttachedNumberOverLimit",
				"The server %s is in %d load balancers, which is the limit.", m.Host, p.knobs.AttachmentsPerServer)
		}
	}
	return nil
}

// join returns members and those of joining that are not among them. With
// strict, one that is already there is a failure.
func (p *Product) join(lb *loadBalancer, members, joining []member, strict bool) ([]member, *api.Error) {
	var fresh []member
	for _, m := range joining {
		if !slices.ContainsFunc(members, m.same) {
			fresh = append(fresh, m)
		} else if strict {
			return nil, invalid("The specified backend server %s already exists.", m.ServerID)
		}
	}
	if err := p.admit(lb, fresh); err != nil {
		return nil, err
	}
	out := slices.Concat(members, fresh)
	return out, nil
}

// leave returns members without those that are leaving; absent ones are ignored.
func leave(members, leaving []member) []member {
	return slices.DeleteFunc(slices.Clone(members), func(m member) bool {
		return slices.ContainsFunc(leaving, func(o member) bool {
			return m.ServerID == o.ServerID && m.Port == o.Port && (m.Type == typeECS || o.IP == "" || m.IP == o.IP)
		})
	})
}

// reweigh returns members with the weights and descriptions of given ones, which
// must all be members.
func reweigh(members, given []member) ([]member, *api.Error) {
	out := slices.Clone(members)
	for _, m := range given {
		i := slices.IndexFunc(out, m.same)
		if i < 0 {
			return nil, refuse("InvalidServerId.NotExist", "The specified ServerId %s is not exist.", m.ServerID)
		}
		out[i].Weight = m.Weight
		if m.Description != "" {
			out[i].Description = m.Description
		}
	}
	return out, nil
}

// replace puts after in the place of a group's members.
func (p *Product) replace(lb *loadBalancer, members *[]member, after []member) {
	p.count(lb, *members, -1)
	p.count(lb, after, 1)
	*members = after
}

// ServerReleased implements api.LoadBalancers.
func (p *Product) ServerReleased(serverID string) {
	gone := func(m member) bool { return m.Host == serverID }
	for lb := range p.attached[serverID] {
		p.replace(lb, &lb.Backends, slices.DeleteFunc(slices.Clone(lb.Backends), gone))
		for _, g := range lb.Groups {
			p.replace(lb, &g.Members, slices.DeleteFunc(slices.Clone(g.Members), gone))
		}
	}
}
