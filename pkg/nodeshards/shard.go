// Package nodeshards publishes what routing needs to know of all Nodes in some
// ConfigMaps. An agent on each of 5,000 servers that watched the Nodes themselves
// would multiply every status update of a Node by 5,000; what is published changes
// only when a Node comes, goes or moves.
package nodeshards

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// Namespace holds the shards, and nothing else: whoever may write there decides
	// where packets go.
	Namespace = "kube-aliyun-nodes"
	// Label marks a shard.
	Label = "kube-aliyun.io/node-shard"
	// Size is how many Nodes a shard is meant for.
	Size = 250

	nameFormat = "nodes-%d"
	keyNodes   = "nodes"
	keyShards  = "shards"
)

// Node is what routing needs to know of a Node.
type Node struct {
	Name        string    `json:"n"`
	UID         types.UID `json:"u"`
	Created     time.Time `json:"c"`
	PodCIDRs    []string  `json:"p,omitempty"`
	InternalIPs []string  `json:"a,omitempty"`
}

// FromNode takes of a Node what routing needs.
func FromNode(node *corev1.Node) Node {
	n := Node{Name: node.Name, UID: node.UID, Created: node.CreationTimestamp.UTC(), PodCIDRs: node.Spec.PodCIDRs}
	if len(n.PodCIDRs) == 0 && node.Spec.PodCIDR != "" {
		n.PodCIDRs = []string{node.Spec.PodCIDR}
	}
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			n.InternalIPs = append(n.InternalIPs, a.Address)
		}
	}
	return n
}

// Count is how many shards a number of Nodes gets: a power of two, and the present
// one as long as that fits, as another one writes all shards anew.
func Count(nodes, present int) int {
	if present > 0 && nodes <= present*Size && (nodes > present*Size/4 || present == 1) {
		return present
	}
	count := 1
	for nodes > count*Size {
		count *= 2
	}
	return count
}

// Encode makes the shards. A Node stays in its shard as long as their number does.
func Encode(nodes []Node, count int) ([]*corev1.ConfigMap, error) {
	parts := make([][]Node, count)
	for _, n := range nodes {
		h := fnv.New32a()
		_, _ = h.Write([]byte(n.Name))
		i := int(h.Sum32() % uint32(count)) // #nosec G115 -- a count of shards
		parts[i] = append(parts[i], n)
	}
	shards := make([]*corev1.ConfigMap, count)
	for i, part := range parts {
		slices.SortFunc(part, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
		text, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("shard %d of the Nodes: %w", i, err)
		}
		shards[i] = &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: fmt.Sprintf(nameFormat, i), Labels: map[string]string{Label: "true"}},
			Data:       map[string]string{keyShards: strconv.Itoa(count), keyNodes: string(text)},
		}
	}
	return shards, nil
}

// Decode reads the shards. ok is false while not all of one number are there, as
// in the moment when that number changes.
func Decode(shards []*corev1.ConfigMap) (nodes []Node, ok bool, err error) {
	count := map[string]map[string]*corev1.ConfigMap{}
	for _, s := range shards {
		n := s.Data[keyShards]
		if count[n] == nil {
			count[n] = map[string]*corev1.ConfigMap{}
		}
		count[n][s.Name] = s
	}
	for text, present := range count {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, false, fmt.Errorf("number of shards %q: %w", text, err)
		}
		whole := true
		for i := range n {
			whole = whole && present[fmt.Sprintf(nameFormat, i)] != nil
		}
		if !whole {
			continue
		}
		for i := range n {
			var part []Node
			if err := json.Unmarshal([]byte(present[fmt.Sprintf(nameFormat, i)].Data[keyNodes]), &part); err != nil {
				return nil, false, fmt.Errorf("shard %d of the Nodes: %w", i, err)
			}
			nodes = append(nodes, part...)
		}
		return nodes, true, nil
	}
	return nil, false, nil
}
