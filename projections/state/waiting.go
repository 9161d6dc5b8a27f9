package state

import (
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Woken calls wake for everybody who waits for what the decision that was folded in last has
// changed, with the event that may end the wait. It changes the indexes, so the caller must be
// allowed to write.
func (w *Entities) Woken(decision []ev.Recorded, wake func(waiter ev.Ref, cause ev.Recorded)) {
	w.noteWaits()
	for _, r := range decision {
		w.wakeFor(fsm.Awaited{Ref: r.Ref}, func(waiter ev.Ref) { wake(waiter, r) })
	}
	last := decision[len(decision)-1]
	for of := range w.news {
		w.wakeFor(of, func(waiter ev.Ref) { wake(waiter, last) })
	}
}

func (w *Entities) wakeFor(of fsm.Awaited, wake func(ev.Ref)) {
	for waiter := range w.waiting[of] {
		wake(waiter)
	}
}

// Waiting lists who waits for news of an entity, by name. It changes the indexes, so the caller must be allowed to write.
func (w *Entities) Waiting(r ev.Ref) (refs []ev.Ref) {
	w.noteWaits()
	for waiter := range w.waiting[fsm.Awaited{Ref: r}] {
		refs = append(refs, waiter)
	}
	return refs
}

// reask notes that those who wait for a plan may wait for places of another class now.
func (w *Entities) reask(plan ev.Ref) {
	for waiter := range w.waiting[fsm.Awaited{Ref: plan}] {
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
func (w *Entities) await(waiter ev.Ref, on []fsm.Awaited) {
	for _, of := range w.awaits[waiter] {
		delete(w.waiting[of], waiter)
		if len(w.waiting[of]) == 0 {
			delete(w.waiting, of)
		}
	}
	if len(on) == 0 {
		delete(w.awaits, waiter)
		return
	}
	w.awaits[waiter] = on
	for _, of := range on {
		if w.waiting[of] == nil {
			w.waiting[of] = map[ev.Ref]bool{}
		}
		w.waiting[of][waiter] = true
	}
}

// release notes that an entity uses something no more: those who are to go, and wait for that, have
// news, and so have those that these use themselves.
func (w *Entities) release(used []ev.Ref) {
	if w.under != nil {
		return
	}
	for _, u := range used {
		w.news[fsm.Awaited{Ref: u, Class: fsm.UsersGone}] = true
		e, _ := w.Get(u)
		for _, over := range fsm.UsedBy(e) {
			w.news[fsm.Awaited{Ref: over, Class: fsm.UsersGone}] = true
		}
	}
}
