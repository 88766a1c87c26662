package naive

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

const (
	tagCluster = "naive/cluster"
	tagService = "naive/service"
)

// GetLoadBalancerName implements cloudprovider.LoadBalancer.
func (c *Cloud) GetLoadBalancerName(_ context.Context, _ string, service *corev1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(service)
}

func tags(clusterName string, service *corev1.Service) map[string]string {
	return map[string]string{tagCluster: clusterName, tagService: string(service.UID)}
}

// find looks for a Service's load balancer: one call.
func (c *Cloud) find(ctx context.Context, clusterName string, service *corev1.Service) (*slb.LoadBalancer, error) {
	found, err := c.slb.List(ctx, slb.Filter{Tags: tags(clusterName, service)})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func status(lb *slb.LoadBalancer) *corev1.LoadBalancerStatus {
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: lb.Address}}}
}

// GetLoadBalancer implements cloudprovider.LoadBalancer.
func (c *Cloud) GetLoadBalancer(ctx context.Context, clusterName string, service *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	lb, err := c.find(ctx, clusterName, service)
	if err != nil || lb == nil {
		return nil, false, err
	}
	return status(lb), true, nil
}

// EnsureLoadBalancer implements cloudprovider.LoadBalancer: find or create,
// describe everything, then port by port.
func (c *Cloud) EnsureLoadBalancer(ctx context.Context, clusterName string, service *corev1.Service, nodes []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	lb, err := c.find(ctx, clusterName, service)
	if err != nil {
		return nil, err
	}
	if lb == nil {
		made, err := c.slb.Create(ctx, slb.Create{
			Name: cloudprovider.DefaultLoadBalancerName(service), AddressType: slb.Internet, IPVersion: slb.IPv4,
			InternetChargeType: "paybytraffic", InstanceChargeType: "PayByCLCU",
			DeleteProtection: true, ModificationProtection: "ConsoleProtection", ModificationReason: "naive",
			Tags: tags(clusterName, service), ClientToken: string(service.UID),
		})
		if err != nil {
			return nil, err
		}
		lb = &made
	}
	whole, err := c.slb.Get(ctx, lb.ID)
	if err != nil {
		return nil, err
	}
	return status(&whole), c.ensurePorts(ctx, &whole, service, nodes)
}

