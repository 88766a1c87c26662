package plan

import (
	"net/netip"
	"slices"
)

// taken is a set of ranges that do not overlap, in order of their addresses.
type taken struct {
	ranges []netip.Prefix
	owners []*Node
}

// find tells the owner of a range that overlaps p, nil for none.
func (t *taken) find(p netip.Prefix) (*Node, int) {
	i, found := slices.BinarySearchFunc(t.ranges, p, func(e, p netip.Prefix) int { return e.Addr().Compare(p.Addr()) })
	if found {
		return t.owners[i], i
	}
	if i > 0 && t.ranges[i-1].Overlaps(p) {
		return t.owners[i-1], i
	}
	if i < len(t.ranges) && t.ranges[i].Overlaps(p) {
		return t.owners[i], i
	}
	return nil, i
}

// take adds a range, unless one that is there overlaps it: then its owner is
// returned, and nothing is added.
func (t *taken) take(p netip.Prefix, owner *Node) *Node {
	other, i := t.find(p)
	if other != nil {
		return other
	}
	t.ranges = slices.Insert(t.ranges, i, p)
	t.owners = slices.Insert(t.owners, i, owner)
	return nil
}
