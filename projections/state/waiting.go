package state

import (
	"cmp"
	"strings"

	"github.com/tidwall/btree"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// wait is for what an entity waits, and since when.
type wait struct {
	on    []fsm.Awaited
	since uint64 // the sequence with which the waiter was born
}

// waiter is one of those who wait for places of a class, who has waited longest first.
type waiter struct {
	since uint64
	ref   ev.Ref
}

func (a waiter) less(b waiter) bool {
	return cmp.Or(cmp.Compare(a.since, b.since), strings.Compare(a.ref.Owner, b.ref.Owner), strings.Compare(a.ref.ID, b.ref.ID)) < 0
}

// line is those who wait for places of a class, in order.
type line = btree.BTreeG[waiter]

// everybody is how many are woken for news that are for all.
const everybody = -1

// Woken calls wake for everybody who waits for what the decision that was folded in last has changed, with the event that may
// end the wait. Of those who wait for places it wakes as many as have room now, who has waited longest first, and says for
// what class: whoever does not take it lets the next one look, see NextFor. It changes the indexes, so the caller must be
// allowed to write.
func (w *Entities) Woken(decision []ev.Recorded, wake func(waiter ev.Ref, cause ev.Recorded, room fsm.Awaited)) {
	w.noteWaits()
	for _, r := range decision {
		for waiter := range w.waiting[fsm.Awaited{Ref: r.Ref}] {
			wake(waiter, r, fsm.Awaited{})
		}
	}
	last := decision[len(decision)-1]
	for of, n := range w.news {
		for waiter := range w.waiting[of] {
			wake(waiter, last, fsm.Awaited{})
		}
		if in := w.lines[of]; in != nil {
			in.Scan(func(one waiter) bool {
				if n == 0 {
					return false
				}
				n--
				wake(one.ref, last, of)
				return true
			})
		}
	}
}

// mostPassed bounds how many of a line are looked at under the fold's lock.
const mostPassed = 100

// NextFor finds who is to look for a place of a class after one who was woken for it and has not taken it; false if nobody
// is, or there is no such place any more. It changes the indexes, so the caller must be allowed to write.
func (w *Entities) NextFor(room fsm.Awaited, after ev.Ref) (next ev.Ref, found bool) {
	w.noteWaits()
	in := w.lines[room]
	if in == nil || room.Class != fsm.Budget && w.offers.classes[room.Class] == 0 {
		return next, false
	}
	e, _ := w.Get(after)
	if len(fsm.PlacesOf(e)) > 0 {
		return next, false
	}
	n := 0
	in.Ascend(waiter{e.CreatedSeq, after}, func(one waiter) bool {
		if one.ref == after {
			return true
		}
		e, _ := w.Get(one.ref)
		n, next, found = n+1, one.ref, true
		return n < mostPassed && !fsm.HasPlace(e, w.Refs())
	})
	return next, found
}

// Waiting lists who waits for news of an entity, by name. It changes the indexes, so the caller must be allowed to write.
func (w *Entities) Waiting(r ev.Ref) (refs []ev.Ref) {
	w.noteWaits()
	for waiter := range w.waiting[fsm.Awaited{Ref: r}] {
		refs = append(refs, waiter)
	}
	return refs
}

// reask has those who wait for an entity looked at again: of a plan, places of another class may do; a cell may have other
// applications; a tenant may be elsewhere.
func (w *Entities) reask(changed ev.Ref) {
	for waiter := range w.waiting[fsm.Awaited{Ref: changed}] {
		w.fresh[waiter] = struct{}{}
	}
}

// noteWaits notes what those wait for who have changed.
func (w *Entities) noteWaits() {
	for fresh := range w.fresh {
		w.settleOwed(fresh)
	}
}

// await notes for what an entity waits now.
func (w *Entities) await(e fsm.Entity[fsm.Data], on []fsm.Awaited) {
	was := w.awaits[e.Ref]
	for _, of := range was.on {
		w.leave(of, waiter{was.since, e.Ref})
	}
	if len(on) == 0 {
		delete(w.awaits, e.Ref)
		return
	}
	w.awaits[e.Ref] = wait{on, e.CreatedSeq}
	for _, of := range on {
		w.join(of, waiter{e.CreatedSeq, e.Ref})
	}
}

func (w *Entities) join(of fsm.Awaited, one waiter) {
	if of.Ref == (ev.Ref{}) { // a class of places
		if w.lines[of] == nil {
			w.lines[of] = btree.NewBTreeGOptions(waiter.less, btree.Options{NoLocks: true})
		}
		w.lines[of].Set(one)
		return
	}
	if w.waiting[of] == nil {
		w.waiting[of] = map[ev.Ref]bool{}
	}
	w.waiting[of][one.ref] = true
}

func (w *Entities) leave(of fsm.Awaited, one waiter) {
	if in := w.lines[of]; in != nil {
		in.Delete(one)
		if in.Len() == 0 {
			delete(w.lines, of)
		}
	}
	delete(w.waiting[of], one.ref)
	if len(w.waiting[of]) == 0 {
		delete(w.waiting, of)
	}
}

// release notes that an entity no longer uses something: those who are to go, and wait for that, have
// news, and so have those that these use themselves, as a dataplane that takes along what is on it.
func (w *Entities) release(used []ev.Ref) {
	if w.under != nil {
		return
	}
	for _, u := range used {
		if of := (fsm.Awaited{Ref: u, Class: fsm.UsersGone}); w.news[of] == 0 {
			w.news[of] = everybody
			e, _ := w.Get(u)
			w.release(fsm.UsedBy(e))
		}
	}
}
