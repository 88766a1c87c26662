// Package build says what a Service's load balancer should be. It is pure: a
// Service, the servers, the endpoints and the configuration go in, a model that
// can be printed and compared comes out. It knows no cloud and no clock.
package build

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Config is what all Services of the cluster have in common.
type Config struct {
	ClusterID string
	// ClusterName is for people.
	ClusterName string
	VPCID       string
	// VSwitchIDs are where intranet load balancers get their addresses; the
	// first is used.
	VSwitchIDs []string
	// Defaults are the cluster-wide settings.
	Defaults config.LoadBalancer
}

// Server is a server that could be a backend.
type Server struct {
	ID   string
	Zone string
	// Node is the name of its Node.
	Node string
	// Labels are the Node's; nobody changes them.
	Labels map[string]string
	// Cordoned: no Pods are scheduled to the Node.
	Cordoned bool
	// Draining servers are about to go: they get no new connections.
	Draining bool
	// IPv6: the server has an IPv6 address.
	IPv6 bool
}

// Endpoint is an endpoint of the Service.
type Endpoint struct {
	Node string
	// Ready endpoints take traffic; Terminating ones still serve when no endpoint
	// is ready.
	Ready, Terminating bool
}

// Input is everything that decides about one load balancer.
type Input struct {
	Service *corev1.Service
	// Role says which of the Service's load balancers is meant; empty: the one
	// with an IPv4 address.
	Role      ownership.Role
	Servers   []Server
	Endpoints []Endpoint
	// Pods are what traffic may be sent to directly, of the load balancer's address
	// family. They are looked up where the Service asks for it, and where the load
	// balancer has Pods as backends: PodsKnown.
	Pods      []Pod
	PodsKnown bool
	// Members are the backends that the load balancer has now: a subset changes
	// as little as possible.
	Members []slb.Backend
	// Has is the load balancer that the Service has now, as far as it is known;
	// Adopted: somebody else made it.
	Has     string
	Adopted bool
	// Beside: the Service has, or may have, a load balancer of its other family.
	Beside bool
	// TakenOver: another controller made it for the Service.
	TakenOver bool
	// Living are the Services of the cluster, for a Service that names a load
	// balancer of somebody else; nil: they are not known.
	Living map[types.UID]bool
	// Full reports whether a server cannot take another load balancer; nil: none is full.
	Full func(serverID string) bool
}

// Listener is a listener that should be.
type Listener struct {
	slb.ListenerKey
	// NodePort is the servers' port.
	NodePort int
	// PodGroup is the name of the group in Wanted.Groups that the listener sends to;
	// empty: it sends to servers.
	PodGroup string
	// GroupID is the vServer group of somebody else that the Service names for the
	// port, or "".
	GroupID string
	// Asked are those of the attributes that the Service names itself, where the
	// load balancer was taken over; the others stay as they are.
	Asked slb.Attributes
	// Attributes are all settings that this project decides about.
	Attributes slb.Attributes
	// Extensions are the certificates by domain of an HTTPS listener, without IDs.
	Extensions []slb.Extension
}

// Redirects reports whether the listener sends its clients to another one: it has
// no backends.
func (l Listener) Redirects() bool { return l.Attributes[slb.Forward] == "on" }

// proxies reports whether the listener does more than pass connections on.
func (l Listener) proxies() bool {
	return l.Protocol == slb.HTTP || l.Protocol == slb.HTTPS || l.Attributes[slb.ProxyProtocol] == "true"
}

// Wanted is a load balancer as it should be.
type Wanted struct {
	Service   types.NamespacedName
	UID       types.UID
	ClusterID string
	// Instance is the instance; its client token is not set.
	Instance slb.Create
	// Explicit are the instance settings that the Service names; others that
	// cannot be changed on a living instance are left as they are.
	Explicit map[annotation.Key]bool
	// References are the objects of others that the Service names, which has to be
	// allowed.
	References []reference.Reference
	// ACL is the access control list that holds the Service's source ranges, without
	// an ID; nil when everybody is let in.
	ACL *slb.ACL
	// Listeners are sorted by port and protocol.
	Listeners []Listener
	// KeepWeights leaves the weights of backends that are there as they are.
	KeepWeights bool
	// Backends are the servers, sorted by ID; ports are the listeners' business. Where
	// Pods are the backends, no listener uses them.
	Backends []slb.Backend
	// Groups are vServer groups of Pods, sorted by name.
	Groups []Group
	// IPMode is Proxy when some listener speaks for the clients: traffic inside the
	// cluster must then go through it too.
	IPMode corev1.LoadBalancerIPMode
	// Hostname is shown in the Service's status in place of the address.
	Hostname string
	// ElasticIP: the status shows the address of the elastic IP that is bound to the
	// load balancer.
	ElasticIP bool
	// Notices are sentences for the Service's owner about things that are not as
	// the Service says, though as near as possible.
	Notices []string
	// Optional: the Service can do without this load balancer.
	Optional bool
	// Pointless says why an optional load balancer should not be made now; one that
	// lives stays. Empty for all others.
	Pointless string
	// Adoption is the load balancer of somebody else that the Service uses; nil:
	// it has one of its own, which Instance describes.
	Adoption *Adoption
	// BackendsOnly asks for the backends of a living load balancer alone: the
	// rest of the Service cannot be meant.
	BackendsOnly bool
}

// OnlyBackends returns the part of w that is wanted of a living load balancer whose
// Service may not be followed.
func (w Wanted) OnlyBackends() Wanted {
	return Wanted{Service: w.Service, UID: w.UID, ClusterID: w.ClusterID, Backends: w.Backends, Groups: w.Groups, Adoption: w.Adoption, BackendsOnly: true}
}

// RefusedError is the error of a Service that cannot be meant. Trying again is
// useless until somebody changes the Service or the configuration.
type RefusedError struct {
	// Problems are all reasons, one sentence each.
	Problems []string
}

// Error lists all problems.
func (r *RefusedError) Error() string {
	return strings.Join(r.Problems, "; ")
}
