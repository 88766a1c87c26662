package clusterfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
)

// Values are those of the whole cluster.
func (c *Cluster) Values() placeholder.Values {
	etcd, leaders := c.Of(Etcd), c.Of(Master)
	initial, clients, masters := make([]string, 0, len(etcd)), make([]string, 0, len(etcd)), make([]string, 0, len(leaders))
	for _, s := range etcd {
		initial = append(initial, s.Address+"=https://"+net.JoinHostPort(s.Address, "2380"))
		clients = append(clients, "https://"+net.JoinHostPort(s.Address, "2379"))
	}
	for _, s := range leaders {
		masters = append(masters, s.Address)
	}
	inside := append([]string{c.PodCIDR, c.ServiceCIDR, c.VPC.CIDR, shared.String()}, c.VPC.OtherCIDRs...)
	return placeholder.Values{
		"CLUSTER_NAME": c.Name, "CLUSTER_DOMAIN": c.ClusterDomain, "USERNAME": c.Admin,
		"CLUSTER_CIDR": c.PodCIDR, "SERVICE_CIDR": c.ServiceCIDR,
		"SERVICE_IP": c.ServiceAddress(1).String(), "DNS_IP": c.ServiceAddress(10).String(),
		"LOAD_BALANCER_IP": c.LoadBalancer.Address, "LOAD_BALANCER_URL": c.BalancerURL(),
		"ETCD_INITIAL_CLUSTER": strings.Join(initial, ","), "ETCD_SERVERS": strings.Join(clients, ","),
		"MASTERS": strings.Join(masters, " "), "UNMASQUERADED": strings.Join(inside, ", "),
		"KUBERNETES_VERSION": c.KubernetesVersion, "IMAGE_REPOSITORY": c.Images.Repository,
		"PAUSE_IMAGE": c.Images.Pause, "COREDNS_IMAGE": c.Images.CoreDNS,
		"BIN_DIR": c.BinDir, "CNI_BIN_DIR": c.CNIBinDir, "VOLUME_PLUGIN_DIR": c.VolumePluginDir,
		"CGROUP_DRIVER": c.CgroupDriver, "SYSTEMD_CGROUP": strconv.FormatBool(c.CgroupDriver == "systemd"),
		"METADATA_PLAIN": strconv.FormatBool(c.PlainMetadata),
	}
}

// BalancerURL is where nodes and people find the API.
func (c *Cluster) BalancerURL() string {
	return "https://" + net.JoinHostPort(c.LoadBalancer.Address, strconv.Itoa(c.LoadBalancer.Port))
}

// masterTaint keeps Pods off masters.
var masterTaint = Taint{Key: "node-role.kubernetes.io/control-plane", Effect: "NoSchedule"}

// ServerValues are the cluster's and those of one server.
func (c *Cluster) ServerValues(s Server) (placeholder.Values, error) {
	api, state, taints := c.BalancerURL(), "new", slices.Clone(s.Taints)
	if s.Role == Master {
		// A backend of a load balancer does not reach itself through it.
		api, taints = "https://127.0.0.1:6443", append([]Taint{masterTaint}, taints...)
	}
	if s.Address == c.ReplacesEtcd {
		state = "existing"
	}
	labels := make([]string, 0, len(s.Labels))
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		labels = append(labels, key+"="+s.Labels[key])
	}
	if taints == nil {
		taints = []Taint{}
	}
	written, err := json.Marshal(taints)
	if err != nil {
		return nil, fmt.Errorf("taints of %s: %w", s.Address, err)
	}
	return c.Values().With(placeholder.Values{
		"SERVER_NAME": s.Address, "SERVER_PRIVATE_IP": s.Address, "SERVER_PUBLIC_IP": s.PublicAddress,
		"API_SERVER": api, "ETCD_STATE": state, "NODE_LABELS": strings.Join(labels, ","), "NODE_TAINTS": string(written),
	}), nil
}
