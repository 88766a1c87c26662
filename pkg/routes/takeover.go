package routes

import (
	"context"
	"net/netip"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const (
	// pace is the pause between two entries that are taken over: the VPC takes one
	// write at a time, and Nodes that join must not queue behind old routes.
	pace = 500 * time.Millisecond
	// group is how many entries are read together before they are taken over; the
	// last of them is then still read less than five seconds ago.
	group = 8
	// fresh is how old a reading may be on which a write that takes over, or a
	// verdict against somebody else's entry, is based.
	fresh = 5 * time.Second
	// maxRenames bounds the queue; what does not fit comes with the next audit.
	maxRenames = 4096
)

// rename is an entry to mark as ours.
type rename struct {
	table *table
	node  string
	entry Entry
}

// offer queues an entry to be taken over. What finds no room is offered again by
// the next audit.
func (e *engine) offer(r rename) {
	select {
	case e.renames <- r:
	default:
	}
}

// takeOver marks entries one at a time, in the background: they carry traffic all
// the while. An entry whose mark the API does not keep is not tried again.
func (e *engine) takeOver(ctx context.Context) {
	tried := map[string]bool{}
	for {
		batch := e.offered(ctx)
		if batch == nil {
			return
		}
		for t, prefixes := range destinations(batch) {
			if err := readTo(ctx, e.cloud, t.memory, prefixes); err != nil {
				klog.FromContext(ctx).Error(err, "Routes not taken over", "table", t.id, "routes", len(prefixes))
				batch = nil
			}
		}
		for _, r := range batch {
			if tried[r.entry.ID] {
				continue
			}
			if err := e.mark(ctx, r); err != nil {
				klog.FromContext(ctx).Error(err, "Route not taken over", "table", r.table.id, "cidr", r.entry.CIDR, "node", r.node)
			} else {
				tried[r.entry.ID] = true
			}
			select {
			case <-e.clock.After(pace):
			case <-ctx.Done():
				return
			}
		}
	}
}

// offered returns the next few entries, nil when ctx ended first.
func (e *engine) offered(ctx context.Context) []rename {
	var out []rename
	select {
	case r := <-e.renames:
		out = append(out, r)
	case <-ctx.Done():
		return nil
	}
	for len(out) < group {
		select {
		case r := <-e.renames:
			out = append(out, r)
		default:
			return out
		}
	}
	return out
}

func destinations(batch []rename) map[*table][]netip.Prefix {
	out := map[*table][]netip.Prefix{}
	for _, r := range batch {
		out[r.table] = append(out[r.table], r.entry.Prefix)
	}
	return out
}

// mark gives name and description to one entry, if it still is what was decided
// about; else the next audit looks at it afresh.
func (e *engine) mark(ctx context.Context, r rename) error {
	unlock, err := e.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	now, exists := r.table.get(r.entry.Prefix)
	if !exists || now.ID != r.entry.ID || now.NextHopID != r.entry.NextHopID || now.moving() ||
		now.Marked && !now.ours(e.clusterID) {
		return nil
	}
	name, description := ownership.RouteName(e.clusterID), ownership.RouteDescription(e.clusterID, e.clusterName, r.node)
	writing, done := graceful(ctx)
	err = e.cloud.ModifyRouteEntry(writing, now.ID, name, description)
	done()
	count("takeover", 1, err)
	if err != nil {
		return err
	}
	now.Name, now.Description = name, description
	now.Mark, now.Marked = ownership.ParseRoute(name, description)
	r.table.set(now.Prefix, &now)
	return nil
}
