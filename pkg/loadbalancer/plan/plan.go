package plan

import (
	"fmt"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// Plan is what is to be done, in order.
type Plan struct {
	Steps []Step
	// Problems are settings that cannot be changed on the living instance and
	// listeners that are somebody else's: nothing of them is in Steps.
	Problems []string
	// Blocked are the wanted listeners that cannot be made because somebody else's
	// listener is in their place; Problems says so too.
	Blocked []slb.ListenerKey
	// Notices are sentences about what stays as it is.
	Notices []string
	// NeedGroups: the vServer groups must be read before the plan can be made;
	// Steps is empty.
	NeedGroups bool
}

// Empty reports whether nothing is to be done.
func (p Plan) Empty() bool { return len(p.Steps) == 0 && !p.NeedGroups }

// String lists the steps, one a line.
func (p Plan) String() string {
	var b strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s)
	}
	for _, problem := range p.Problems {
		fmt.Fprintf(&b, "refused: %s\n", problem)
	}
	for _, notice := range p.Notices {
		fmt.Fprintf(&b, "note: %s\n", notice)
	}
	return b.String()
}

// Make returns the steps that make the actual load balancer the wanted one; a
// nil actual does not exist yet. Backends and groups come before the listeners
// that use them, what is no longer used goes last, so that at no moment a
// listener is without the servers that it had or will have.
func Make(w build.Wanted, a *Actual) Plan {
	p := planner{w: w}
	if a == nil {
		if w.BackendsOnly {
			return p.plan
		}
		p.a = &Actual{}
		p.step(Step{Kind: CreateInstance, Instance: w.Instance})
	} else {
		p.a = a
		if !w.BackendsOnly && w.Adoption == nil {
			p.immutable()
		}
	}
	if a != nil && a.GroupsUnknown && p.needsGroups() {
		p.plan.NeedGroups = true
		p.plan.Steps = nil
		return p.plan
	}
	p.inherited = a != nil && inherited(a)
	p.targets()
	if w.Adoption == nil {
		p.crowded()
		p.fillDefault()
	}
	p.fillGroups()
	if !w.BackendsOnly && p.fillACL() {
		p.listeners()
		p.dropACL()
	}
	if w.Adoption == nil {
		p.drainDefault()
	}
	p.drainGroups()
	if a != nil && !w.BackendsOnly && w.Adoption == nil {
		p.instance()
	}
	return p.plan
}

// planner gathers the steps of one plan.
type planner struct {
	w    build.Wanted
	a    *Actual
	plan Plan

	// target is where each wanted listener's traffic goes after the plan.
	target map[slb.ListenerKey]target
	// groups are the groups in use after the plan, by name.
	groups []*group
	// usesDefault: some listener uses the default group after the plan.
	usesDefault bool
	// marked: an early step has set the mark of the access control list.
	marked bool
	// inherited: another controller made the load balancer, and what the Service
	// does not ask for stays as that one left it.
	inherited bool
	// extended: an early step has set the mark of domain extensions.
	extended bool
	// removed are default backends that have been taken out early.
	removed map[string]bool
}

// target is a listener's destination: the default group, or a vServer group.
type target struct {
	group *group
	// skip: the listener cannot be made, and says why in a problem; or it is
	// somebody else's, and sends to a group that is filled.
	skip bool
}

// group is a vServer group that is wanted.
type group struct {
	name string
	// id is empty when the plan creates the group.
	id      string
	members []slb.Backend
	// shared: somebody else made the group; only marked members are changed.
	shared bool
}

func (p *planner) step(s Step) { p.plan.Steps = append(p.plan.Steps, s) }

func (p *planner) problem(format string, args ...any) {
	p.plan.Problems = append(p.plan.Problems, fmt.Sprintf(format, args...))
}

func (p *planner) notice(format string, args ...any) {
	p.plan.Notices = append(p.plan.Notices, fmt.Sprintf(format, args...))
}
