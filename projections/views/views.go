// Package views holds what reads the log's entities: lists and single entities now and in the past, histories, what the log
// has of events, and the snapshots from which a start goes on. It serves no HTTP, that is package api, and decides nothing.
// Begin with Views; kind_view.go has what is a kind's own. Views are safe for concurrent use: they are told of a decision
// under the fold's lock, and an answer knows all of a decision or nothing of it. After a crash they go on from the newest
// whole snapshot, and read the rest from the log.
package views

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/projections/operations"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views/snapshot"
)

// patience is how long a reader that asked for a sequence waits for it.
const patience = 10 * time.Second

// Views answers questions about the present, about the past, and about what happened. It is safe for concurrent use.
type Views struct {
	// ReadEvent reads one event of the log. New sets it to the log's Read; a test that counts reads, or has no log, sets
	// another before the first question.
	ReadEvent func(context.Context, uint64) (events.Recorded, error)

	fold        *state.Live
	log         *eventlog.Log
	index       *index     // under the fold's lock
	events      eventIndex // under the fold's lock
	timeTravel  timeTravel
	counters    Counters
	snapshots   *snapshot.Dir // nil: no snapshots
	snapshotSeq uint64        // the sequence of the newest one, or of the last attempt
	now         func() time.Time

	snapshotEvery, snapshotAtEnd uint64
}

// indexedState is Entities with their index: the present ones under the fold's lock, or those of a moment of the past.
type indexedState struct {
	World   *state.Entities
	index   *index
	entries []entry // the index of events up to there

	events eventIndex        // of a snapshot
	folded map[string]uint64 // and its counters
}

// AsOf says which part of the log an answer knows: everything up to a sequence.
type AsOf struct {
	Seq  uint64     `json:"seq" required:"true" doc:"The last sequence that is included"`
	Time *time.Time `json:"time" required:"true" doc:"When that event was decided; null while the log is empty"`
}

// New makes views of a fold, which read events from the log that it will follow. It
// panics if the fold has begun to: a view knows only the events it was told of.
func New(fold *state.Live, log *eventlog.Log) *Views {
	v := &Views{fold: fold, log: log, events: newEventIndex(), timeTravel: newTimeTravel(),
		now: time.Now, snapshotEvery: snapshotEvery, snapshotAtEnd: snapshotAtEnd}
	if log != nil {
		v.ReadEvent = log.Read
	}
	fold.View(func(w *state.Entities) {
		if w.Seq > 0 {
			panic("projections: the views must be made before the fold follows the log")
		}
		v.index = newIndex(w)
	})
	fold.Watch(v.see)
	return v
}

func (v *Views) see(w *state.Entities, decision []events.Recorded, _ bool) {
	for _, r := range decision {
		n, of := w.Number(r.Ref)
		if !of {
			n = nobody
		}
		v.events.add(r, n)
	}
	v.index.see(decision)
}

// present calls look with the present state, which does not move meanwhile.
func (v *Views) present(look func(*indexedState)) {
	v.fold.View(func(w *state.Entities) { look(&indexedState{World: w, index: v.index, entries: v.events.entries}) })
}

// AsOf says how far the views are.
func (v *Views) AsOf() (as AsOf) {
	v.fold.View(func(w *state.Entities) { as = asOf(w) })
	return as
}

func asOf(w *state.Entities) AsOf {
	if w.Seq == 0 {
		return AsOf{}
	}
	t := w.Time
	return AsOf{w.Seq, &t}
}

// Await returns when the views include a sequence. If they do not after ten
// seconds, or can't any more, it is a Refusal of code unavailable.
func (v *Views) Await(ctx context.Context, seq uint64) error {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := v.fold.Wait(soon, seq)
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	return events.Refuse(events.Unavailable, "sequence %d is not there yet, the views are at %d: ask again later", seq, v.AsOf().Seq)
}

// Err is why the views do not follow the log any more; nil while they do.
func (v *Views) Err() error { return v.fold.Err() }

