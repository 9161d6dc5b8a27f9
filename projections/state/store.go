package state

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

const (
	// warm is how many entities of the numerous kinds are kept as they are, those
	// that happened to be changed last. All others are packed, which takes a third
	// of the memory; reading one takes microseconds.
	warm = 4096
	// chunked is how many packed entities are shared, or copied, together.
	chunked = 4096
)

// numerous are the kinds of which there may be millions. Entities of all others
// are kept as they are.
var numerous = map[ev.Kind]bool{ev.Customer: true, ev.Tenant: true, ev.Application: true}

// store keeps entities under numbers: the first name that was ever
// born has number 0. Every fold of one log gives the same numbers.
type store struct {
	number map[ev.Ref]uint32
	refs   []ev.Ref             // by number
	ofKind map[ev.Kind][]uint32 // the numbers of a kind's entities, ascending
	cold   [][]fsm.Packed       // by number, in chunks; outdated where the entity is warm
	own    []bool               // whether a chunk is ours alone: else it is copied before it is written
	ring   []ev.Ref             // the warm ones of numerous kinds, the oldest at next
	next   int
	long   map[uint32]long // by number: those with many events
	most   int             // how many may be warm
	buffer []byte
}

func newStore() store {
	return store{number: map[ev.Ref]uint32{}, ofKind: map[ev.Kind][]uint32{}, long: map[uint32]long{}, most: warm}
}

// expect makes room for some entities: to grow on the way takes as long as to read them.
func (s *store) expect(n uint64) {
	room := min(n, 1<<24)
	s.number, s.refs = make(map[ev.Ref]uint32, room), make([]ev.Ref, 0, room)
}

// Number is an entity's place in the order in which names were first born.
func (w *Entities) Number(r ev.Ref) (uint32, bool) {
	n, ok := w.store.number[r]
	return n, ok
}

// Named is the name of a number that there is.
func (w *Entities) Named(n uint32) ev.Ref { return w.store.refs[n] }

// put keeps an entity as it has become.
func (w *Entities) put(e fsm.Entity[fsm.Data]) {
	_, isWarm := w.entities[e.Ref.Kind][e.Ref]
	w.entities[e.Ref.Kind][e.Ref] = e
	if w.under != nil || isWarm {
		return
	}
	if _, known := w.store.number[e.Ref]; !known {
		w.store.add(e.Ref)
	}
	if numerous[e.Ref.Kind] {
		w.heat(e.Ref)
	}
}

// heat notes that an entity is warm; the one that has been for longest is packed.
func (w *Entities) heat(r ev.Ref) {
	s := &w.store
	if len(s.ring) < s.most {
		s.ring = append(s.ring, r)
		return
	}
	oldest := s.ring[s.next]
	s.ring[s.next] = r
	s.next = (s.next + 1) % s.most
	w.settleOwed(oldest)
	s.buffer = fsm.Machines[oldest.Kind].Pack(s.buffer[:0], w.entities[oldest.Kind][oldest])
	s.set(s.number[oldest], fsm.Packed(s.buffer))
	delete(w.entities[oldest.Kind], oldest)
}

// add gives a name its number.
func (s *store) add(r ev.Ref) uint32 {
	n := uint32(len(s.refs))
	names := r.Owner + r.ID // of its own: the one we have may be part of something long
	r.Owner, r.ID = names[:len(r.Owner)], names[len(r.Owner):]
	r.Kind, _ = ev.KindOf(string(r.Kind))
	s.number[r] = n
	s.refs = append(s.refs, r)
	s.ofKind[r.Kind] = append(s.ofKind[r.Kind], n)
	if int(n)/chunked == len(s.cold) {
		s.cold, s.own = append(s.cold, make([]fsm.Packed, chunked)), append(s.own, true)
	}
	return n
}

func (s *store) set(n uint32, p fsm.Packed) {
	c := n / chunked
	if !s.own[c] {
		s.cold[c], s.own[c] = slices.Clone(s.cold[c]), true
	}
	s.cold[c][n%chunked] = p
}

// find reads an entity that is not warm.
func (s *store) find(r ev.Ref) (fsm.Entity[fsm.Data], bool) {
	n, ok := s.number[r]
	if !ok {
		return fsm.Entity[fsm.Data]{}, false
	}
	return s.read(n), true
}

func (s *store) read(n uint32) fsm.Entity[fsm.Data] {
	r := s.refs[n]
	e, err := fsm.Machines[r.Kind].Unpack(r, s.cold[n/chunked][n%chunked])
	if err != nil {
		panic(fmt.Sprintf("fsm: read %s: %v", r, err)) // we wrote it ourselves
	}
	e.History = e.History.Behind(s.long[n].groups)
	return e
}

// each calls f for every entity of a kind that is not warm.
func (w *Entities) eachCold(k ev.Kind, f func(fsm.Entity[fsm.Data])) {
	for _, n := range w.store.ofKind[k] {
		if _, isWarm := w.entities[k][w.store.refs[n]]; !isWarm {
			f(w.store.read(n))
		}
	}
}
