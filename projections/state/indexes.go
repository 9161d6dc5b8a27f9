package state

import (
	"slices"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// indexes are the indexes of Entities: who has to do with whom.
type indexes struct {
	placed map[string]int // tenant infra -> how many tenants are placed there
	// makers is uid -> whose it is, or was: of those that make things in a cloud, of those whose name is another's now,
	// and of the disowned.
	makers  map[string]ev.Ref
	waiting map[ev.Ref]map[ev.Ref]bool    // awaited -> who waits
	awaits  map[ev.Ref][]fsm.Dependency   // who waits -> for what
	owing   map[ev.Ref]bool               // to whom an effect is owed
	fresh   map[ev.Ref]struct{}           // of whom the three above do not know what has changed
	phases  map[ev.Kind]map[fsm.Phase]int // how many are in each
	users   map[uint32]numbers            // what is used -> the living entities that use it
}

func newIndexes() indexes {
	return indexes{placed: map[string]int{}, makers: map[string]ev.Ref{}, waiting: map[ev.Ref]map[ev.Ref]bool{},
		awaits: map[ev.Ref][]fsm.Dependency{}, owing: map[ev.Ref]bool{}, fresh: map[ev.Ref]struct{}{},
		phases: map[ev.Kind]map[fsm.Phase]int{}, users: map[uint32]numbers{}}
}

// rewire keeps the indexes after an entity has changed.
func (w *Entities) rewire(before, after fsm.Entity[fsm.Data]) {
	if before.Phase() != fsm.Unborn {
		w.phases[after.Ref.Kind][before.Phase()]--
	}
	w.phases[after.Ref.Kind][after.Phase()]++
	if was, is := fsm.PlaceOf(before), fsm.PlaceOf(after); was != is {
		w.placed[was]--
		w.placed[is]++
	}
	if w.under != nil {
		return // nobody asks an Overlay for the rest
	}
	w.reuse(before, after)
	if k := after.Ref.Kind; k == ev.Dataplane || k == ev.TenantInfra {
		w.makers[after.UID] = after.Ref
	}
	if before.UID != "" && before.UID != after.UID {
		w.makers[before.UID] = before.Ref
	}
	w.fresh[after.Ref] = struct{}{}
}

// settleOwed notes what an entity is owed now. While a log is folded nobody asks, and
// most of what was owed on the way is not owed any more: it is noted when somebody
// asks, or when the entity is packed.
func (w *Entities) settleOwed(r ev.Ref) {
	if _, fresh := w.fresh[r]; !fresh {
		return
	}
	delete(w.fresh, r)
	e, _ := w.Get(r)
	owed := fsm.Machines[r.Kind].Owed(e)
	a, _ := owed.(fsm.WaitFor)
	w.await(r, a.On)
	if owed != nil {
		w.owing[r] = true
	} else {
		delete(w.owing, r)
	}
}

// await notes for what an entity waits now.
func (w *Entities) await(waiter ev.Ref, needs []fsm.Dependency) {
	for _, n := range w.awaits[waiter] {
		delete(w.waiting[n.Ref], waiter)
		if len(w.waiting[n.Ref]) == 0 {
			delete(w.waiting, n.Ref)
		}
	}
	if len(needs) == 0 {
		delete(w.awaits, waiter)
		return
	}
	w.awaits[waiter] = needs
	for _, n := range needs {
		if w.waiting[n.Ref] == nil {
			w.waiting[n.Ref] = map[ev.Ref]bool{}
		}
		w.waiting[n.Ref][waiter] = true
	}
}

// Owing lists the entities to which an effect is owed, in no order.
func (w *Entities) Owing() (refs []ev.Ref) {
	for r := range w.owing {
		if _, fresh := w.fresh[r]; !fresh {
			refs = append(refs, r)
		}
	}
	for r := range w.fresh {
		if e, _ := w.Get(r); fsm.Machines[r.Kind].Owed(e) != nil {
			refs = append(refs, r)
		}
	}
	return refs
}

// reuse notes what an entity uses now.
func (w *Entities) reuse(before, after fsm.Entity[fsm.Data]) {
	if sameUse(before, after) {
		return
	}
	user := w.store.number[after.Ref]
	for _, used := range fsm.UsedBy(before) {
		if n, known := w.store.number[used]; known {
			w.users[n] = w.users[n].without(user)
		}
	}
	for _, used := range fsm.UsedBy(after) {
		if n, known := w.store.number[used]; known {
			w.users[n] = w.users[n].with(user)
		}
	}
}

// sameUse tells whether two states of one entity surely use the same.
func sameUse(before, after fsm.Entity[fsm.Data]) bool {
	return before.UID == after.UID && before.Revision == after.Revision && fsm.PlaceOf(before) == fsm.PlaceOf(after) &&
		fsm.Ended(before) == fsm.Ended(after) && before.Phase() != fsm.Unborn
}

// UsersOf lists the living entities that use one, in no order.
func (w *Entities) UsersOf(used ev.Ref) (users []ev.Ref) {
	if w.under == nil {
		return w.store.usersOf(used, w.users)
	}
	for _, u := range w.under.UsersOf(used) {
		if _, ours := w.entities[u.Kind][u]; !ours {
			users = append(users, u)
		}
	}
	for _, k := range ev.Kinds {
		for _, e := range w.entities[k] {
			if slices.Contains(fsm.UsedBy(e), used) {
				users = append(users, e.Ref)
			}
		}
	}
	return users
}

func (s *store) usersOf(used ev.Ref, by map[uint32]numbers) (users []ev.Ref) {
	if n, known := s.number[used]; known {
		for _, u := range by[n] {
			users = append(users, s.refs[u])
		}
	}
	return users
}

// numbers are some entities' numbers, ascending.
type numbers []uint32

func (s numbers) with(n uint32) numbers {
	at, there := slices.BinarySearch(s, n)
	if there {
		return s
	}
	return slices.Insert(s, at, n)
}

func (s numbers) without(n uint32) numbers {
	if at, there := slices.BinarySearch(s, n); there {
		return slices.Delete(s, at, at+1)
	}
	return s
}
