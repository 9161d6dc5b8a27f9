package views

import (
	"context"
	"math"
	"slices"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views/cursor"
)

// GetQuery names one entity that is no customer.
type GetQuery struct {
	Owner  string `path:"owner" maxLength:"100" doc:"The customer it belongs to; - is the platform"`
	ID     string `path:"id" maxLength:"100" doc:"Its name"`
	MinSeq uint64 `query:"min_seq" doc:"Wait until the answer includes this sequence, ten seconds at most"`
	At     string `query:"at" maxLength:"40" doc:"As it was at a sequence or a time (RFC 3339)"`
}

// HistoryQuery names one entity and a page of its events.
type HistoryQuery struct {
	GetQuery
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many events at most"`
	Sort   string `query:"sort" enum:"seq,-seq" default:"seq" doc:"-seq: the newest first"`
	Cursor string `query:"cursor" maxLength:"400" doc:"The next of the page before"`
}

// History makes one page of the events of one entity, read from the log by its sequences.
func (v *Views) History(ctx context.Context, ref events.Ref, q *HistoryQuery) (List[Event], error) {
	first := cursor.Cursor{Ref: ref}
	if q.Sort == newestFirst {
		first = cursor.Cursor{Ref: ref, Order: newestFirst, Seq: math.MaxUint64}
	}
	at := first
	if q.Cursor != "" {
		var ok bool
		if at, ok = cursor.Parse(q.Cursor); !ok || at.Ref != ref || at.Order != first.Order {
			return List[Event]{}, events.RefuseFaults("history of "+ref.String(), []events.FieldError{cursor.Broken})
		}
	}
	m, err := v.moment(ctx, q.At, q.MinSeq)
	if err != nil {
		return List[Event]{}, err
	}
	e, as, err := v.get(ref, func(*state.Entities, entity) {})
	if m.past {
		as = v.asOf(m)
		if e.History.UpTo(m.cut) == 0 && err == nil {
			err = v.unborn(ref, m)
		}
	}
	if err != nil {
		return List[Event]{}, err
	}
	return v.historyOf(ctx, e, m, as, at, q.Limit)
}

// newestFirst is the order of a history that begins with its end.
const newestFirst = "-seq"

// historyOf is a page of an entity's events.
func (v *Views) historyOf(ctx context.Context, e entity, m moment, as AsOf, at cursor.Cursor, limit int) (List[Event], error) {
	l := List[Event]{AsOf: as}
	from, end := e.History.UpTo(at.Seq), e.History.UpTo(m.end())
	if at.Order == newestFirst {
		from, end = 0, min(end, e.History.UpTo(at.Seq-1))
	}
	more := end-from > limit
	if more && at.Order == newestFirst {
		from = end - limit
	} else if more {
		end = from + limit
	}
	seqs := e.History.Between(from, max(from, end))
	if at.Order == newestFirst {
		slices.Reverse(seqs)
	}
	if more {
		at.Seq = seqs[limit-1]
		next := at.String()
		l.Next = &next
	}
	var err error
	l.Items, err = v.readEvents(ctx, seqs)
	return l, err
}
