// Package relapse counts how often something has drifted lately, each time after it had been brought back, and says when
// it is to be brought back once more: who undoes every repair is taken to mean it, and is given way to, longer each time.
//
// It is pure, and a part of package fsm: it has no clock, repairs nothing, and knows no kinds. Begin with Relapses, which
// is what an entity keeps, and Counted, which a decision asks. Values are never changed, so all of it may be used from any
// goroutine at once. After a crash the same events of the log make the same Relapses again.
package relapse

import (
	"slices"
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
		if times > 1 {
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
