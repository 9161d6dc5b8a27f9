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
	waiting map[fsm.Awaited]map[ev.Ref]bool // awaited -> who waits
	lines   map[fsm.Awaited]*line           // awaited class of places -> who waits, in order
	awaits  map[ev.Ref]wait                 // who waits -> for what
	// news is what the decision that was folded in last has changed, beside its entities -> how many it is for
	news    map[fsm.Awaited]int
	owing   map[ev.Ref]bool                   // to whom an effect is owed
	fresh   map[ev.Ref]struct{}               // of whom the three above do not know what has changed
	phases  map[ev.Kind]map[fsm.Phase]int     // how many are in each
	trouble map[ev.Kind]map[ev.ReasonCode]int // how many have which trouble
	users   map[uint32]numbers                // what is used -> the living entities that use it
}

func newIndexes() indexes {
	return indexes{placed: map[string]int{}, makers: map[string]ev.Ref{},
		waiting: map[fsm.Awaited]map[ev.Ref]bool{}, lines: map[fsm.Awaited]*line{}, news: map[fsm.Awaited]int{}, awaits: map[ev.Ref]wait{},
		owing: map[ev.Ref]bool{}, fresh: map[ev.Ref]struct{}{},
		phases: map[ev.Kind]map[fsm.Phase]int{}, trouble: map[ev.Kind]map[ev.ReasonCode]int{}, users: map[uint32]numbers{}}
}

// rewire keeps the indexes after an entity has changed.
func (w *Entities) rewire(before, after fsm.Entity[fsm.Data]) {
	if before.Phase() != fsm.Unborn {
		w.phases[after.Ref.Kind][before.Phase()]--
	}
	w.phases[after.Ref.Kind][after.Phase()]++
	if w.under == nil {
		w.count(after.Ref.Kind, fsm.TroubleOf(before), -1)
		w.count(after.Ref.Kind, fsm.TroubleOf(after), 1)
	}
	var was, is []string
	if !fsm.SameStays(before, after) {
		was, is = fsm.PlacesOf(before), fsm.PlacesOf(after)
	}
	for _, at := range was {
		w.placed[at]--
	}
	for _, at := range is {
		w.placed[at]++
	}
	if w.under == nil {
		w.reuse(before, after)
	}
	for _, at := range was {
		w.offer(at)
		w.moved(at, 0)
	}
	for _, at := range is {
		w.offer(at)
		w.moved(at, 1)
	}
	switch after.Ref.Kind {
	case ev.Cell:
		w.recell(after)
	case ev.Account, ev.Dataplane, ev.TenantInfra:
		if after.Ref.Kind == ev.Dataplane {
			w.remade(after)
		}
		if after.Ref.Kind == ev.Account {
			w.entered(after)
		}
		for _, infra := range fsm.OffersOn(before, after, w.UsersOf) {
			w.offer(infra.Path())
		}
	}
	if w.under != nil {
		return // nobody asks an Overlay for the rest
	}
	switch after.Ref.Kind {
	case ev.Dataplane:
		w.makers[after.UID] = after.Ref
		w.release(fsm.Detached(before, after))
	case ev.TenantInfra:
		w.makers[after.UID] = after.Ref
		w.roomier(before, after)
	case ev.Plan, ev.Customer: // these say of what class a place must be
		w.reask(after.Ref)
	case ev.Tenant:
		if !fsm.SameStays(before, after) { // who stands on it stands on something else now
			w.reask(after.Ref)
		}
	case ev.Cell:
		if before.Revision != after.Revision { // another version of its plan has other applications
			w.reask(after.Ref)
		}
	}
	if before.UID != "" && before.UID != after.UID {
		w.makers[before.UID] = before.Ref
	}
	w.fresh[after.Ref] = struct{}{}
}

// count notes that more entities of a kind, or fewer, have a trouble.
func (w *Entities) count(k ev.Kind, code ev.ReasonCode, n int) {
	if code == "" {
		return
	}
	if w.trouble[k] == nil {
		w.trouble[k] = map[ev.ReasonCode]int{}
	}
	w.trouble[k][code] += n
}

// EachTrouble calls f for every trouble that entities have had, with how many have it now.
func (w *Entities) EachTrouble(f func(ev.Kind, ev.ReasonCode, int)) {
	for k, codes := range w.trouble {
		for code, n := range codes {
			f(k, code, n)
		}
	}
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
	w.await(e, fsm.AwaitedBy(e, w.Get))
	if owed != nil {
		w.owing[r] = true
	} else {
		delete(w.owing, r)
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
	user, was, is := w.store.number[after.Ref], fsm.UsedBy(before), fsm.UsedBy(after)
	w.release(slices.DeleteFunc(slices.Clone(was), func(r ev.Ref) bool { return slices.Contains(is, r) }))
	for _, used := range was {
		if n, known := w.store.number[used]; known {
			w.users[n] = w.users[n].without(user)
		}
	}
	for _, used := range is {
		if n, known := w.store.number[used]; known {
			w.users[n] = w.users[n].with(user)
		}
	}
}

// sameUse tells whether two states of one entity surely use the same.
func sameUse(before, after fsm.Entity[fsm.Data]) bool {
	return before.UID == after.UID && before.Revision == after.Revision &&
		fsm.SameStays(before, after) && fsm.Ended(before) == fsm.Ended(after) && before.Phase() != fsm.Unborn
}

// On lists a dataplane and all that stands on it, in no order.
func (w *Entities) On(dataplane ev.Ref) []ev.Ref {
	all, known := []ev.Ref{dataplane}, map[ev.Ref]bool{dataplane: true}
	for i := 0; i < len(all); i++ {
		for _, u := range w.UsersOf(all[i]) {
			if !known[u] {
				known[u], all = true, append(all, u)
			}
		}
	}
	return all
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
