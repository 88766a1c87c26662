package vpc

import (
	"net/http"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// VPC API: routes of one VPC are created and deleted one operation at a time. An
// operation lasts until its reply and for the knob RouteOperation, whichever ends
// later.

// begin marks the VPC busy with one operation and returns when its entries have settled.
func (p *Product) begin(c *api.Call, vpc string) time.Time {
	due := c.Now.Add(p.Knobs.RouteOperation)
	busy := c.Now.Add(max(p.Knobs.RouteOperation, c.Latency))
	if v := p.VPCs[vpc]; busy.After(v.BusyUntil) {
		v.BusyUntil = busy
	}
	return due
}

// busy refuses a mutation of a route table while its VPC has another one: a table
// that holds a transitional entry answers with the knob RouteConflictCode, any
// other table of the VPC with TaskConflict.
func (p *Product) busy(c *api.Call, t *table) *api.Error {
	if p.Knobs.RouteConflictCode == codeEntryStatus {
		for _, e := range p.index.moving {
			if e.Table == t.ID {
				return entryStatusError()
			}
		}
	}
	return p.conflict(c, t.VPC)
}

// conflict is busy for the batch calls, which know no other code.
func (p *Product) conflict(c *api.Call, vpc string) *api.Error {
	if c.Now.Before(p.VPCs[vpc].BusyUntil) {
		return api.Errorf(http.StatusBadRequest, "TaskConflict", "The operation is too frequent, please wait a moment and try again.")
	}
	return nil
}

const codeEntryStatus = "IncorrectRouteEntryStatus"

func entryStatusError() *api.Error {
	return api.Errorf(http.StatusBadRequest, codeEntryStatus, "The status of the route entry does not allow this operation.")
}

// move puts an entry into a transitional state that ends at due, at once when the
// operation takes no time.
func (p *Product) move(e *entry, status string, due, now time.Time) {
	e.Status, e.Due = status, due
	if due.After(now) {
		p.index.moving[e.ID] = e
		return
	}
	p.settle(e)
}

// settle ends the transition of an entry.
func (p *Product) settle(e *entry) {
	if e.Status == statusDeleting {
		p.index.remove(e)
		delete(p.Entries, e.ID)
		return
	}
	e.Status, e.Due = statusAvailable, time.Time{}
	delete(p.index.moving, e.ID)
}

// settleEntries ends the transitions due at now and returns the next due time.
func (p *Product) settleEntries(now time.Time) time.Time {
	var next time.Time
	for _, e := range p.index.moving {
		switch {
		case !e.Due.After(now):
			p.settle(e)
		case next.IsZero() || e.Due.Before(next):
			next = e.Due
		}
	}
	return next
}
