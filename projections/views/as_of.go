package views

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// moment is of when an answer is: of now, or of the past.
type moment struct {
	past bool
	cut  uint64    // the last sequence that is included, the end of a decision
	time time.Time // which time it is; zero: that of the last event
}

// end is the last sequence that may be told.
func (m moment) end() uint64 {
	if m.past {
		return m.cut
	}
	return math.MaxUint64
}

// moment understands which part of the log an answer is wanted of, and waits until
// the views have it. What was decided together is seen together or not at all.
func (v *Views) moment(ctx context.Context, at string, minSeq uint64) (moment, error) {
	m := moment{past: at != ""}
	if err := v.Await(ctx, minSeq); err != nil || !m.past {
		return m, err
	}
	seq, err := strconv.ParseUint(at, 10, 64)
	if err == nil {
		m.cut, err = v.cutAt(ctx, seq)
	} else {
		m.cut, m.time, err = v.cutBefore(at)
	}
	if err == nil && minSeq > m.cut {
		err = refuseField("min_seq", "sequence %d is not included at the moment that at names, which ends with %d: leave one of them out", minSeq, m.cut)
	}
	return m, err
}

func refuseField(field, format string, args ...any) error {
	return events.RefuseFaults("read the past", []events.FieldError{{Field: field, Message: fmt.Sprintf(format, args...)}})
}

// cutAt waits for a sequence that the log has.
func (v *Views) cutAt(ctx context.Context, seq uint64) (cut uint64, err error) {
	if seq > v.AsOf().Seq {
		last, err := v.log.Last(ctx)
		if err != nil {
			return 0, err
		}
		if seq > last {
			return 0, refuseField("at", "sequence %d is in the future: the log ends with %d", seq, last)
		}
		if err := v.Await(ctx, seq); err != nil {
			return 0, err
		}
	}
	v.fold.View(func(*state.Entities) { cut = v.events.cut(seq) })
	return cut, nil
}

// cutBefore is the last decision of which nothing is later than a time.
func (v *Views) cutBefore(at string) (cut uint64, t time.Time, err error) {
	t, faults := parseTime("at", at, nil)
	switch {
	case len(faults) > 0:
		return 0, t, refuseField("at", "%q is neither a sequence nor a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z", events.Truncate(at))
	case t.After(time.Now()):
		return 0, t, refuseField("at", "%s is in the future", at)
	}
	v.fold.View(func(*state.Entities) { cut = v.events.cut(v.events.until(t)) })
	return cut, t, nil
}

// asOf says which part of the log a moment is.
func (v *Views) asOf(m moment) (as AsOf) {
	if !m.past {
		return v.AsOf()
	}
	v.fold.View(func(*state.Entities) {
		if m.cut > 0 {
			t := time.Unix(0, v.events.entries[m.cut-1].at).UTC()
			as = AsOf{m.cut, &t}
		}
	})
	return as
}
