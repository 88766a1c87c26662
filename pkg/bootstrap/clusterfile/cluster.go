// Package clusterfile is the one file that says what a cluster is made of: its
// ranges, its servers, its images.
package clusterfile

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"

	"sigs.k8s.io/yaml"
)

// Cluster is what the file says. Fields that are absent have the values of Defaults.
type Cluster struct {
	// Name is in the names of the authorities and is etcd's cluster token.
	Name string `json:"name"`
	// Region is Alibaba Cloud's, such as cn-hangzhou.
	Region string `json:"region"`
	VPC    VPC    `json:"vpc"`
	// PodCIDR is the range of all Pods; each node gets a /24 of it.
	PodCIDR string `json:"podCIDR"`
	// ServiceCIDR is the range of Services. The first address is the API
	// server's, the tenth the DNS server's.
	ServiceCIDR   string `json:"serviceCIDR"`
	ClusterDomain string `json:"clusterDomain"`
	// LoadBalancer is before the masters.
	LoadBalancer LoadBalancer `json:"loadBalancer"`
	// KubernetesVersion is the tag of Kubernetes' images, such as v1.37.2.
	KubernetesVersion string   `json:"kubernetesVersion"`
	Images            Images   `json:"images"`
	Servers           []Server `json:"servers"`
	// Groups are nodes that come and go, as those of a scaling group: all have
	// one user-data, and join with a token.
	Groups []Group `json:"groups,omitempty"`
	// ReplacesEtcd is the address of an etcd server that takes the place of a
	// dead one: it joins what exists.
	ReplacesEtcd string `json:"replacesEtcd,omitempty"`
	// Packages are installed from the distribution on masters and nodes.
	Packages []string `json:"packages"`
	// Downloads are programs that the first start fetches.
	Downloads []Download `json:"downloads,omitempty"`
	// Ignition writes user-data for Flatcar beside that for cloud-init.
	Ignition bool `json:"ignition,omitempty"`
	// VolumePluginDir is where FlexVolume drivers are.
	VolumePluginDir string `json:"volumePluginDir"`
	// BinDir is where etcd and kubelet are, CNIBinDir where CNI plug-ins are.
	BinDir    string `json:"binDir"`
	CNIBinDir string `json:"cniBinDir"`
	// CgroupDriver is systemd or cgroupfs.
	CgroupDriver string `json:"cgroupDriver"`
	// NTPServers tell the time.
	NTPServers []string `json:"ntpServers"`
	// RegistryMirrors are URLs by the registry that they stand for.
	RegistryMirrors map[string]string `json:"registryMirrors,omitempty"`
	// PlainMetadata lets a server ask the metadata service without a token.
	PlainMetadata bool `json:"plainMetadata,omitempty"`
	// Kubelet are further or other fields of KubeletConfiguration.
	Kubelet map[string]any `json:"kubelet,omitempty"`
	// Controller are settings of aliyun-controller, as in its cloud-config.yaml.
	Controller map[string]any `json:"controller,omitempty"`
	// Admin is the common name of the operator's certificate.
	Admin string `json:"admin"`
	// CertificateRequests is a folder with requests in cfssl's form that take the
	// places of ours, by their names.
	CertificateRequests string `json:"certificateRequests,omitempty"`
}

// VPC is where the servers are.
type VPC struct {
	ID   string `json:"id"`
	CIDR string `json:"cidr"`
	// OtherCIDRs are further ranges that Pods reach with their own addresses.
	OtherCIDRs []string `json:"otherCIDRs,omitempty"`
	VSwitches  []string `json:"vSwitches,omitempty"`
	// VSwitchRanges are the vSwitches that there are to be; the command network
	// makes those that are missing.
	VSwitchRanges []VSwitchRange `json:"vSwitchRanges,omitempty"`
	RouteTable    string         `json:"routeTable,omitempty"`
}

// VSwitchRange is a vSwitch by its place.
type VSwitchRange struct {
	Zone string `json:"zone"`
	CIDR string `json:"cidr"`
}

// LoadBalancer is the internal one before the API servers.
type LoadBalancer struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
	// Names are further addresses and names that clients use.
	Names []string `json:"names,omitempty"`
}

