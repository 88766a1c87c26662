package servers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// viewAge bounds how long a view outlives a change in the lister that nobody has
// asked about, such as the deletion of a Node that claimed another's server.
const viewAge = time.Second

// view is what the store says about all Nodes at one moment. It is immutable.
type view struct {
	at    time.Time
	nodes map[string]*nodeView
}

type nodeView struct {
	uid        types.UID
	clues      clues
	resolution resolution
}

// current returns a view that knows the node as it is (nil: the lister's nodes
// suffice). The caller holds the lock.
func (s *Snapshot) current(node *corev1.Node, now time.Time) (*view, error) {
	if s.view != nil && now.Sub(s.view.at) < viewAge && s.view.knows(node, s.options) {
		return s.view, nil
	}
	nodes, err := s.nodes(node)
	if err != nil {
		return nil, err
	}
	s.view = s.build(nodes, now)
	return s.view, nil
}

// nodes lists the Nodes, the given one as it is, whatever the lister says of it.
func (s *Snapshot) nodes(node *corev1.Node) ([]*corev1.Node, error) {
	listed, err := s.options.Nodes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	if node == nil {
		return listed, nil
	}
	nodes := slices.DeleteFunc(listed, func(n *corev1.Node) bool { return n.Name == node.Name })
	return append(nodes, node), nil
}

func (v *view) knows(node *corev1.Node, options Options) bool {
	if node == nil {
		return true
	}
	n := v.nodes[node.Name]
	if n == nil || n.uid != node.UID {
		return false
	}
	c := read(node, options.Region, options.HostNames)
	return n.clues.equal(&c)
}

// build resolves all Nodes and refuses those that claim one server.
func (s *Snapshot) build(nodes []*corev1.Node, now time.Time) *view {
	v := &view{at: now, nodes: make(map[string]*nodeView, len(nodes))}
	claims := map[string][]*corev1.Node{}
	for _, node := range nodes {
		n := &nodeView{uid: node.UID, clues: read(node, s.options.Region, s.options.HostNames)}
		n.resolution = s.store.resolve(&n.clues)
		v.nodes[node.Name] = n
		if n.resolution.err == nil && n.resolution.server.ID != "" && node.DeletionTimestamp.IsZero() {
			claims[n.resolution.server.ID] = append(claims[n.resolution.server.ID], node)
		}
	}
	for server, claimants := range claims {
		if len(claimants) < 2 {
			continue
		}
		names := make([]string, 0, len(claimants))
		for _, node := range claimants {
			names = append(names, node.Name)
		}
		slices.Sort(names)
		for _, node := range claimants {
			v.nodes[node.Name].resolution.err = &RefusedError{Reason: event.ServerClaimedTwice, Message: fmt.Sprintf(
				"server %s is claimed by the Nodes %s; delete the wrong Node or correct its provider ID or address",
				server, strings.Join(names, " and "))}
		}
	}
	s.report(nodes, v)
	return v
}

// report records an event on each refused Node.
func (s *Snapshot) report(nodes []*corev1.Node, v *view) {
	for _, node := range nodes {
		var refused *RefusedError
		if errors.As(v.nodes[node.Name].resolution.err, &refused) {
			s.options.Events.Event(node, refused.Reason, "%s", refused.Message)
		}
	}
}

// count counts a look-up by its result.
func count(result string) { metric.ServerLookups.WithLabelValues(result).Inc() }

func outcome(err error) string {
	switch {
	case errors.Is(err, ErrForeign):
		return "foreign"
	case errors.Is(err, ErrAbsent):
		return "absent"
	default:
		return "refused"
	}
}
