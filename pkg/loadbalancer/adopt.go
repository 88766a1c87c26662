package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// names returns the load balancer of somebody else that a Service names, or "".
func names(service *corev1.Service) string {
	return annotation.Value(service.Annotations, annotation.ID)
}

// adopts reports whether a state's load balancer is, or is to be, one of somebody
// else.
func (s *state) adopts(service *corev1.Service) bool {
	return s.adopted || s.actual == nil && names(service) != ""
}

// adopt makes known the load balancer that a Service names, reading it whole. One
// that may not be named is a RefusedError: nothing has been written then.
func (b *Balancers) adopt(ctx context.Context, st *state, service *corev1.Service) error {
	id := st.id()
	if id == "" {
		id = names(service)
	}
	o, err := audit.Read(ctx, b.options.Cloud, id, b.options.Clock.Now)
	if err != nil {
		return err
	}
	if o.Actual == nil {
		st.forget(false)
		return &build.RefusedError{Problems: []string{fmt.Sprintf("load balancer %s does not exist in this region and account; correct the annotation %s%s",
			id, annotation.Prefix, annotation.ID)}}
	}
	if err := audit.ReadGroups(ctx, b.options.Cloud, o.Actual); err != nil {
		return err
	}
	problems, err := b.mayAdopt(ctx, st, service, o.Actual)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		st.forget(false)
		return &build.RefusedError{Problems: problems}
	}
	st.adopted, st.actual, st.verified = true, o.Actual, o.Start
	if err := b.sharedACL(ctx, st, service); err != nil {
		st.verified = time.Time{}
		return err
	}
	return nil
}

// mayAdopt returns all reasons why a Service may not use a load balancer.
func (b *Balancers) mayAdopt(ctx context.Context, st *state, service *corev1.Service, a *plan.Actual) ([]string, error) {
	lb, settings := &a.Instance, annotation.Parse(service.Annotations).Settings
	named := reference.Reference{Kind: reference.LoadBalancer, ID: lb.ID}
	var problems []string
	refuse := func(problem string) {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	refuse(b.policy.Judge(service.Namespace, named, lb.Tags))
	if settings.Or(annotation.ForceOverrideListeners, "") == "true" {
		refuse(b.policy.Override(service.Namespace, named, lb.Tags))
	}
	if ownership.IsDefaultName(lb.Name) && lb.Name != ownership.LoadBalancerName(string(service.UID)) {
		refuse(fmt.Sprintf("%s is named %s, as the load balancer of another Service; rename it if it is not one", named, lb.Name))
	}
	if lb.AddressType == slb.Intranet && b.options.Location.VPCID != "" && lb.VPCID != b.options.Location.VPCID {
		refuse(fmt.Sprintf("%s is in VPC %s, the cluster's servers are in %s; name one in that VPC", named, lb.VPCID, b.options.Location.VPCID))
	}
	if roleOf(lb) != st.role {
		refuse(fmt.Sprintf("%s has the address family %s, which the Service does not have, or not as its first; name a load balancer of its first family, or the family with the annotation %s%s",
			named, lb.IPVersion, annotation.Prefix, annotation.IPVersion))
	}
	if _, elsewhere := settings.Text(annotation.Key("external-ip-type")); !st.adopted && !elsewhere && hasAddress(service, st.role) {
		if _, found := shown(service, []slb.LoadBalancer{*lb}); !found {
			refuse(fmt.Sprintf("the Service has the address %s already, %s has %s; remove the annotation %s%s, or delete the Service and create it again",
				service.Status.LoadBalancer.Ingress[0].IP, named, lb.Address, annotation.Prefix, annotation.ID))
		}
	}
	for i := range a.Groups {
		g := &a.Groups[i]
		_, tagged := g.Tags[ownership.TagAllow] // without one, the load balancer's decides
		if tagged && namesGroup(settings, service, g.ID) {
			refuse(b.policy.Judge(service.Namespace, reference.Reference{Kind: reference.ServerGroup, ID: g.ID}, g.Tags))
		}
	}
	endpoint, err := b.isEndpoint(ctx, lb.Address)
	if endpoint {
		refuse(fmt.Sprintf("%s has the address of this cluster's API server and cannot be named in a Service; name another one", named))
	}
	return problems, err
}

func namesGroup(settings annotation.Settings, service *corev1.Service, group string) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return settings.GroupOf(int(p.Port)) == group })
}

// resolveTimeout bounds the look-up of the API server's name.
const resolveTimeout = 5 * time.Second

// isEndpoint reports whether an address is one under which this cluster's API
// server is reached. A name that cannot be resolved is an error: it proves nothing.
func (b *Balancers) isEndpoint(ctx context.Context, address string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for _, host := range b.options.APIEndpoints {
		if host == "" || host == "localhost" {
			continue
		}
		if net.ParseIP(host) != nil {
			if host == address {
				return true, nil
			}
			continue
		}
		found, err := net.DefaultResolver.LookupHost(ctx, host)
		if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("look up the API server %s: %w", host, err)
		}
		if slices.Contains(found, address) {
			return true, nil
		}
	}
	return false, nil
}

// acceptAdopted makes an observation of a load balancer of somebody else what is
// believed; who owns it may have changed his mind about it.
func (b *Balancers) acceptAdopted(st *state, a *plan.Actual, at time.Time) error {
	named := reference.Reference{Kind: reference.LoadBalancer, ID: a.Instance.ID}
	if problem := b.policy.Judge(st.service.Namespace, named, a.Instance.Tags); problem != "" {
		st.verified = time.Time{}
		return &build.RefusedError{Problems: []string{problem}}
	}
	st.actual, st.verified = a, at
	return nil
}

// living returns the Services of the cluster, for one that may replace what
// others have left behind.
func (b *Balancers) living() (map[types.UID]bool, error) {
	services, err := b.options.Services.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	out := make(map[types.UID]bool, len(services))
	for _, s := range services {
		out[s.UID] = true
	}
	return out, nil
}

// ownMembers returns the servers of a Service on a load balancer of somebody else.
func ownMembers(a *plan.Actual, uid types.UID) []slb.Backend {
	var out []slb.Backend
	for i := range a.Groups {
		g := &a.Groups[i]
		if build.OwnGroup(g.Name, uid) {
			return g.Backends
		}
		for _, m := range g.Backends {
			if m.Description == build.MemberDescription(uid) {
				out = append(out, m)
			}
		}
	}
	return out
}
