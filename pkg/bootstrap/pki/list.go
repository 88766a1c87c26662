package pki

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
)

// The authorities.
const (
	ClusterCA    = "ca"
	EtcdCA       = "etcd-ca"
	FrontProxyCA = "front-proxy-ca"
	// NodeCA signs for kubelets that join with a token. Its key goes into the
	// cluster, as a Secret.
	NodeCA = "node-ca"
	// ServiceAccount is the bare key pair that signs tokens.
	ServiceAccount = "sa"
)

// Wanted is a certificate that a cluster needs.
type Wanted struct {
	// Name is that of its files.
	Name string
	// Request is what it is to be.
	Request *Request
	// Authority signs it; that of an authority itself is empty.
	Authority string
	Profile   Profile
}

// kind is a certificate of each server of some roles, or of the cluster.
type kind struct {
	request, authority, profile string
	roles                       []clusterfile.Role
}

// kinds is the table of all certificates.
var kinds = []kind{
	{request: ClusterCA},
	{request: EtcdCA},
	{request: FrontProxyCA},
	{request: NodeCA},
	{request: "apiserver", authority: ClusterCA, profile: "server", roles: []clusterfile.Role{clusterfile.Master}},
	{request: "apiserver-kubelet-client", authority: ClusterCA, profile: "client"},
	{request: "apiserver-etcd-client", authority: EtcdCA, profile: "client"},
	{request: "front-proxy-client", authority: FrontProxyCA, profile: "client"},
	// A member is a client of the others, and of itself for its own checks.
	{request: "etcd-server", authority: EtcdCA, profile: "peer", roles: []clusterfile.Role{clusterfile.Etcd}},
	{request: "etcd-peer", authority: EtcdCA, profile: "peer", roles: []clusterfile.Role{clusterfile.Etcd}},
	{request: "etcd-admin", authority: EtcdCA, profile: "client"},
	{request: "kubelet-client", authority: ClusterCA, profile: "client", roles: []clusterfile.Role{clusterfile.Master, clusterfile.Node}},
	{request: "kubelet", authority: ClusterCA, profile: "server", roles: []clusterfile.Role{clusterfile.Master, clusterfile.Node}},
	{request: "controller-manager", authority: ClusterCA, profile: "client"},
	{request: "scheduler", authority: ClusterCA, profile: "client"},
	{request: "kube-proxy", authority: ClusterCA, profile: "client"},
	{request: "aliyun-controller", authority: ClusterCA, profile: "client"},
	{request: "admin", authority: ClusterCA, profile: "person"},
}

// List is every certificate of a cluster, authorities first. assets is
// deploy/bootstrap; own holds requests that take the places of some, or is nil.
func List(c *clusterfile.Cluster, assets, own fs.FS) ([]Wanted, error) {
	content, err := fs.ReadFile(assets, "certificates/config.json")
	if err != nil {
		return nil, fmt.Errorf("certificate profiles: %w", err)
	}
	config, err := ParseConfig(content)
	if err != nil {
		return nil, err
	}
	var list []Wanted
	for _, k := range kinds {
		if k.roles == nil {
			w, err := k.wanted(k.request, c, config, assets, own, c.Values())
			if err != nil {
				return nil, err
			}
			list = append(list, w)
			continue
		}
		for _, role := range k.roles {
			for _, server := range c.Of(role) {
				values, err := c.ServerValues(server)
				if err != nil {
					return nil, err
				}
				w, err := k.wanted(k.request+"-"+server.Address, c, config, assets, own, values)
				if err != nil {
					return nil, err
				}
				list = append(list, w)
			}
		}
	}
	return list, nil
}

func (k kind) wanted(name string, c *clusterfile.Cluster, config *Config, assets, own fs.FS, values placeholder.Values) (Wanted, error) {
	request, err := k.read(assets, "certificates", values)
	if err != nil {
		return Wanted{}, err
	}
	if k.request == "apiserver" {
		request.Hosts = append(request.Hosts, c.LoadBalancer.Names...)
	}
	if own != nil {
		theirs, err := k.read(own, ".", values)
		switch {
		case err == nil:
			request = merge(request, theirs)
		case !isAbsent(err):
			return Wanted{}, err
		}
	}
	w := Wanted{Name: name, Request: request, Authority: k.authority}
	if k.authority != "" {
		if w.Profile, err = config.Profile(k.profile); err != nil {
			return Wanted{}, fmt.Errorf("certificate %s: %w", name, err)
		}
	}
	return w, nil
}

func (k kind) read(from fs.FS, dir string, values placeholder.Values) (*Request, error) {
	file := path.Join(dir, k.request+".json")
	content, err := fs.ReadFile(from, file)
	if err != nil {
		return nil, err
	}
	filled, err := values.Fill(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	request, err := ParseRequest([]byte(filled))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return request, nil
}

// merge takes hosts and further parts of the subject from a request of the
// operator's. Kubernetes knows its components by their names, which stay ours; so do
// the hosts that a component is called by.
func merge(ours, theirs *Request) *Request {
	merged := *ours
	merged.Hosts = append(append([]string{}, ours.Hosts...), theirs.Hosts...)
	merged.Names = append(append([]Name{}, ours.Names...), theirs.Names...)
	return &merged
}
