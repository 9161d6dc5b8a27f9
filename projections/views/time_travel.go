package views

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

const (
	// pasts is how many whole worlds of the past are kept, for the next page.
	pasts = 2
	// gathered is the most events that are read one by one to tell of one entity;
	// where it takes more the whole world is folded.
	gathered = 1000
	// abreast is how many events are read at once.
	abreast = 16
	// awaitedAtMost is of how many others it may depend, whether one goes on, before the whole world is folded.
	awaitedAtMost = 32
)

// timeTravel makes the entities of moments of the past, one moment at a time, and keeps the last few.
type timeTravel struct {
	turn chan struct{}
	mu   sync.Mutex
	kept []*indexedState // the last used first
}

func newTimeTravel() timeTravel { return timeTravel{turn: make(chan struct{}, 1)} }

// find is the kept state of a moment; nil if there is none.
func (p *timeTravel) find(cut uint64) *indexedState {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.kept, func(s *indexedState) bool { return s.World.Seq == cut })
	if i < 0 {
		return nil
	}
	s := p.kept[i]
	p.kept = slices.Insert(slices.Delete(p.kept, i, i+1), 0, s)
	return s
}

func (p *timeTravel) keep(s *indexedState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append([]*indexedState{s}, p.kept[:min(len(p.kept), pasts-1)]...)
}

// whole is the state of a moment of the past, folded from the log. It does not move.
func (v *Views) whole(ctx context.Context, cut uint64) (*indexedState, error) {
	if s := v.timeTravel.find(cut); s != nil {
		return s, nil
	}
	select {
	case v.timeTravel.turn <- struct{}{}:
		defer func() { <-v.timeTravel.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s := v.timeTravel.find(cut); s != nil {
		return s, nil
	}
	s, err := v.build(ctx, cut)
	if err != nil {
		return nil, fmt.Errorf("fold the log up to %d: %w", cut, err)
	}
	v.timeTravel.keep(s)
	return s, nil
}

func (v *Views) build(ctx context.Context, cut uint64) (*indexedState, error) {
	s, err := v.newest(ctx, cut)
	if err != nil {
		return nil, err
	}
	if s == nil {
		w := state.New()
		s = &indexedState{World: w, index: newIndex(w)}
	}
	w := s.World
	v.fold.View(func(*state.Entities) { s.entries = v.events.entries[:cut] })
	err = v.log.Replay(ctx, w.Seq, cut, func(decision []events.Recorded) error {
		if err := w.Apply(decision); err != nil {
			return err
		}
		s.index.see(decision)
		return nil
	})
	return s, err
}

// at reads one entity as it was. Where it can be told from the events of that
// entity and of those it waits for, they are read one by one.
func (v *Views) at(ctx context.Context, ref events.Ref, m moment) (found Any, as AsOf, err error) {
	as = v.asOf(m)
	w, err := v.gather(ctx, ref, m.cut)
	if err == nil && w == nil {
		var s *indexedState
		if s, err = v.whole(ctx, m.cut); err == nil {
			w = s.World
		}
	}
	if err != nil {
		return found, as, err
	}
	e, there := w.Get(ref)
	if !there {
		return found, as, v.unborn(ref, m)
	}
	return read(w, e, cmp.Or(m.time, *as.Time)), as, nil
}

func (v *Views) unborn(ref events.Ref, m moment) error {
	return events.Refuse(events.NotFound, "there was no %s %s at sequence %d", events.Truncate(string(ref.Kind)), events.Truncate(ref.Path()), m.cut)
}

// part is what some entities of a moment are folded from: their nearest checkpoints, and the events after those.
type part struct {
	from []entity
	rest []events.Recorded
}

// gather folds those entities that tell of one; nil if that is too much to be read one by one.
func (v *Views) gather(ctx context.Context, ref events.Ref, cut uint64) (*state.Entities, error) {
	own, small, err := v.part(ctx, cut, ref)
	if !small || err != nil {
		return nil, err
	}
	w, err := own.world()
	if err != nil {
		return nil, err
	}
	e, _ := w.Get(ref)
	awaited, countable := v.awaited(e)
	if !countable {
		return nil, nil
	}
	if len(awaited) == 0 {
		return w, nil
	}
	others, small, err := v.part(ctx, cut, awaited...)
	if !small || err != nil {
		return nil, err
	}
	return part{append(own.from, others.from...), append(own.rest, others.rest...)}.world()
}

// part reads what some entities are folded from; small is false if that would be too many events to be read one by one.
func (v *Views) part(ctx context.Context, cut uint64, refs ...events.Ref) (p part, small bool, err error) {
	var seqs []uint64
	v.fold.View(func(w *state.Entities) {
		for _, r := range refs {
			from, rest := w.Since(r, cut)
			p.from, seqs = append(p.from, from), append(seqs, rest...)
		}
	})
	if len(seqs) > gathered {
		return p, false, nil
	}
	p.rest, err = v.readAll(ctx, seqs)
	return p, true, err
}

// world folds the entities of the part. The other events of the log do not matter.
func (p part) world() (*state.Entities, error) {
	slices.SortFunc(p.rest, func(a, b events.Recorded) int { return cmp.Compare(a.Seq, b.Seq) })
	return state.WorldOf(p.from, p.rest)
}

// awaited lists what an entity waits for; small is false if that is any of many.
func (v *Views) awaited(e entity) (refs []events.Ref, small bool) {
	if e.Phase() == fsm.Unborn {
		return nil, true
	}
	a, _ := fsm.Machines[e.Ref.Kind].Owed(e).(fsm.WaitFor)
	for _, n := range a.On {
		if n.Class == "" {
			refs = append(refs, n.Ref)
			continue
		}
		for _, k := range whereFound[n.Class] {
			all := v.paths(k, "")
			if len(all) > awaitedAtMost {
				return nil, false
			}
			for _, path := range all {
				ref, _ := events.ParseRef(k, path)
				refs = append(refs, ref)
			}
		}
	}
	slices.SortFunc(refs, func(a, b events.Ref) int { return compareKinds(a, b) })
	return slices.Compact(slices.DeleteFunc(refs, func(r events.Ref) bool { return r == e.Ref })), true
}

// whereFound are the kinds among which the end of a wait is found.
var whereFound = map[string][]events.Kind{
	fsm.SomePlace: {events.TenantInfra, events.Dataplane, events.Account},
	fsm.UsersGone: events.Kinds,
}

func compareKinds(a, b events.Ref) int {
	if a.Kind != b.Kind {
		return slices.Index(events.Kinds, a.Kind) - slices.Index(events.Kinds, b.Kind)
	}
	return compareNames(a, b)
}

// readAll reads events, some at once.
func (v *Views) readAll(ctx context.Context, seqs []uint64) ([]events.Recorded, error) {
	all := make([]events.Recorded, len(seqs))
	errs := make([]error, len(seqs))
	free := make(chan struct{}, abreast)
	var reading sync.WaitGroup
	for i, seq := range seqs {
		free <- struct{}{}
		reading.Go(func() {
			defer func() { <-free }()
			all[i], errs[i] = v.ReadEvent(ctx, seq)
		})
	}
	reading.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
