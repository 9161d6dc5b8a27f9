// Package state keeps all entities in memory, as the events of the log made them, with the indexes
// that decisions, workers and views need.
//
// It decides nothing: fsm says what an event does, and package projections answers questions. Begin
// with Entities, then Live, which follows the log; Overlay goes on from Entities with decisions that
// are not appended yet, and Frozen is one moment of them for a snapshot. Entities are not safe for
// concurrent use; Live is, and a Frozen is never changed. Nothing here is the only copy: after a crash
// Live goes on from a snapshot, or from nothing, and reads the rest from the log.
package state

import (
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Entities is the fold of the log: every entity as its events made it. It is not
// safe for concurrent use; Live guards the one that follows the log.
type Entities struct {
	Seq      uint64                                      // of the last event folded in
	Time     time.Time                                   // of that event
	under    *Entities                                   // of an Overlay: what it goes on from
	entities map[ev.Kind]map[ev.Ref]fsm.Entity[fsm.Data] // those that are not packed
	last     map[ev.Kind]uint64                          // the sequence of the kind's last event
	store    store
	indexes
	offers  offers
	rooms   rooms
	made    made
	limit   fsm.ProvisionLimit
	answers answers
}

// New returns the entities before the first event: none.
func New() *Entities {
	w := &Entities{entities: map[ev.Kind]map[ev.Ref]fsm.Entity[fsm.Data]{}, last: map[ev.Kind]uint64{},
		store: newStore(), indexes: newIndexes(), offers: newOffers(), rooms: rooms{}, made: made{},
		limit: fsm.DefaultProvisionLimit, answers: newAnswers()}
	for k := range fsm.Machines {
		w.entities[k] = map[ev.Ref]fsm.Entity[fsm.Data]{}
		w.phases[k] = map[fsm.Phase]int{}
	}
	return w
}

// Apply folds in one whole decision. An error means that the log holds what
// this program does not allow: it must stop.
func (w *Entities) Apply(decision []ev.Recorded) error {
	clear(w.news)
	for _, r := range decision {
		if r.Seq <= w.Seq {
			continue // seen
		}
		if r.Ref.Kind == ev.CommandKind { // it is of no entity
			w.Seq, w.Time = r.Seq, r.Time
			continue
		}
		before, _ := w.Get(r.Ref)
		after, err := fsm.Machines[r.Ref.Kind].Apply(before, r)
		if err != nil {
			return fmt.Errorf("fold sequence %d of %s: %w", r.Seq, r.Ref, err)
		}
		w.put(after)
		if w.under == nil && after.History.Len()%checkpointEvery == 0 {
			w.checkpoint(after)
		}
		w.last[r.Ref.Kind] = r.Seq
		w.rewire(before, after)
		if d, ok := r.Event.(ev.Disowned); ok {
			w.makers[d.UID] = r.Ref
		}
		w.Seq, w.Time = r.Seq, r.Time
	}
	w.answers.remember(decision)
	return nil
}

// Get returns an entity as it is now; false if it was never born.
func (w *Entities) Get(r ev.Ref) (fsm.Entity[fsm.Data], bool) {
	e, ok := w.entities[r.Kind][r]
	switch {
	case ok:
		return e, true
	case w.under != nil:
		return w.under.Get(r)
	}
	return w.store.find(r)
}

// Each calls f for every entity of a kind, in no order.
func (w *Entities) Each(k ev.Kind, f func(fsm.Entity[fsm.Data])) {
	for _, e := range w.entities[k] {
		f(e)
	}
	if w.under == nil {
		w.eachCold(k, f)
		return
	}
	w.under.Each(k, func(e fsm.Entity[fsm.Data]) {
		if _, ours := w.entities[k][e.Ref]; !ours {
			f(e)
		}
	})
}

// EachPhase calls f for every phase that entities have been in, with how many are
// in it now.
func (w *Entities) EachPhase(f func(ev.Kind, fsm.Phase, int)) {
	for k, phases := range w.phases {
		for p, n := range phases {
			f(k, p, n)
		}
	}
}

// Caused returns the first sequence of what a command caused, if that is
// remembered: see Remembers.
func (w *Entities) Caused(commandID string) (seq uint64, ok bool) {
	seq, ok = w.answers.seqs[commandID]
	if !ok && w.under != nil {
		return w.under.Caused(commandID)
	}
	return seq, ok
}

// Forgot is the last sequence up to which commands may have caused events that
// Caused does not know any more, and when that event was; 0 if there is none.
func (w *Entities) Forgot() (seq uint64, at time.Time) { return w.answers.until, w.answers.gone.at }

// EachCaused calls f for the commands that Caused knows and whose first event comes after
// a sequence, the oldest first, until f returns false.
func (w *Entities) EachCaused(after uint64, f func(commandID string, seq uint64) bool) {
	w.answers.after(after, f)
}

// Knows tells whether an incarnation is, or was, one of this log's.
func (w *Entities) Knows(ref ev.Ref, uid string) bool {
	if e, _ := w.Get(ref); e.UID == uid && uid != "" {
		return true
	}
	for ; w != nil; w = w.under {
		if w.makers[uid] == ref {
			return true
		}
	}
	return false
}

// HasEnded tells whether an incarnation is one of this log's that has ended. One that the log knows nothing of is of a log
// that was lost, or another control plane's.
func (w *Entities) HasEnded(ref ev.Ref, uid string) bool {
	e, _ := w.Get(ref)
	return w.Knows(ref, uid) && (e.UID != uid || fsm.Machines[ref.Kind].Ended(e.Phase()))
}

// Blocker finds the one reason for which an entity is not at rest; nil if it is.
func (w *Entities) Blocker(e fsm.Entity[fsm.Data]) *fsm.Blocker {
	return fsm.Machines[e.Ref.Kind].Blocker(e, w.Refs())
}

// Refs lets a decision look at other entities.
func (w *Entities) Refs() *fsm.Refs { return fsm.NewRefs(w) }
