package naive

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
)

// server asks for a Node's server: one call.
func (c *Cloud) server(ctx context.Context, node *corev1.Node) (ecs.Server, error) {
	filter := ecs.Filter{PrivateIPs: []string{internalIP(node)}, VPCID: c.vpcID}
	if node.Spec.ProviderID != "" {
		id, err := serverID(node)
		if err != nil {
			return ecs.Server{}, err
		}
		filter = ecs.Filter{IDs: []string{id}}
	}
	found, err := c.ecs.Servers(ctx, filter)
	if err != nil {
		return ecs.Server{}, fmt.Errorf("server of node %s: %w", node.Name, err)
	}
	if len(found) == 0 {
		return ecs.Server{}, fmt.Errorf("server of node %s: %w", node.Name, cloudprovider.InstanceNotFound)
	}
	return found[0], nil
}

// InstanceExists implements cloudprovider.InstancesV2. It never answers no: that
// deletes the Node, and a listing proves nothing.
func (c *Cloud) InstanceExists(ctx context.Context, node *corev1.Node) (bool, error) {
	_, err := c.server(ctx, node)
	return err == nil, err
}

// InstanceShutdown implements cloudprovider.InstancesV2.
func (c *Cloud) InstanceShutdown(ctx context.Context, node *corev1.Node) (bool, error) {
	server, err := c.server(ctx, node)
	return server.Status == ecs.Stopped, err
}

// InstanceMetadata implements cloudprovider.InstancesV2.
func (c *Cloud) InstanceMetadata(ctx context.Context, node *corev1.Node) (*cloudprovider.InstanceMetadata, error) {
	server, err := c.server(ctx, node)
	if err != nil {
		return nil, err
	}
	addresses := []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: node.Name}}
	for _, ip := range server.PrivateIPs {
		addresses = append(addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
	}
	if server.ElasticIP != "" {
		addresses = append(addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: server.ElasticIP})
	}
	return &cloudprovider.InstanceMetadata{
		ProviderID: providerid.Format(c.region, server.ID), InstanceType: server.Type,
		NodeAddresses: addresses, Zone: server.Zone, Region: server.Region,
	}, nil
}
