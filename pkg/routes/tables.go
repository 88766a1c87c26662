package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

var (
	// ErrUnknownTable says that a configured route table is not one of the VPC's.
	ErrUnknownTable = errors.New("unknown route table")
	// ErrCollision says that a cluster CIDR cannot be routed in this VPC.
	ErrCollision = errors.New("cluster CIDR collides")
	// errNoTable: no route table is known for a Node's vSwitch.
	errNoTable = errors.New("no route table is known for the server's vSwitch")
)

// serviceRange is reserved by the cloud: no destination may lie in it (VPC API,
// CreateRouteEntry).
var serviceRange = netip.MustParsePrefix("100.64.0.0/10")

// relearn is how often at most the vSwitches are read again because a server is
// in an unknown one.
const relearn = 30 * time.Second

// tableSet knows which route tables the cluster needs: those configured, else
// those of its servers' vSwitches.
type tableSet struct {
	cloud      Network
	vpcID      string
	configured []string
	clock      clock.PassiveClock

	mu       sync.Mutex
	learned  time.Time
	reserved []Block
	// bySwitch is the table of each vSwitch; all are the VPC's tables.
	bySwitch map[string]string
	all      []string
	needed   map[string]bool
	// retired tables are not needed and hold nothing of the cluster's.
	retired map[string]bool
}

// learn reads the VPC's vSwitches and tables. It returns ErrUnknownTable when a
// configured table is not among them.
func (s *tableSet) learn(ctx context.Context) error {
	switches, err := s.cloud.VSwitches(ctx, s.vpcID)
	if err != nil {
		return err
	}
	tables, err := s.cloud.RouteTables(ctx, s.vpcID)
	if err != nil {
		return err
	}
	if len(switches) == 0 || len(tables) == 0 {
		return &apierror.Error{
			Product: "Vpc", Action: "DescribeRouteTableList", Kind: apierror.Unavailable,
			Message: fmt.Sprintf("VPC %s shows %d vSwitches and %d route tables; check the VPC's id and the permissions of the access key",
				s.vpcID, len(switches), len(tables)),
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved = blocks(switches)
	s.bySwitch, s.all = map[string]string{}, nil
	system := ""
	for _, t := range tables {
		s.all = append(s.all, t.ID)
		for _, id := range t.VSwitchIDs {
			s.bySwitch[id] = t.ID
		}
		if t.System {
			system = t.ID
		}
	}
	for _, v := range switches {
		switch {
		case v.RouteTableID != "":
			s.bySwitch[v.ID] = v.RouteTableID
		case s.bySwitch[v.ID] == "":
			s.bySwitch[v.ID] = system // vSwitches without a table of their own use the VPC's
		}
	}
	for _, id := range s.configured {
		if !slices.Contains(s.all, id) {
			return fmt.Errorf("%w %s: VPC %s has %s; correct --route-tables, or leave it out to find the tables by the servers' vSwitches",
				ErrUnknownTable, id, s.vpcID, orNone(s.all))
		}
		s.needed[id] = true
	}
	s.learned = s.clock.Now() // not before: whoever asks next is to be told of the unknown table too
	return nil
}

// blocks are the ranges that no destination may overlap.
func blocks(switches []vpc.VSwitch) []Block {
	out := []Block{{Prefix: serviceRange, What: "the range of cloud services"}}
	for _, v := range switches {
		for _, cidr := range []string{v.CIDR, v.IPv6CIDR} {
			if prefix, ok := parseCIDR(cidr); ok {
				out = append(out, Block{Prefix: prefix, What: "vSwitch " + v.ID})
			}
		}
	}
	return out
}

// collisions returns ErrCollision for every cluster CIDR that overlaps a block.
func (s *tableSet) collisions(clusterCIDRs []netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var problems []error
	for _, c := range clusterCIDRs {
		for _, b := range s.reserved {
			if b.Prefix.Overlaps(c) {
				problems = append(problems, fmt.Errorf("%w: %s overlaps %s (%s); choose another --cluster-cidr, or move the vSwitch",
					ErrCollision, c, b.What, b.Prefix))
			}
		}
	}
	return errors.Join(problems...)
}

// need notes a server's vSwitch and reports whether a table is needed that was
// not before. It reads the vSwitches again when the server's is unknown.
func (s *tableSet) need(ctx context.Context, vSwitchID string) (grown bool, err error) {
	if len(s.configured) > 0 {
		return false, nil
	}
	id, known, stale := s.lookup(vSwitchID)
	if !known && stale && vSwitchID != "" {
		if err := s.learn(ctx); err != nil {
			return false, err
		}
		id, known, _ = s.lookup(vSwitchID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !known {
		if vSwitchID == "" && len(s.needed) > 0 {
			return false, nil
		}
		return false, fmt.Errorf("%w %q", errNoTable, vSwitchID)
	}
	grown = !s.needed[id]
	s.needed[id] = true
	return grown, nil
}

// learnUnlessFresh is learn, unless that was done a moment ago: Check comes
// directly before Run where this process leads at once.
func (s *tableSet) learnUnlessFresh(ctx context.Context) error {
	s.mu.Lock()
	fresh := !s.learned.IsZero() && s.clock.Since(s.learned) < relearn
	s.mu.Unlock()
	if fresh {
		return nil
	}
	return s.learn(ctx)
}

func (s *tableSet) lookup(vSwitchID string) (table string, known, stale bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	table = s.bySwitch[vSwitchID]
	return table, table != "", s.clock.Since(s.learned) >= relearn
}

// relevant lists the tables that may hold the cluster's entries: the configured
// ones, else all of the VPC, because a table that no server uses any more may
// still lead to one.
func (s *tableSet) relevant() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.configured) > 0 {
		return slices.Clone(s.configured)
	}
	return slices.DeleteFunc(slices.Clone(s.all), func(id string) bool { return s.retired[id] && !s.needed[id] })
}

// retire notes whether a table holds nothing of the cluster's; unless it is
// needed it is then not read any more.
func (s *tableSet) retire(id string, empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired[id] = empty
}

func (s *tableSet) isNeeded(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.needed[id]
}

// blocked returns the ranges that no destination may overlap.
func (s *tableSet) blocked() []Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reserved
}

func orNone(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	return strings.Join(ids, ", ")
}
