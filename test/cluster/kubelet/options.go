package kubelet

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Options says what node Start makes of a server.
type Options struct {
	// Name is the Node's name. Default: Address.
	Name string
	// Address is the server's private address.
	Address string
	// IPv6 is the server's IPv6 address, of a node with both families.
	IPv6 string
	// Namespace is the path of the server's network namespace.
	Namespace string
	// Sandbox holds the node's control groups and files.
	Sandbox *sandbox.Sandbox
	// Cluster is what the node joins; it runs in a namespace that the server
	// reaches.
	Cluster *cluster.Cluster
	// ClusterCIDR is the range of all Pods, or one of each family with a comma between.
	// Default: 10.244.0.0/16.
	ClusterCIDR string
	// PodRange has the addresses of the server's interfaces that Pods get: its first is
	// the server's own. Default: Pods get addresses of their Node's ranges.
	PodRange string
	// Images are the docker-archives that the node has; that of images.Sandbox
	// must be one of them.
	Images []string
	// Labels and Taints are those with which the Node registers.
	Labels map[string]string
	Taints []corev1.Taint
	// Files are put into the node's file system before its programs start.
	Files []File
	// Folders of this machine are seen on the node, by the paths where: they are
	// there, or in one of the node's own folders.
	Folders map[string]string
	// KubeletArgs are further arguments of kubelet.
	KubeletArgs []string
}

// File is a file of a node, in one of its own folders, such as a static Pod's
// manifest in /etc/kubernetes/manifests.
type File struct {
	Path    string
	Content []byte
	Mode    fs.FileMode
	// Owner is the numeric user.
	Owner int
}

// ErrNoPackages says which programs the machine lacks.
var ErrNoPackages = errors.New("the machine lacks what nodes need; run 'sudo make setup'")

var errNeeded = errors.New("missing")

// Supported tells whether this machine can have nodes: nil, or an error that is
// sandbox.ErrUnsupported or ErrNoPackages, with the remedy.
func Supported() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it takes root", sandbox.ErrUnsupported)
	}
	return checkPackages()
}

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = o.Address
	}
	if o.ClusterCIDR == "" {
		o.ClusterCIDR = "10.244.0.0/16"
	}
	if _, err := netip.ParseAddr(o.Address); err != nil {
		return o, fmt.Errorf("reading Options.Address: %w", err)
	}
	if o.PodRange != "" {
		if _, err := netip.ParsePrefix(o.PodRange); err != nil {
			return o, fmt.Errorf("reading Options.PodRange: %w", err)
		}
	}
	if o.Namespace == "" || o.Sandbox == nil || o.Cluster == nil || len(o.Images) == 0 {
		return o, fmt.Errorf("options Namespace, Sandbox, Cluster and Images are needed: %w", errNeeded)
	}
	return o, Supported()
}

// nodeIPs are the addresses that the Node is to have.
func (o Options) nodeIPs() string {
	if o.IPv6 == "" {
		return o.Address
	}
	return o.Address + "," + o.IPv6
}

// Paths of what Debian's packages install. They are written out, as PATH may lack
// the folders of the administrator's programs.
const (
	containerdPath = "/usr/bin/containerd"
	ctrPath        = "/usr/bin/ctr"
	nftPath        = "/usr/sbin/nft"
)

func checkPackages() error {
	var missing []string
	for _, path := range []string{
		containerdPath, ctrPath, nftPath, "/usr/sbin/runc", "/usr/sbin/conntrack", "/usr/sbin/iptables",
		pluginDir + "/bridge", pluginDir + "/host-local", pluginDir + "/portmap", pluginDir + "/loopback", pluginDir + "/ptp",
	} {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, path)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: %w", strings.Join(missing, ", "), ErrNoPackages)
	}
	return nil
}