// Images are where containers come from.
type Images struct {
	// Repository has Kubernetes' own.
	Repository string `json:"repository"`
	Pause      string `json:"pause"`
	CoreDNS    string `json:"coreDNS"`
	Controller string `json:"controller"`
}

// Role is what a server does.
type Role string

// The roles.
const (
	Etcd   Role = "etcd"
	Master Role = "master"
	Node   Role = "node"
	// Joining is that of a group's servers; it is not in the file.
	Joining Role = "group"
)

// Server is one server.
type Server struct {
	Role Role `json:"role"`
	// Address is its private address. It is the Node's name too.
	Address string `json:"address"`
	// PublicAddress is in its certificates, if it has one.
	PublicAddress string            `json:"publicAddress,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Taints        []Taint           `json:"taints,omitempty"`
}

// Group are servers that are alike and are not known before.
type Group struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Taints []Taint           `json:"taints,omitempty"`
}

// GroupLabel is on every Node that has joined, with its group's name.
const GroupLabel = "kube-aliyun.io/group"

// Server is what every server of the group is; its Address is the group's name.
func (g Group) Server() Server {
	labels := map[string]string{GroupLabel: g.Name}
	maps.Copy(labels, g.Labels)
	return Server{Role: Joining, Address: g.Name, Labels: labels, Taints: g.Taints}
}

// All are the servers, and one for each group.
func (c *Cluster) All() []Server {
	all := slices.Clone(c.Servers)
	for _, g := range c.Groups {
		all = append(all, g.Server())
	}
	return all
}

// Taint keeps Pods away that do not tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

// Download is a program, or an archive of programs.
type Download struct {
	// Roles are the servers that need it.
	Roles  []Role `json:"roles"`
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
	// Path is the file, or with a slash at its end the folder that an archive
	// without its first folder is put into.
	Path string `json:"path"`
}

// Load reads a cluster file. The error tells every problem of it at once.
func Load(path string) (*Cluster, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own
	if err != nil {
		return nil, fmt.Errorf("reading the cluster file: %w", err)
	}
	cluster, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("cluster file %s: %w", path, err)
	}
	return cluster, nil
}

// Parse is Load of what is in a file.
func Parse(content []byte) (*Cluster, error) {
	c := Defaults()
	if err := yaml.UnmarshalStrict(content, c); err != nil {
		return nil, err
	}
	return c, c.validate()
}

// Defaults are the values of what a file does not say. The ranges are those of the
// article that kube-aliyun comes from.
func Defaults() *Cluster {
	return &Cluster{
		PodCIDR: "10.2.0.0/16", ServiceCIDR: "10.3.0.0/24", ClusterDomain: "cluster.local",
		LoadBalancer: LoadBalancer{Port: 6443}, KubernetesVersion: "v1.37.2",
		Images: Images{Repository: "registry.k8s.io", Pause: "registry.k8s.io/pause:3.10.1", CoreDNS: "registry.k8s.io/coredns/coredns:v1.12.4"},
		// Debian's and Ubuntu's.
		Packages: []string{"containerd", "containernetworking-plugins", "conntrack", "curl", "nftables"},
		BinDir:   "/usr/local/bin", CNIBinDir: "/usr/lib/cni", VolumePluginDir: "/usr/libexec/kubernetes/kubelet-plugins/volume/exec", CgroupDriver: "systemd",
		NTPServers: []string{"ntp.cloud.aliyuncs.com", "ntp7.cloud.aliyuncs.com", "ntp8.cloud.aliyuncs.com"},
		Admin:      "admin",
	}
}

// Of lists the servers of a role.
func (c *Cluster) Of(role Role) []Server {
	var servers []Server
	for _, s := range c.Servers {
		if s.Role == role {
			servers = append(servers, s)
		}
	}
	return servers
}

// ServiceAddress is an address of the range of Services, counted from its start.
func (c *Cluster) ServiceAddress(number int) netip.Addr {
	prefix, err := netip.ParsePrefix(c.ServiceCIDR)
	if err != nil {
		return netip.Addr{}
	}
	address := prefix.Masked().Addr()
	for range number {
		address = address.Next()
	}
	return address
}
