package transport

import "time"

// pace is the adaptive rate of one action, in calls a second: additive increase
// with every accepted call, multiplicative decrease by the share of throttled
// ones. The published limits count by the minute and are not known to us, so
// the rate follows the answers alone.
//
// The decrease is judged over a second and by share: a few refusals among many
// accepted calls (other users of the account) must not stop us, a wall of
// refusals (the minute's budget is spent) must.
type pace struct {
	limit   Limit
	adapted float64 // 0: never throttled, or long forgotten

	since               time.Time // start of the current second
	nAccepted, nRefused int
	busiest             int // calls in the last full second
}

const (
	increasePerCall = 0.1
	// Above this the limit is lifted: nothing we do needs more.
	liftAbove = 200
	// In seconds with fewer calls than this, shares mean little.
	fewCalls   = 12
	largeShare = 0.35
	mildCut    = 0.95
	mediumCut  = 0.9
	wall       = 0.9
	steepCut   = 0.3
	deepCut    = 0.7
	pacePeriod = time.Second
	// A rate seen over less than this says little.
	shortestSample = pacePeriod / 4
	forgetAfter    = 10 * time.Minute
)

func newPace(limit Limit, now time.Time) pace {
	return pace{limit: limit, since: now}
}

// rate returns the calls a second that are admitted; 0 means any number.
func (p *pace) rate() float64 {
	switch {
	case p.adapted == 0:
		return p.limit.Max
	case p.limit.Max > 0:
		return min(p.adapted, p.limit.Max)
	}
	return p.adapted
}

func (p *pace) accepted(now time.Time) {
	p.turn(now)
	p.nAccepted++
	if p.adapted == 0 {
		return
	}
	p.adapted += increasePerCall
	if p.adapted > liftAbove {
		p.adapted = 0
	}
}

// throttled is told how many other calls are in flight: the first refusal of a
// burst comes before the rest of the burst is answered.
func (p *pace) throttled(now time.Time, inFlight int) {
	p.turn(now)
	p.nRefused++
	if p.adapted == 0 {
		elapsed := max(now.Sub(p.since), shortestSample).Seconds()
		seen := float64(p.nAccepted+p.nRefused+inFlight) / elapsed
		p.adapted = min(liftAbove, max(p.limit.Min, float64(p.busiest), seen)*mildCut)
		p.adapted = max(p.limit.Min, p.adapted)
	}
}

// turn closes the current second if it is over and judges it.
func (p *pace) turn(now time.Time) {
	elapsed := now.Sub(p.since)
	if elapsed < pacePeriod {
		return
	}
	total := p.nAccepted + p.nRefused
	if p.adapted > 0 && p.nRefused > 0 {
		share := float64(p.nRefused) / float64(total)
		cut := mildCut
		switch {
		case share > wall && total >= fewCalls:
			cut = steepCut
		case share > largeShare && total >= fewCalls:
			cut = deepCut
		case share > largeShare:
			cut = mediumCut
		}
		p.adapted = max(p.limit.Min, p.adapted*cut)
	}
	if elapsed > forgetAfter {
		p.adapted = 0
	}
	p.busiest = total
	if elapsed >= 2*pacePeriod {
		p.busiest = 0
	}
	p.since, p.nAccepted, p.nRefused = now, 0, 0
}
