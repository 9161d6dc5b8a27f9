package views

import (
	"cmp"
	"context"
	"slices"

	"github.com/aeriehq/aerie/events"
)

// ListShown is List as if what is not shown to who asks were not there; nil shows all. Without hints a refusal names nothing but what
// was asked for.
func (v *Views) ListShown(ctx context.Context, k events.Kind, q *ListQuery, hints bool, shown func(Any) bool) (l List[Any], err error) {
	f, err := q.filter(kindViews[k])
	f.hints, f.shown = hints, shown
	if err != nil {
		return l, err
	}
	m, err := v.moment(ctx, q.At, q.MinSeq)
	if err != nil {
		return l, err
	}
	if !m.past {
		v.present(func(s *indexedState) {
			if err = s.unknown(&f); err == nil {
				l = s.list(f, q.Limit, v.now())
			}
		})
		return l, err
	}
	s, err := v.whole(ctx, m.cut)
	if err == nil {
		err = s.unknown(&f)
	}
	if err != nil {
		return l, err
	}
	return s.list(f, q.Limit, cmp.Or(m.time, s.World.Time)), nil
}

// Without leaves out the events of a kind.
func (f EventFilter) Without(k events.Kind) EventFilter {
	f.without = append(slices.Clone(f.without), k)
	return f
}
