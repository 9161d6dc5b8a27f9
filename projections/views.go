// Package projections holds the views, which are folds of the log, and the HTTP
// that serves them. It decides nothing: writing is handing a command to the
// intake and answering with what was decided.
package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidwall/btree"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

// patience is how long a reader that asked for a sequence waits for it.
const patience = 10 * time.Second

// Views answers questions about the present and about what happened. It is safe
// for concurrent use.
type Views struct {
	fold    *eventlog.Fold
	index   map[events.Kind]*btree.BTreeG[events.Ref] // by owner, then id; under the fold's lock
	journal journal                                   // under the fold's lock
}

// AsOf says which part of the log an answer knows: everything up to a sequence.
type AsOf struct {
	Seq  uint64     `json:"seq" required:"true" doc:"The last sequence that is included"`
	Time *time.Time `json:"time" required:"true" doc:"When that event was decided; null while the log is empty"`
}

// New makes views of a fold. It panics if the fold has begun to follow the log: a
// view knows only the events it was told of.
func New(fold *eventlog.Fold) *Views {
	fold.View(func(w *fsm.World) {
		if w.Seq > 0 {
			panic("projections: the views must be made before the fold follows the log")
		}
	})
	v := &Views{fold: fold, index: map[events.Kind]*btree.BTreeG[events.Ref]{}, journal: newJournal()}
	for _, k := range events.Kinds {
		v.index[k] = btree.NewBTreeGOptions(before, btree.Options{NoLocks: true})
	}
	fold.Watch(v.see)
	return v
}

// before is the order of every list.
func before(a, b events.Ref) bool {
	if a.Owner != b.Owner {
		return a.Owner < b.Owner
	}
	return a.ID < b.ID
}

func (v *Views) see(_ *fsm.World, decision []events.Recorded, _ bool) {
	for _, r := range decision {
		if _, born := r.Event.(events.Birth); born {
			v.index[r.Ref.Kind].Set(r.Ref)
		}
		v.journal.add(r)
	}
}

// AsOf says how far the views are.
func (v *Views) AsOf() (as AsOf) {
	v.fold.View(func(w *fsm.World) { as = asOf(w) })
	return as
}

func asOf(w *fsm.World) AsOf {
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

// Get reads one entity; a Refusal of code not_found names the nearest one.
func (v *Views) Get(ref events.Ref) (Any, AsOf, error) {
	var found Any
	_, as, err := v.get(ref, func(w *fsm.World, e entity) { found = read(w, e) })
	return found, as, err
}

// get finds an entity and lets look see it in its world.
func (v *Views) get(ref events.Ref, look func(*fsm.World, entity)) (e entity, as AsOf, err error) {
	var there bool
	v.fold.View(func(w *fsm.World) {
		as = asOf(w)
		if e, there = w.Get(ref); there {
			look(w, e)
		}
	})
	if !there {
		err = events.Refuse(events.NotFound, "there is no %s %s%s", events.Clip(string(ref.Kind)), events.Clip(ref.Path()), v.nearest(ref))
	}
	return e, as, err
}

// compared is how many names a misspelt one is compared with, listed how many
// are listed where none is like it.
const compared, listed = 1000, 10

// nearest proposes a thing with a like name, of the same owner if that has any.
func (v *Views) nearest(ref events.Ref) string {
	known := v.paths(ref.Kind, ref.Owner)
	if len(known) == 0 {
		known = v.paths(ref.Kind, "")
	}
	if len(known) == 0 {
		return fmt.Sprintf("; there are no %s yet", ref.Kind.Plural())
	}
	near := events.Nearest(ref.Path(), known)
	if len(known) > listed && near == events.Nearest("", known) {
		return ""
	}
	return near
}

// paths lists names of a kind, of all owners if owner is empty.
func (v *Views) paths(k events.Kind, owner string) (known []string) {
	v.fold.View(func(*fsm.World) {
		v.index[k].Ascend(events.Ref{Owner: owner}, func(r events.Ref) bool {
			if owner != "" && r.Owner != owner || len(known) == compared {
				return false
			}
			known = append(known, r.Path())
			return true
		})
	})
	return known
}
