package routes

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// byPodCIDR is the informer's index of Nodes by Pod CIDR.
const byPodCIDR = "kube-aliyun/pod-cidr"

// podCIDRs reads a Node's Pod CIDRs.
func podCIDRs(node *corev1.Node) []netip.Prefix {
	texts := node.Spec.PodCIDRs
	if len(texts) == 0 && node.Spec.PodCIDR != "" {
		texts = []string{node.Spec.PodCIDR}
	}
	var out []netip.Prefix
	for _, text := range texts {
		if prefix, ok := parseCIDR(text); ok {
			out = append(out, prefix)
		}
	}
	return out
}

// addIndex gives the informer the index of Pod CIDRs.
func addIndex(informer cache.SharedIndexInformer) error {
	if _, exists := informer.GetIndexer().GetIndexers()[byPodCIDR]; exists {
		return nil
	}
	err := informer.AddIndexers(cache.Indexers{byPodCIDR: func(obj any) ([]string, error) {
		node, ok := obj.(*corev1.Node)
		if !ok {
			return nil, nil
		}
		var out []string
		for _, prefix := range podCIDRs(node) {
			out = append(out, prefix.String())
		}
		return out, nil
	}})
	if err != nil {
		return fmt.Errorf("index nodes by Pod CIDR: %w", err)
	}
	return nil
}

// claimant returns the Node that has the Pod CIDR: the oldest of several.
func claimant(indexer cache.Indexer, prefix netip.Prefix) (string, bool) {
	objects, err := indexer.ByIndex(byPodCIDR, prefix.String())
	if err != nil || len(objects) == 0 {
		return "", false
	}
	nodes := make([]*corev1.Node, 0, len(objects))
	for _, obj := range objects {
		if node, ok := obj.(*corev1.Node); ok {
			nodes = append(nodes, node)
		}
	}
	if len(nodes) == 0 {
		return "", false
	}
	return slices.MinFunc(nodes, func(a, b *corev1.Node) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	}).Name, true
}

// roster remembers what was found out about each Node last.
type roster struct {
	mu       sync.Mutex
	nodes    map[string]Node
	byServer map[string]string
}

func newRoster() *roster {
	return &roster{nodes: map[string]Node{}, byServer: map[string]string{}}
}

func (r *roster) put(n Node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.nodes[n.Name]; ok && r.byServer[old.Server] == n.Name {
		delete(r.byServer, old.Server)
	}
	r.nodes[n.Name] = n
	if n.Server != "" {
		r.byServer[n.Server] = n.Name
	}
}

func (r *roster) get(name string) (Node, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.nodes[name]
	return n, ok
}

func (r *roster) drop(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.nodes[name]; ok && r.byServer[old.Server] == name {
		delete(r.byServer, old.Server)
	}
	delete(r.nodes, name)
}

// nodeOf returns the Node that was last found to be on the server.
func (r *roster) nodeOf(server string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, ok := r.byServer[server]
	return name, ok
}
