package build

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Adoption is a load balancer that somebody else made and that a Service uses:
// what is on it already is left alone, and so is the instance.
type Adoption struct {
	// ID is the load balancer's.
	ID string
	// Override: listeners made by hand on the Service's ports are taken over.
	Override bool
	// Living are the Services of this cluster: a listener that carries the mark of
	// another one is deserted. Nil: all may be living.
	Living map[types.UID]bool
	// Weight is what the members in server groups of others weigh together; below
	// 0, each as if it were alone.
	Weight int
}

// adoption returns the load balancer that the Service names, or nil.
func (b *builder) adoption() *Adoption {
	id, given := b.settings.Text(annotation.ID)
	if !given {
		for _, key := range []annotation.Key{annotation.ForceOverrideListeners, annotation.VGroupPort, annotation.Weight} {
			if _, useless := b.settings.Text(key); useless {
				b.notice("annotation %s has no effect without %s%s", key, annotation.Prefix, annotation.ID)
			}
		}
		return nil
	}
	a := &Adoption{ID: id, Override: b.settings.Or(annotation.ForceOverrideListeners, "") == "true", Living: b.in.Living, Weight: -1}
	if weight, given := b.settings.Number(annotation.Weight); given {
		a.Weight = weight
		if _, named := b.settings.Text(annotation.VGroupPort); !named {
			b.notice("annotation %s has no effect without %s%s", annotation.Weight, annotation.Prefix, annotation.VGroupPort)
		}
	}
	for _, e := range annotation.Registry() {
		if _, given := b.settings[e.Key]; given && instanceSetting(e) {
			b.notice("annotation %s has no effect on load balancer %s, which is used but not managed", e.Key, id)
		}
	}
	if all := familyRoles(b.in.Service); len(all) > 1 {
		b.notice("load balancer %s has one address family: the Service gets none of its other one", id)
	}
	b.unknownGroupPorts()
	return a
}

// exchange refuses to give a living Service another load balancer: its address
// would change.
func (b *builder) exchange(a *Adoption) {
	const remedy = "delete the Service and create it again to have another one (its address changes)"
	switch {
	case b.in.Has == "":
	case a != nil && a.ID != b.in.Has:
		b.refuse("annotation %s%s is %s, but the Service has load balancer %s; set it back, or %s", annotation.Prefix, annotation.ID, a.ID, b.in.Has, remedy)
	case a == nil && b.in.Adopted:
		b.refuse("the Service uses load balancer %s; name it again with the annotation %s%s, or %s", b.in.Has, annotation.Prefix, annotation.ID, remedy)
	}
}

// instanceSetting reports whether an annotation is about the instance itself.
func instanceSetting(e annotation.Entry) bool {
	switch e.Key { //nolint:exhaustive // the instance's settings by which somebody else's differs
	case annotation.Name, annotation.AddressType, annotation.VSwitchID, annotation.MasterZone, annotation.SlaveZone,
		annotation.InstanceChargeType, annotation.InternetChargeType, annotation.Bandwidth, annotation.Spec, annotation.ResourceGroupID,
		annotation.AdditionalTags, annotation.DeleteProtection, annotation.ModificationProtection:
		return true
	}
	return false
}

// unknownGroupPorts refuses server groups for ports that the Service does not have.
func (b *builder) unknownGroupPorts() {
	value, given := b.settings.Text(annotation.VGroupPort)
	if !given {
		return
	}
	found := 0
	for i := range b.in.Service.Spec.Ports {
		if b.settings.GroupOf(int(b.in.Service.Spec.Ports[i].Port)) != "" {
			found++
		}
	}
	if found < len(b.settings.Pairs(annotation.VGroupPort)) {
		b.refuse("annotation %s%s: %q names a port that the Service does not have; the ports are those of the Service, not of its Pods",
			annotation.Prefix, annotation.VGroupPort, value)
	}
}

// Released is what is wanted of an adopted load balancer once the Service uses it
// no more: nothing.
func Released(cfg Config, service *corev1.Service, id string) Wanted {
	return Wanted{
		Service:   types.NamespacedName{Namespace: service.Namespace, Name: service.Name},
		UID:       service.UID,
		ClusterID: cfg.ClusterID,
		Adoption:  &Adoption{ID: id, Weight: -1},
	}
}

// reservedName refuses a name that is the default one of another Service's load
// balancer: whoever finds load balancers by name would take this one for it.
func (b *builder) reservedName() {
	name, given := b.settings.Text(annotation.Name)
	if own := ownership.LoadBalancerName(string(b.in.Service.UID)); given && name != own && ownership.IsDefaultName(name) {
		b.refuse("annotation %s%s: %s has the form of another Service's default name (a and a UID); choose another one",
			annotation.Prefix, annotation.Name, name)
	}
}
