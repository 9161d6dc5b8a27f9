// Package relapse counts how often something has drifted lately, each time after it had been brought back, and says when
// it is to be brought back once more: who undoes every repair is taken to mean it, and is given way to, longer each time.
//
// It is pure, and a part of package fsm: it has no clock, repairs nothing, and knows no kinds. Begin with Relapses, which
// is what an entity keeps, and Next, which a decision asks. Values are never changed, so all of it may be used from any
// goroutine at once. After a crash the same events of the log make the same Relapses again.
package relapse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Relapse is something that has drifted: how, how often, and when last.
type Relapse struct {
	What  string
	How   string
	Times int
	Last  time.Time
}

// Relapses are those of one entity, the last ones first.
type Relapses []Relapse

const (
	// Contested is how often something drifts until somebody else must be at work.
	Contested = 3
	// slowest bounds how often the pause before a repair doubles.
	slowest = 6
	// quietFor is after how many pauses without a drift the next one is the first again.
	quietFor = 8
	// most is how many things are remembered.
	most = 100
)

// Pause is how long something that has drifted so often is left as it is. every is the time between two looks.
func Pause(times int, every time.Duration) time.Duration {
	if every <= 0 {
		every = time.Minute // of who does not say it
	}
	return every << min(max(0, times-Contested), slowest)
}

// Known tells whether all that was found is contested already, and has drifted as it did before.
func (all Relapses) Known(found []ev.Drift) bool {
	return !slices.ContainsFunc(found, func(d ev.Drift) bool {
		r, known := all.of(d.What)
		return !known || r.Times < Contested || r.How != d.How
	})
}

func (all Relapses) of(what string) (r Relapse, known bool) {
	i := slices.IndexFunc(all, func(r Relapse) bool { return r.What == what })
	if i < 0 {
		return r, false
	}
	return all[i], true
}

// BroughtBack says that what had drifted before a time was there again only then: what took long to repair and drifts soon
// after drifts again.
func (all Relapses) BroughtBack(at time.Time) Relapses {
	all = slices.Clone(all)
	for i := range all {
		if all[i].Last.Before(at) {
			all[i].Last = at
		}
	}
	return all
}

// Next says in a drift how often each thing was found so, and when it is repaired: at once, unless all of it was brought back
// so often already that somebody else must be at work. repairAt is when a repair that waits already is due; zero if none does.
func (all Relapses) Next(d ev.Drifted, at time.Time, every time.Duration, repairAt time.Time) ev.Drifted {
	var least int
	d.Found, least = all.Counted(d.Found, at, every, repairAt.IsZero())
	switch {
	case least < Contested:
	case !repairAt.IsZero():
		d.NextAt = repairAt
	default:
		d.NextAt = at.Add(Pause(least, every))
	}
	return d
}

// Underway counts what was found gone while something is made or repaired. What was brought back so often already that somebody
// else must be at work is not made again at once: the next attempt waits, which is told as one more that has failed.
func (all Relapses) Underway(happened []ev.Event, next ev.AttemptFailed, at time.Time, every time.Duration) []ev.Event {
	for i, one := range happened {
		found, is := one.(ev.Drifted)
		if !is {
			continue
		}
		d := all.Next(ev.Drifted{Found: found.Found, Calls: found.Calls}, at, every, time.Time{})
		happened = slices.Clone(happened)
		if happened[i] = d; !d.NextAt.IsZero() {
			next.Reason, next.NextAt = Reason(d), d.NextAt
			happened = append(happened, next)
		}
	}
	return happened
}

// Due is when found drift may be repaired next, for a caller that stores only its past repairs: now, or a pause after the
// last one.
func (all Relapses) Due(found []ev.Drift, at time.Time, every time.Duration) time.Time {
	_, least := all.Counted(found, at, every, true)
	if least < Contested {
		return at
	}
	var last time.Time
	for _, d := range found {
		if r, _ := all.of(d.What); r.Last.After(last) {
			last = r.Last
		}
	}
	return last.Add(Pause(least, every))
}

// Told says what was found, in a sentence.
func Told(found []ev.Drift) string {
	var all []string
	for _, d := range found {
		all = append(all, d.String())
	}
	return "by " + who(found) + ", " + strings.Join(all, "; ")
}

// who has changed what was found, by name as far as that is known.
func who(found []ev.Drift) string {
	var names []string
	for _, d := range found {
		if d.By != "" && !slices.Contains(names, d.By) {
			names = append(names, d.By)
		}
	}
	if slices.ContainsFunc(found, func(d ev.Drift) bool { return d.By == "" }) {
		names = append(names, "somebody else")
	}
	return strings.Join(names, " and ")
}

// Reason is why an entity that has drifted is not as was asked for.
func Reason(d ev.Drifted) ev.Reason {
	if d.NextAt.IsZero() {
		return ev.Reason{Code: ev.DriftedReason, Fault: ev.ByUser, Message: Told(d.Found)}
	}
	times := 0
	for _, f := range d.Found {
		times = max(times, f.Times)
	}
	return ev.Reason{Code: ev.Contested, Fault: ev.ByUser,
		Message: fmt.Sprintf("aerie and %s undo each other's changes, %d times by now: %s; let one of the two alone say how it is", who(d.Found), times, Told(d.Found))}
}

// Counted says of each thing that was found how often it was by now, and how often at least each of them. What was not
// repaired since the last time is counted once.
func (all Relapses) Counted(found []ev.Drift, at time.Time, every time.Duration, repaired bool) (counted []ev.Drift, least int) {
	counted = slices.Clone(found)
	for i := range counted {
		times := 1
		if was, known := all.of(counted[i].What); known && at.Sub(was.Last) <= quietFor*Pause(was.Times, every) {
			times = was.Times
			if repaired {
				times++
			}
		}
		if i == 0 || times < least {
			least = times
		}
		if counted[i].Times = 0; times > 1 {
			counted[i].Times = times
		}
	}
	return counted, least
}

// With notes what was found, counted, at a time.
func (all Relapses) With(found []ev.Drift, at time.Time) (now Relapses) {
	add := func(r Relapse) {
		if _, known := now.of(r.What); !known && len(now) < most {
			now = append(now, r)
		}
	}
	for _, d := range found {
		add(Relapse{What: d.What, How: d.How, Times: max(1, d.Times), Last: at})
	}
	for _, r := range all {
		add(r)
	}
	return now
}