// ensurePorts makes, for each port, a group with the nodes and a running listener,
// and removes what no port wants.
func (c *Cloud) ensurePorts(ctx context.Context, lb *slb.LoadBalancer, service *corev1.Service, nodes []*corev1.Node) error {
	listeners, err := c.slb.Listeners(ctx, lb.ID)
	if err != nil {
		return err
	}
	groups, err := c.slb.Groups(ctx, lb.ID)
	if err != nil {
		return err
	}
	wanted := map[slb.ListenerKey]bool{}
	inUse := map[string]bool{}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		groupID, err := c.ensureGroup(ctx, lb.ID, groups, port, nodes)
		if err != nil {
			return err
		}
		inUse[groupID] = true
		key := listenerKey(port)
		wanted[key] = true
		if err := c.ensureListener(ctx, lb.ID, listeners, key, groupID); err != nil {
			return err
		}
	}
	for i := range listeners {
		if !wanted[listeners[i].ListenerKey] {
			if err := c.slb.DeleteListener(ctx, lb.ID, listeners[i].ListenerKey); err != nil {
				return err
			}
		}
	}
	for i := range groups {
		if !inUse[groups[i].ID] {
			if err := c.slb.DeleteGroup(ctx, groups[i].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func listenerKey(port *corev1.ServicePort) slb.ListenerKey {
	key := slb.ListenerKey{Protocol: slb.TCP, Port: int(port.Port)}
	if port.Protocol == corev1.ProtocolUDP {
		key.Protocol = slb.UDP
	}
	return key
}

// ensureListener makes a listener, starts it, or binds it to its group.
func (c *Cloud) ensureListener(ctx context.Context, lbID string, listeners []slb.Listener, key slb.ListenerKey, groupID string) error {
	at := slices.IndexFunc(listeners, func(l slb.Listener) bool { return l.ListenerKey == key })
	if at < 0 {
		l := slb.Listener{
			LoadBalancerID: lbID, ListenerKey: key, GroupID: groupID,
			Attributes: slb.Attributes{slb.Bandwidth: "-1", slb.Scheduler: "wrr"},
		}
		if err := c.slb.CreateListener(ctx, l); err != nil {
			return err
		}
		return c.slb.StartListener(ctx, lbID, key)
	}
	if listeners[at].GroupID != groupID {
		if err := c.slb.SetListener(ctx, lbID, key, slb.Change{GroupID: &groupID}); err != nil {
			return err
		}
	}
	if listeners[at].Status == slb.ListenerStopped {
		return c.slb.StartListener(ctx, lbID, key)
	}
	return nil
}

// ensureGroup makes a port's group hold the nodes and returns its id.
func (c *Cloud) ensureGroup(ctx context.Context, lbID string, groups []slb.Group, port *corev1.ServicePort, nodes []*corev1.Node) (string, error) {
	name := fmt.Sprintf("naive/%d", port.NodePort)
	var group slb.Group
	var err error
	if at := slices.IndexFunc(groups, func(g slb.Group) bool { return g.Name == name }); at >= 0 {
		group, err = c.slb.Group(ctx, groups[at].ID)
	} else {
		group, err = c.slb.CreateGroup(ctx, lbID, name, nil)
	}
	if err != nil {
		return "", err
	}
	add, remove := difference(group.Backends, wantedBackends(nodes, int(port.NodePort)))
	for part := range slices.Chunk(add, slb.MaxBackends) {
		if err := c.slb.AddGroupBackends(ctx, group.ID, part); err != nil {
			return "", err
		}
	}
	for part := range slices.Chunk(remove, slb.MaxBackends) {
		if err := c.slb.RemoveGroupBackends(ctx, group.ID, part); err != nil {
			return "", err
		}
	}
	return group.ID, nil
}

// maxBackends is how many backends a load balancer takes.
const maxBackends = 200

// wantedBackends are the initialised nodes, the oldest first, as many as fit.
func wantedBackends(nodes []*corev1.Node, nodePort int) []slb.Backend {
	sorted := slices.SortedFunc(slices.Values(nodes), func(a, b *corev1.Node) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	var wanted []slb.Backend
	for _, node := range sorted {
		if id, err := serverID(node); err == nil && len(wanted) < maxBackends {
			wanted = append(wanted, slb.Backend{ServerID: id, Port: nodePort, Weight: 100, Type: "ecs"})
		}
	}
	return wanted
}

func difference(actual, wanted []slb.Backend) (add, remove []slb.Backend) {
	has := func(list []slb.Backend, id string) bool {
		return slices.ContainsFunc(list, func(b slb.Backend) bool { return b.ServerID == id })
	}
	for _, b := range wanted {
		if !has(actual, b.ServerID) {
			add = append(add, b)
		}
	}
	for _, b := range actual {
		if !has(wanted, b.ServerID) {
			remove = append(remove, b)
		}
	}
	return add, remove
}

// UpdateLoadBalancer implements cloudprovider.LoadBalancer: each port's group is
// read and compared.
func (c *Cloud) UpdateLoadBalancer(ctx context.Context, clusterName string, service *corev1.Service, nodes []*corev1.Node) error {
	lb, err := c.find(ctx, clusterName, service)
	if err != nil || lb == nil {
		return err
	}
	groups, err := c.slb.Groups(ctx, lb.ID)
	if err != nil {
		return err
	}
	for i := range service.Spec.Ports {
		if _, err := c.ensureGroup(ctx, lb.ID, groups, &service.Spec.Ports[i], nodes); err != nil {
			return err
		}
	}
	return nil
}

// EnsureLoadBalancerDeleted implements cloudprovider.LoadBalancer.
func (c *Cloud) EnsureLoadBalancerDeleted(ctx context.Context, clusterName string, service *corev1.Service) error {
	lb, err := c.find(ctx, clusterName, service)
	if err != nil || lb == nil {
		return err
	}
	if err := c.slb.SetDeleteProtection(ctx, lb.ID, false); err != nil {
		return err
	}
	return c.slb.Delete(ctx, lb.ID)
}
