package build

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
)

// MaxListeners is how many listeners an instance can have (the API's quota).
const MaxListeners = 50

// Build returns the load balancer that the Service asks for, or *RefusedError with
// all reasons why there is none.
func Build(cfg Config, in Input) (Wanted, error) {
	b := builder{cfg: cfg, in: in}
	parsed := annotation.Parse(in.Service.Annotations)
	b.settings = parsed.Settings
	b.problems = append(b.problems, parsed.Mistakes...)
	b.problems = append(b.problems, b.settings.Refused(cfg.Defaults.AnnotationPolicy, in.Service.Namespace)...)
	w := Wanted{
		Service:   types.NamespacedName{Namespace: in.Service.Namespace, Name: in.Service.Name},
		UID:       in.Service.UID,
		ClusterID: cfg.ClusterID,
		IPMode:    corev1.LoadBalancerIPModeVIP,
		Explicit:  map[annotation.Key]bool{},
		Optional:  b.optional(),
		Pointless: b.pointless(),
	}
	for key := range b.settings {
		w.Explicit[key] = true
	}
	b.spec()
	b.podMode()
	b.sources()
	w.ACL = b.acl
	b.versions()
	b.reservedName()
	w.Adoption = b.adoption()
	b.exchange(w.Adoption)
	w.Instance = b.instance()
	w.Listeners = b.listeners()
	b.markACL(w.Instance.Tags)
	markExtensions(w.Instance.Tags, w.Listeners)
	w.References = b.references
	w.Hostname = b.settings.Or(annotation.Hostname, "")
	w.ElasticIP = b.elasticIP(w)
	if slices.ContainsFunc(w.Listeners, Listener.proxies) {
		w.IPMode = corev1.LoadBalancerIPModeProxy
	}
	told := b.notices
	w.Backends, w.KeepWeights = b.backends(), b.settings.On(annotation.IgnoreWeightUpdate)
	if b.toPods() {
		b.notices = told // the servers carry no traffic
	}
	w.Groups = b.groups()
	w.Notices = append(parsed.Warnings, b.notices...)
	if len(b.problems) > 0 {
		return Wanted{}, &RefusedError{Problems: b.problems}
	}
	return w, nil
}

// OnlyBackends returns the wanted backends of a living load balancer whose
// Service cannot be meant: its servers come and go all the same.
func OnlyBackends(cfg Config, in Input) Wanted {
	b := builder{cfg: cfg, in: in, settings: annotation.Parse(in.Service.Annotations).Settings}
	w := Wanted{
		Service:      types.NamespacedName{Namespace: in.Service.Namespace, Name: in.Service.Name},
		UID:          in.Service.UID,
		ClusterID:    cfg.ClusterID,
		Backends:     b.backends(),
		Groups:       b.groups(),
		KeepWeights:  b.settings.On(annotation.IgnoreWeightUpdate),
		BackendsOnly: true,
	}
	if in.Adopted {
		w.Adoption = &Adoption{ID: in.Has, Weight: -1}
	}
	return w
}

// builder gathers problems and notices on the way.
type builder struct {
	cfg      Config
	in       Input
	settings annotation.Settings
	problems []string
	notices  []string
	// acl is the access control list of the Service's source ranges, nil for none.
	acl *slb.ACL
	// namesACL: some listener uses access control lists that the Service names.
	namesACL bool
	// references are the objects of others that the Service names.
	references []reference.Reference
}

func (b *builder) refuse(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

func (b *builder) notice(format string, args ...any) {
	b.notices = append(b.notices, fmt.Sprintf(format, args...))
}

// spec looks at the fields of the Service that this version cannot follow.
func (b *builder) spec() {
	s := &b.in.Service.Spec
	if n := len(s.Ports); n > MaxListeners {
		b.refuse("the Service has %d ports; a load balancer has at most %d listeners: split the Service", n, MaxListeners)
	}
}

// local reports whether nodes pass traffic to their own Pods only.
func (b *builder) local() bool {
	return b.in.Service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
}

// Less orders listeners by port, then protocol.
func Less(a, b slb.ListenerKey) bool {
	if a.Port != b.Port {
		return a.Port < b.Port
	}
	return a.Protocol < b.Protocol
}
