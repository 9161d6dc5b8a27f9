package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Relapse is something that has drifted, and how often lately, each time after it had been brought back.
type Relapse struct {
	What  string
	How   string
	Times int
	Last  time.Time
}

const (
	// contestedAfter is how often something is brought back at once. Who has undone that so often is taken to mean it.
	contestedAfter = 3
	// slowest bounds how often the pause before a repair doubles.
	slowest = 6
	// quietFor is after how many pauses without a drift the next one is the first again.
	quietFor = 8
	// maxRelapses is how many things are remembered, those that have drifted last.
	maxRelapses = 100
)

// repairPause is how long something that has drifted so often is left as it is. every is the time between two looks.
func repairPause(times int, every time.Duration) time.Duration {
	if every <= 0 {
		every = time.Minute // of who does not say it
	}
	return every << min(max(0, times-contestedAfter), slowest)
}

// contested tells whether somebody undoes what is repaired, so that the next repair has to wait.
func (b Base) contested() bool { return b.Failure != nil && b.Failure.Code == ev.Contested }

// onlyRelapses tells whether all that was found is what a repair waits for already.
func (b Base) onlyRelapses(found []ev.Drift) bool {
	return !slices.ContainsFunc(found, func(d ev.Drift) bool {
		r, known := b.relapseOf(d.What)
		return !known || r.Times < contestedAfter || r.How != d.How
	})
}

func (b Base) relapseOf(what string) (r Relapse, known bool) {
	i := slices.IndexFunc(b.Relapses, func(r Relapse) bool { return r.What == what })
	if i < 0 {
		return r, false
	}
	return b.Relapses[i], true
}

// relapsed says in a drift how often each thing was found so, and when it is repaired: at once, unless all of it was brought
// back so often already that somebody else must be at work.
func (b Base) relapsed(d ev.Drifted, at time.Time, every time.Duration) ev.Drifted {
	d.Found = slices.Clone(d.Found)
	least := 0
	for i := range d.Found {
		times := 1
		if was, known := b.relapseOf(d.Found[i].What); known && at.Sub(was.Last) <= quietFor*repairPause(was.Times, every) {
			times = was.Times + 1
			if b.contested() { // it was not repaired since
				times = was.Times
			}
		}
		if least == 0 || times < least {
			least = times
		}
		if times > 1 {
			d.Found[i].Times = times
		}
	}
	switch {
	case least < contestedAfter:
	case b.contested():
		d.NextAt = b.RepairAt
	default:
		d.NextAt = at.Add(repairPause(least, every))
	}
	return d
}

// relapse notes a drift.
func (b Base) relapse(d ev.Drifted, at time.Time) Base {
	reason := driftReason(d.Found)
	b.Drift, b.RepairAt = reason.Message, d.NextAt
	if !d.NextAt.IsZero() {
		reason = contestedReason(d.Found)
	}
	b.Failure = &reason
	var now []Relapse
	for _, f := range d.Found {
		if !slices.ContainsFunc(now, func(r Relapse) bool { return r.What == f.What }) {
			now = append(now, Relapse{What: f.What, How: f.How, Times: max(1, f.Times), Last: at})
		}
	}
	for _, r := range b.Relapses {
		if !slices.ContainsFunc(now, func(n Relapse) bool { return n.What == r.What }) {
			now = append(now, r)
		}
	}
	b.Relapses = now[:min(len(now), maxRelapses)]
	return b
}

func contestedReason(found []ev.Drift) ev.Reason {
	times := 0
	for _, d := range found {
		times = max(times, d.Times)
	}
	what := driftReason(found)
	return ev.Reason{Code: ev.Contested, Fault: ev.ByUser,
		Message: fmt.Sprintf("aerie and somebody else undo each other's changes, %d times by now: %s; let one of the two alone say how it is", times, what.Message)}
}
