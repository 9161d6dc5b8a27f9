package views

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/operations"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views/bitmap"
)

// index is by what entities are found. It follows the same events as state.Entities, and knows entities by the numbers
// that those give them.
type index struct {
	world   *state.Entities
	rows    []row                                // by number
	words   names[string]                        // phases, dataplanes, plans, owners, keys of labels
	labels  names[string]                        // labels as "key=value"
	bitmaps map[facet]*bitmap.Set                // who has what in common
	order   map[events.Kind]*btree.BTreeG[place] // by owner, then id
	sorted  int
	ops     *operations.Book
}

// row is what a list has to know of an entity before it reads it.
type row struct {
	born, seq              uint64 // the sequences of its first event and its last
	phase, dataplane, plan uint32 // words
	labels                 []uint32
}

// place is an entity's in the order of names. One that only says where to begin has a name instead of a number.
type place struct {
	number uint32
	name   *events.Ref
}

// facet is something that entities of a kind have in common.
type facet struct {
	kind events.Kind
	what aspect
	word uint32
}

type aspect uint8

const (
	anything aspect = iota
	ofOwner
	inPhase
	onDataplane
	onPlan
	withLabel // key=value
	withKey   // key
)

func newIndex(w *state.Entities) *index {
	x := &index{world: w, words: newNames[string](), labels: newNames[string](),
		bitmaps: map[facet]*bitmap.Set{}, order: map[events.Kind]*btree.BTreeG[place]{}, sorted: sorted, ops: operations.NewBook()}
	for _, k := range events.Kinds {
		x.order[k] = btree.NewBTreeGOptions(x.before, btree.Options{NoLocks: true})
	}
	x.words.of("") // is word 0
	return x
}

func (x *index) before(a, b place) bool { return compareNames(x.name(a), x.name(b)) < 0 }

func (x *index) name(p place) events.Ref {
	if p.name != nil {
		return *p.name
	}
	return x.world.Named(p.number)
}

func compareNames(a, b events.Ref) int {
	return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.ID, b.ID))
}

// facts are what the index knows of an entity, in words.
type facts struct {
	born, seq              uint64
	phase, dataplane, plan string
	labels                 []string // key=value
}

func factsOf(e entity) facts {
	f := facts{born: e.CreatedSeq, seq: e.Seq, phase: string(e.Phase())}
	c := kindViews[e.Ref.Kind]
	if c.within == "" && c.dataplane != nil {
		f.dataplane = c.dataplane(e)
	}
	if c.within == "" && c.plan != nil {
		f.plan = c.plan(e)
	}
	for k, v := range e.Labels {
		f.labels = append(f.labels, k+"="+v)
	}
	slices.Sort(f.labels)
	return f
}

// see takes note of a decision that the entities have folded in.
func (x *index) see(decision []events.Recorded) {
	first := 0
	for i, r := range decision {
		if i+1 < len(decision) && decision[i+1].Ref == r.Ref {
			continue
		}
		n, of := x.world.Number(r.Ref)
		if !of {
			first = i + 1
			continue // a command that was refused
		}
		e, _ := x.world.Get(r.Ref)
		before := fsm.Unborn
		if int(n) < len(x.rows) {
			before = fsm.Phase(x.words.all[x.rows[n].phase])
		}
		x.ops.See(n, before, decision[first:i+1], e)
		if slices.ContainsFunc(decision[first:i+1], tells) {
			x.put(n, r.Ref.Kind, factsOf(e))
		} else {
			x.move(n, r.Ref.Kind, string(e.Phase()), e.Seq)
		}
		first = i + 1
	}
}

// tells is whether an event changes more than the phase.
func tells(r events.Recorded) bool {
	switch r.Event.(type) {
	case events.CreateEvent, events.SpecEvent, events.LabelsChanged, events.Placed, events.PlaceGivenUp, events.TakenIn, events.Disowned:
		return true
	}
	return false
}

func (x *index) move(n uint32, k events.Kind, phase string, seq uint64) {
	r := &x.rows[n]
	r.seq = seq
	x.change(k, inPhase, &r.phase, phase, n)
}