// List makes one page of a list of the entities of a kind. A query that is wrong is a Refusal that names every fault.
func (v *Views) List(ctx context.Context, k events.Kind, q *ListQuery) (l List[Any], err error) {
	return v.ListShown(ctx, k, q, true, nil)
}

// Operations makes one page of the operations. A query that is wrong is a Refusal that names every fault.
func (v *Views) Operations(ctx context.Context, kinds *events.Registry, q *operations.Query) (l List[operations.Operation], err error) {
	f, err := q.Filter(kinds)
	if err != nil {
		return l, err
	}
	page := func(s *indexedState, now time.Time) {
		l.AsOf = asOf(s.World)
		l.Items, l.Next, err = s.index.ops.List(s.World, f, now)
	}
	m, err := v.moment(ctx, q.At, q.MinSeq)
	if err != nil {
		return l, err
	}
	if !m.past {
		v.present(func(s *indexedState) { page(s, v.now()) })
		return l, err
	}
	s, err := v.whole(ctx, m.cut)
	if err == nil {
		page(s, s.World.Time)
	}
	return l, err
}

// Get reads one entity, and says what the answer knows of the log. A Refusal of code not_found names the nearest one.
func (v *Views) Get(ctx context.Context, ref events.Ref, q *GetQuery) (Any, AsOf, error) {
	m, err := v.moment(ctx, q.At, q.MinSeq)
	if err != nil {
		return Any{}, AsOf{}, err
	}
	return v.read(ctx, ref, m)
}

// read reads one entity at a moment; a Refusal of code not_found names the nearest one.
func (v *Views) read(ctx context.Context, ref events.Ref, m moment) (found Any, as AsOf, err error) {
	if m.past {
		return v.at(ctx, ref, m)
	}
	_, as, err = v.get(ref, func(w *state.Entities, e entity) { found = read(w, e, v.now()) })
	return found, as, err
}

// get finds an entity and lets look see it among the others.
func (v *Views) get(ref events.Ref, look func(*state.Entities, entity)) (e entity, as AsOf, err error) {
	var there bool
	v.fold.View(func(w *state.Entities) {
		as = asOf(w)
		if e, there = w.Get(ref); there {
			look(w, e)
		}
	})
	if !there {
		err = events.Refuse(events.NotFound, "there is no %s %s%s", events.Truncate(string(ref.Kind)), events.Truncate(ref.Path()), v.nearest(ref))
	}
	return e, as, err
}

// compared is how many names a misspelt one is compared with, listed how many are listed where none is like it.
const compared, listed = 1000, 10

// nearest is what the index proposes for a name that nothing has.
func (v *Views) nearest(ref events.Ref) (near string) {
	v.present(func(s *indexedState) { near = s.index.nearest(ref) })
	return near
}

// nearest proposes a thing with a like name, of the same owner if that has any.
func (x *index) nearest(ref events.Ref) string {
	known := x.paths(ref.Kind, ref.Owner)
	if len(known) == 0 || ref.Kind == events.Customer {
		known = x.paths(ref.Kind, "")
	}
	if len(known) == 0 {
		return fmt.Sprintf("; there are no %s yet", ref.Kind.Plural())
	}
	near := events.Suggest(nameOf(ref), known)
	if len(known) > listed && near == events.Suggest("", known) {
		return ""
	}
	return near
}

// paths lists names of a kind, of all owners if owner is empty.
func (v *Views) paths(k events.Kind, owner string) (known []string) {
	v.present(func(s *indexedState) { known = s.index.paths(k, owner) })
	return known
}

func (x *index) paths(k events.Kind, owner string) (known []string) {
	first := events.Ref{Owner: owner}
	x.order[k].Ascend(place{name: &first}, func(p place) bool {
		r := x.name(p)
		if owner != "" && r.Owner != owner || len(known) == compared {
			return false
		}
		known = append(known, nameOf(r))
		return true
	})
	return known
}
