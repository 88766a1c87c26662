// Package source reads the cluster's Nodes: from the API as they are, or from the
// shards that the controller publishes of them for large clusters.
package source

import (
	"context"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// Source knows the cluster's Nodes.
type Source interface {
	// Run follows the Nodes until ctx ends, and calls changed after each change
	// that may matter to a route. changed must not block.
	Run(ctx context.Context, changed func())
	// Nodes are all Nodes as last heard of; ok is false as long as not all have
	// been heard of once.
	Nodes() (nodes []plan.Node, ok bool)
	// Fresh reads all Nodes anew, past every cache.
	Fresh(ctx context.Context) ([]plan.Node, error)
}