// put notes what an entity has become.
func (x *index) put(n uint32, k events.Kind, f facts) {
	if int(n) == len(x.rows) {
		x.add(n, k)
		x.order[k].Set(place{number: n})
	}
	moved := x.fill(n, k, f)
	if kindViews[k].within != "" {
		x.propagateFromParent(n)
	}
	if moved {
		x.propagateToChildren(n)
	}
}

// fill writes facts in a row; moved tells whether dataplane or plan is another one.
func (x *index) fill(n uint32, k events.Kind, f facts) (moved bool) {
	x.move(n, k, f.phase, f.seq)
	r := &x.rows[n]
	r.born = f.born
	if kindViews[k].within == "" {
		moved = x.change(k, onDataplane, &r.dataplane, f.dataplane, n)
		moved = x.change(k, onPlan, &r.plan, f.plan, n) || moved
	}
	x.relabel(n, k, f.labels)
	return moved
}

// add makes the row of an entity that is new.
func (x *index) add(n uint32, k events.Kind) {
	x.rows = append(x.rows, row{})
	x.bitmap(facet{k, anything, 0}).Add(n)
	x.bitmap(facet{k, ofOwner, x.words.of(x.world.Named(n).Owner)}).Add(n)
}

// change replaces a word of a row; false if it stays.
func (x *index) change(k events.Kind, what aspect, word *uint32, to string, n uint32) bool {
	now := x.words.of(to)
	if now == *word {
		return false
	}
	x.take(facet{k, what, *word}, n)
	*word = now
	if now > 0 {
		x.bitmap(facet{k, what, now}).Add(n)
	}
	return true
}

// propagateFromParent gives an application the dataplane and the plan of its tenant.
func (x *index) propagateFromParent(n uint32) {
	name, r := x.world.Named(n), &x.rows[n]
	parent, known := x.world.Number(events.Ref{Kind: kindViews[name.Kind].within, Owner: name.Owner, ID: name.Parent()})
	if !known || int(parent) >= len(x.rows) {
		return
	}
	of := x.rows[parent]
	x.change(name.Kind, onDataplane, &r.dataplane, x.words.all[of.dataplane], n)
	x.change(name.Kind, onPlan, &r.plan, x.words.all[of.plan], n)
}

// propagateToChildren passes on what has changed to what inherits it.
func (x *index) propagateToChildren(n uint32) {
	name := x.world.Named(n)
	for _, c := range kindViews {
		if c.within != name.Kind {
			continue
		}
		first := events.Ref{Owner: name.Owner, ID: name.ID + "_"}
		x.order[c.kind].Ascend(place{name: &first}, func(p place) bool {
			child := x.world.Named(p.number)
			if child.Owner != name.Owner || child.Parent() != name.ID {
				return false
			}
			x.propagateFromParent(p.number)
			return true
		})
	}
}

func (x *index) relabel(n uint32, k events.Kind, labels []string) {
	r := &x.rows[n]
	for _, l := range r.labels {
		x.take(facet{k, withLabel, l}, n)
		x.take(facet{k, withKey, x.words.of(keyOf(x.labels.all[l]))}, n)
	}
	r.labels = nil
	for _, l := range labels {
		word := x.labels.of(l)
		r.labels = append(r.labels, word)
		x.bitmap(facet{k, withLabel, word}).Add(n)
		x.bitmap(facet{k, withKey, x.words.of(keyOf(l))}).Add(n)
	}
	r.labels = slices.Clip(r.labels)
}

func keyOf(label string) string {
	key, _, _ := strings.Cut(label, "=")
	return key
}

// bitmap is the set of a facet, to add to.
func (x *index) bitmap(f facet) *bitmap.Set {
	s := x.bitmaps[f]
	if s == nil {
		s = &bitmap.Set{}
		x.bitmaps[f] = s
	}
	return s
}

// take removes a number from the set of a facet, which ends with its last.
func (x *index) take(f facet, n uint32) {
	s := x.bitmaps[f]
	if s == nil {
		return
	}
	s.Remove(n)
	if s.Len() == 0 {
		delete(x.bitmaps, f)
	}
}
