package clusterfile

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	versionPattern = regexp.MustCompile(`^v1\.[0-9]+\.[0-9]+$`)
	domainPattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	imagePattern   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$`)
	sumPattern     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	packagePattern = regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9.+_=-]*$`)
	labelPattern   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	valuePattern   = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$`)
)

// shared is the range of Alibaba Cloud's own services: route tables refuse it.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// problems gathers what is wrong, each with the key that it is about.
type problems struct{ found []error }

func (p *problems) add(key, format string, values ...any) {
	p.found = append(p.found, fmt.Errorf("%s: "+format, append([]any{key}, values...)...))
}

func (p *problems) match(key, value string, pattern *regexp.Regexp, example string) {
	switch {
	case value == "":
		p.add(key, "is missing, such as %s", example)
	case !pattern.MatchString(value):
		p.add(key, "%q is not like %s", value, example)
	}
}

func (p *problems) prefix(key, value string) netip.Prefix {
	prefix, err := netip.ParsePrefix(value)
	switch {
	case value == "":
		p.add(key, "is missing")
	case err != nil || !prefix.Addr().Is4():
		p.add(key, "%q is not an IPv4 range such as 10.2.0.0/16", value)
	case prefix.Masked() != prefix:
		p.add(key, "%s has bits beyond its mask; %s is meant, perhaps", value, prefix.Masked())
	case prefix.Overlaps(shared):
		p.add(key, "%s is within %s, which is Alibaba Cloud's own", value, shared)
	default:
		return prefix
	}
	return netip.Prefix{}
}

func (p *problems) address(key, value string) netip.Addr {
	address, err := netip.ParseAddr(value)
	switch {
	case value == "":
		p.add(key, "is missing")
	case err != nil || !address.Is4():
		p.add(key, "%q is not an IPv4 address", value)
	default:
		return address
	}
	return netip.Addr{}
}

// validate returns every problem of the file.
func (c *Cluster) validate() error {
	p := &problems{}
	p.match("name", c.Name, namePattern, "prod-1 (at most 40 characters)")
	p.match("region", c.Region, regionPattern, "cn-hangzhou")
	p.match("kubernetesVersion", c.KubernetesVersion, versionPattern, "v1.37.2")
	p.match("clusterDomain", c.ClusterDomain, domainPattern, "cluster.local")
	p.match("admin", c.Admin, labelPattern, "admin")
	p.match("images.repository", c.Images.Repository, imagePattern, "registry.k8s.io")
	p.match("images.pause", c.Images.Pause, imagePattern, "registry.k8s.io/pause:3.10.1")
	p.match("images.coreDNS", c.Images.CoreDNS, imagePattern, "registry.k8s.io/coredns/coredns:v1.12.4")
	p.match("images.controller", c.Images.Controller, imagePattern, "registry.example.com/kube-aliyun/aliyun-controller:v0.1.0")
	c.validateRanges(p)
	c.validateServers(p)
	c.validateGroups(p)
	c.validatePrograms(p)
	if c.CgroupDriver != "systemd" && c.CgroupDriver != "cgroupfs" {
		p.add("cgroupDriver", "%q is neither systemd nor cgroupfs", c.CgroupDriver)
	}
	for _, name := range slices.Concat(c.NTPServers, c.LoadBalancer.Names) {
		if !domainPattern.MatchString(name) {
			p.add("ntpServers, loadBalancer.names", "%q is no host name or address", name)
		}
	}
	for registry, mirror := range c.RegistryMirrors {
		if u, err := url.Parse(mirror); err != nil || u.Host == "" || !domainPattern.MatchString(registry) {
			p.add("registryMirrors", "%s: %s is not the URL of a mirror of a registry", registry, mirror)
		}
	}
	for _, key := range []string{"apiVersion", "kind", "staticPodPath", "registerWithTaints", "cgroupDriver"} {
		if _, given := c.Kubelet[key]; given {
			p.add("kubelet."+key, "is not to be set here")
		}
	}
	for _, key := range []string{"access-key", "access-key-secret", "security-token"} {
		if _, given := c.Controller[key]; given {
			p.add("controller."+key, "is a key of the cloud, and would be in user-data: create the Secret aliyun-creds")
		}
	}
	return errors.Join(p.found...)
}

func (c *Cluster) validateRanges(p *problems) {
	named := map[string]netip.Prefix{}
	for key, value := range map[string]string{"vpc.cidr": c.VPC.CIDR, "podCIDR": c.PodCIDR, "serviceCIDR": c.ServiceCIDR} {
		if prefix := p.prefix(key, value); prefix.IsValid() {
			named[key] = prefix
		}
	}
	for i, value := range c.VPC.OtherCIDRs {
		p.prefix(fmt.Sprintf("vpc.otherCIDRs[%d]", i), value)
	}
	c.validateVSwitches(p, named["vpc.cidr"])
	for _, pair := range [][2]string{{"podCIDR", "serviceCIDR"}, {"podCIDR", "vpc.cidr"}, {"serviceCIDR", "vpc.cidr"}} {
		one, other := named[pair[0]], named[pair[1]]
		if one.IsValid() && other.IsValid() && one.Overlaps(other) {
			p.add(pair[0], "%s overlaps %s %s", one, pair[1], other)
		}
	}
	if pods := named["podCIDR"]; pods.IsValid() {
		nodes := len(c.Of(Master)) + len(c.Of(Node))
		if pods.Bits() > 24 || nodes > 1<<(24-pods.Bits()) {
			p.add("podCIDR", "%s has no /24 for each of %d nodes", pods, nodes)
		}
	}
	if services := named["serviceCIDR"]; services.IsValid() && services.Bits() > 27 {
		p.add("serviceCIDR", "%s has fewer than 32 addresses", services)
	}
	balancer := p.address("loadBalancer.address", c.LoadBalancer.Address)
	if c.LoadBalancer.Port < 1 || c.LoadBalancer.Port > 65535 {
		p.add("loadBalancer.port", "%d is no port", c.LoadBalancer.Port)
	}
	for _, s := range c.Servers {
		if balancer.IsValid() && s.Address == c.LoadBalancer.Address {
			p.add("loadBalancer.address", "%s is a server's", balancer)
		}
	}
}

// validateVSwitches checks the vSwitches that are to be made: masks as the API has
// them (VPC API: CreateVSwitch).
func (c *Cluster) validateVSwitches(p *problems, vpc netip.Prefix) {
	var all []netip.Prefix
	for i, v := range c.VPC.VSwitchRanges {
		key := fmt.Sprintf("vpc.vSwitchRanges[%d]", i)
		p.match(key+".zone", v.Zone, regionPattern, "cn-hangzhou-h")
		prefix := p.prefix(key+".cidr", v.CIDR)
		if !prefix.IsValid() {
			continue
		}
		if prefix.Bits() < 16 || prefix.Bits() > 29 {
			p.add(key+".cidr", "the mask of %s is not in /16 to /29", prefix)
		}
		if vpc.IsValid() && (vpc.Bits() > prefix.Bits() || !vpc.Contains(prefix.Addr())) {
			p.add(key+".cidr", "%s is not in vpc.cidr %s", prefix, vpc)
		}
		if j := slices.IndexFunc(all, prefix.Overlaps); j >= 0 {
			p.add(key+".cidr", "%s overlaps %s", prefix, all[j])
		}
		all = append(all, prefix)
	}
}

func (c *Cluster) validateServers(p *problems) {
	vpc, _ := netip.ParsePrefix(c.VPC.CIDR)
	seen := map[string]int{}
	for i, s := range c.Servers {
		key := fmt.Sprintf("servers[%d]", i)
		if !slices.Contains([]Role{Etcd, Master, Node}, s.Role) {
			p.add(key+".role", "%q is none of etcd, master and node", s.Role)
		}
		address := p.address(key+".address", s.Address)
		if address.IsValid() && vpc.IsValid() && !vpc.Contains(address) {
			p.add(key+".address", "%s is not in vpc.cidr %s", address, vpc)
		}
		if before, twice := seen[s.Address]; twice {
			p.add(key+".address", "%s is that of servers[%d] too", s.Address, before)
		}
		seen[s.Address] = i
		if s.PublicAddress != "" {
			p.address(key+".publicAddress", s.PublicAddress)
		}
		validateNode(p, key, s)
	}
	if n := len(c.Of(Etcd)); n == 0 || n%2 == 0 {
		p.add("servers", "%d etcd servers: an odd number is needed, 3 as a rule, since a majority must live", n)
	}
	if len(c.Of(Master)) == 0 {
		p.add("servers", "there is no master; 2 are the rule")
	}
	if c.ReplacesEtcd != "" && !slices.ContainsFunc(c.Of(Etcd), func(s Server) bool { return s.Address == c.ReplacesEtcd }) {
		p.add("replacesEtcd", "%s is no etcd server", c.ReplacesEtcd)
	}
}

// validateGroups checks groups; their names are labels of Nodes.
func (c *Cluster) validateGroups(p *problems) {
	seen := map[string]bool{}
	for i, g := range c.Groups {
		key := fmt.Sprintf("groups[%d]", i)
		p.match(key+".name", g.Name, namePattern, "workers (at most 40 characters)")
		if seen[g.Name] {
			p.add(key+".name", "%q is there twice", g.Name)
		}
		seen[g.Name] = true
		validateNode(p, key, Server{Labels: g.Labels, Taints: g.Taints})
	}
}

// validateNode checks labels and taints. A kubelet refuses to start with labels that
// it may not give itself.
func validateNode(p *problems, key string, s Server) {
	for label, value := range s.Labels {
		domain, _, qualified := strings.Cut(label, "/")
		reserved := qualified && (domain == "kubernetes.io" || domain == "k8s.io" || strings.HasSuffix(domain, ".kubernetes.io") || strings.HasSuffix(domain, ".k8s.io"))
		allowed := domain == "node.kubernetes.io" || domain == "kubelet.kubernetes.io" ||
			strings.HasSuffix(domain, ".node.kubernetes.io") || strings.HasSuffix(domain, ".kubelet.kubernetes.io")
		if label == GroupLabel {
			p.add(key+".labels", "%s is for servers of groups, which get it", label)
		}
		if !labelPattern.MatchString(label) || !valuePattern.MatchString(value) {
			p.add(key+".labels", "%q: %q is not a label", label, value)
		} else if reserved && !allowed {
			p.add(key+".labels", "a kubelet may not give itself %s; put it on the Node afterwards", label)
		}
	}
	for _, t := range s.Taints {
		if !labelPattern.MatchString(t.Key) || !valuePattern.MatchString(t.Value) || !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, t.Effect) {
			p.add(key+".taints", "%s=%s:%s is not a taint", t.Key, t.Value, t.Effect)
		}
	}
}

func (c *Cluster) validatePrograms(p *problems) {
	for _, name := range c.Packages {
		if !packagePattern.MatchString(name) {
			p.add("packages", "%q is no package", name)
		}
	}
	for key, dir := range map[string]string{"binDir": c.BinDir, "cniBinDir": c.CNIBinDir, "volumePluginDir": c.VolumePluginDir} {
		if !filepath.IsAbs(dir) || strings.ContainsAny(dir, " $%\"'\\") {
			p.add(key, "%q is not an absolute path", dir)
		}
	}
	for i, d := range c.Downloads {
		key := fmt.Sprintf("downloads[%d]", i)
		if u, err := url.Parse(d.URL); err != nil || u.Host == "" || strings.ContainsAny(d.URL, " \n") {
			p.add(key+".url", "%q is not a URL", d.URL)
		}
		if !sumPattern.MatchString(d.SHA256) {
			p.add(key+".sha256", "%q is not a checksum of 64 hexadecimal digits", d.SHA256)
		}
		if !filepath.IsAbs(d.Path) || strings.ContainsAny(d.Path, " \n") {
			p.add(key+".path", "%q is not an absolute path", d.Path)
		}
		if len(d.Roles) == 0 {
			p.add(key+".roles", "is missing: etcd, master, node")
		}
	}
}
