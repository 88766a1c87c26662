// Package servers is the one shared snapshot of the cluster's servers: it leads
// from Nodes to servers, batched, for everybody. Whoever asks for one Node gets
// all Nodes refreshed that need it, 100 a call, and concurrent callers share the
// calls.
package servers

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

const (
	// DefaultMaxAge is how old an answer of ServerFor and All may be.
	DefaultMaxAge = 10 * time.Minute
	// absentAge is how long "no such server" is believed at most.
	absentAge = 10 * time.Second
)

// Cloud is what the snapshot asks.
type Cloud interface {
	// Servers returns the complete list or an error.
	Servers(ctx context.Context, filter ecs.Filter) ([]ecs.Server, error)
}

// Recorder records an event on a Node.
type Recorder interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}

// Options of a Snapshot. Clock may be nil.
type Options struct {
	Region string
	// VPCID is the cluster's VPC. Servers of other VPCs are refused; empty accepts
	// any, and then host names lead to no server.
	VPCID string
	Nodes corelisters.NodeLister
	Cloud Cloud
	// Events gets one for each refused Node.
	Events Recorder
	// HostNames says that Node names are host names (node-name-type hostname), so
	// that a Node may be found by its server's host name.
	HostNames bool
	Clock     clock.Clock
}

// Snapshot leads from Nodes to servers. It is safe for concurrent use.
type Snapshot struct {
	options Options
	clock   clock.Clock

	mu    sync.Mutex
	store *store
	// unproven are the instance IDs of listings that held no server at all.
	unproven map[string]bool
	view     *view
	flight   *flight
	pace     pace
}

// New returns an empty snapshot; the first look-up fills it.
func New(options Options) *Snapshot {
	s := &Snapshot{options: options, clock: options.Clock, store: newStore(options.VPCID), unproven: map[string]bool{}}
	if s.clock == nil {
		s.clock = clock.RealClock{}
	}
	return s
}

// Result is the outcome for one Node: a server, or an error as of Get.
type Result struct {
	Server ecs.Server
	Err    error
}

// ServerFor returns the server of a Node, not older than DefaultMaxAge.
// See Get for the errors.
func (s *Snapshot) ServerFor(ctx context.Context, node *corev1.Node) (ecs.Server, error) {
	return s.Get(ctx, node, DefaultMaxAge)
}

// Get returns the server of a Node as a listing of at most the given age told
// it. When the answer is too old, all Nodes whose answer is older than half that
// age are asked for together.
//
// The error is ErrForeign, an *AbsentError, a *RefusedError (with the server
// where it was found: it exists, but is not to be used for this Node), or
// whatever kept the cloud from answering; only the first three say something of
// the server.
func (s *Snapshot) Get(ctx context.Context, node *corev1.Node, maxAge time.Duration) (ecs.Server, error) {
	return s.GetAmong(ctx, node, maxAge, func(*corev1.Node) bool { return true })
}

// GetAmong is Get with a choice of the other Nodes that are refreshed beside the
// one asked for. Nodes that were never asked for are always added.
func (s *Snapshot) GetAmong(ctx context.Context, node *corev1.Node, maxAge time.Duration, among func(*corev1.Node) bool) (ecs.Server, error) {
	r, err := lookup(ctx, s, want{node: node, maxAge: maxAge, among: among}, func(v *view, now, since time.Time) (resolution, bool) {
		r := v.nodes[node.Name].resolution
		return r, r.fresh(now, maxAge, since)
	})
	if err != nil {
		count("error")
		return ecs.Server{}, fmt.Errorf("look up the server of node %s: %w", node.Name, err)
	}
	if r.err != nil {
		count(outcome(r.err))
		return r.server, fmt.Errorf("node %s: %w", node.Name, r.err)
	}
	return r.server, nil
}

// All returns the result of every Node by name, not older than maxAge. The error
// is that of the cloud when one of the answers could not be got.
func (s *Snapshot) All(ctx context.Context, maxAge time.Duration) (map[string]Result, error) {
	w := want{maxAge: maxAge, among: func(*corev1.Node) bool { return true }}
	results, err := lookup(ctx, s, w, func(v *view, now, since time.Time) (map[string]Result, bool) {
		all := make(map[string]Result, len(v.nodes))
		for name, n := range v.nodes {
			if !n.resolution.fresh(now, maxAge, since) {
				return nil, false
			}
			all[name] = Result{Server: n.resolution.server, Err: n.resolution.err}
		}
		return all, true
	})
	if err != nil {
		return nil, fmt.Errorf("look up the servers of all nodes: %w", err)
	}
	return results, nil
}
