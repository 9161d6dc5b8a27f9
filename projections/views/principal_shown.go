package views

import (
	"cmp"
	"context"
	"slices"

	"github.com/aeriehq/aerie/events"
)

// ListShown is List without what is not shown to who asks: pages are short of it. nil shows all.
func (v *Views) ListShown(ctx context.Context, k events.Kind, q *ListQuery, shown func(Any) bool) (l List[Any], err error) {
	f, err := q.filter(kindViews[k])
	f.shown = shown
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
