package views

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/views/bitmap"
)

// The orders a list can have.
const (
	byName    = "name"    // owner, then id
	byCreated = "created" // the first event
	byPhase   = "phase"   // phase by its name, then owner and id
	bySeq     = "seq"     // the last event
)

var orders = []string{byName, byCreated, byPhase, bySeq}

// Sorts lists the orders that ListQuery.Sort may name.
func Sorts() (names []string) {
	for _, by := range orders {
		names = append(names, by, "-"+by)
	}
	return names
}

// order is in which a list comes.
type order struct {
	by   string
	down bool
}

func parseOrder(s string) (order, []events.FieldError) {
	o := order{by: strings.TrimPrefix(s, "-"), down: strings.HasPrefix(s, "-")}
	if s == "" {
		o.by = byName
	}
	if !slices.Contains(orders, o.by) {
		return o, []events.FieldError{{Field: "sort", Message: strconv.Quote(events.Truncate(s)) + " is not an order" + events.Suggest(o.by, orders) + "; put '-' before it to have the last first"}}
	}
	return o, nil
}

func (o order) String() string {
	if o.down {
		return "-" + o.by
	}
	return o.by
}

// standing is where an entity stands in an order, or where a page begins.
type standing struct {
	name  events.Ref
	phase string // by phase only
	seq   uint64 // by created or seq only
}

func (x *index) standing(o order, n uint32) standing {
	s := standing{name: x.world.Named(n)}
	switch o.by {
	case byPhase:
		s.phase = x.words.all[x.rows[n].phase]
	case byCreated:
		s.seq = x.rows[n].born
	case bySeq:
		s.seq = x.rows[n].seq
	}
	return s
}

// compare says which comes first.
func (o order) compare(a, b standing) int {
	c := cmp.Or(strings.Compare(a.phase, b.phase), cmp.Compare(a.seq, b.seq), compareNames(a.name, b.name))
	if o.down {
		return -c
	}
	return c
}

// sorted is how many entities are put in order one against the other; where more
// match, the order of all is gone through until a page is full.
const sorted = 4096

// page finds the first numbers that match, in order, most at most.
func (x *index) page(f *filter, entries []entry, most int) []uint32 {
	found, matches := x.matching(f)
	if f.visible != nil {
		asked := matches
		matches = func(n uint32) bool { return asked(n) && f.visible(n) }
	}
	if found.Len() <= x.sorted {
		return x.best(f, found, matches, most)
	}
	p := &walk{index: x, filter: f, found: found.Roaring(), matches: matches, most: most}
	switch f.order.by {
	case byPhase:
		p.phases()
	case byName:
		p.names(f.after)
	default:
		p.entries(entries)
	}
	return p.page
}

// best puts a few in order, and takes the first of them.
func (x *index) best(f *filter, found *bitmap.Set, matches func(uint32) bool, most int) []uint32 {
	type candidate struct {
		number uint32
		standing
	}
	var all []candidate
	found.Each(func(n uint32) bool {
		c := candidate{n, x.standing(f.order, n)}
		if (f.after == nil || f.order.compare(*f.after, c.standing) < 0) && matches(n) {
			all = append(all, c)
		}
		return true
	})
	slices.SortFunc(all, func(a, b candidate) int { return f.order.compare(a.standing, b.standing) })
	var page []uint32
	for _, c := range all[:min(most, len(all))] {
		page = append(page, c.number)
	}
	return page
}

// walk goes through an order and takes what matches.
type walk struct {
	index   *index
	filter  *filter
	found   *roaring.Bitmap
	matches func(uint32) bool
	most    int
	page    []uint32
}

// take takes a number if it matches; false when the page is full.
func (w *walk) take(n uint32) bool {
	if w.found.Contains(n) && w.matches(n) {
		w.page = append(w.page, n)
	}
	return len(w.page) < w.most
}

// names goes through the names behind a standing, or all of them.
func (w *walk) names(after *standing) {
	tree := w.index.order[w.filter.view.kind]
	step := func(p place) bool {
		if after != nil && w.index.world.Named(p.number) == after.name {
			return true
		}
		return w.take(p.number)
	}
	switch {
	case after != nil && w.filter.order.down:
		tree.Descend(place{name: &after.name}, step)
	case after != nil:
		tree.Ascend(place{name: &after.name}, step)
	case w.filter.order.down:
		tree.Reverse(step)
	default:
		tree.Scan(step)
	}
}

// phases goes through the names in one phase after the other.
func (w *walk) phases() {
	x, all := w.index, w.found
	phases := Phases(w.filter.view.kind)
	slices.Sort(phases)
	if w.filter.order.down {
		slices.Reverse(phases)
	}
	for _, p := range phases {
		after := w.filter.after
		switch {
		case len(w.page) == w.most:
			return
		case after != nil && after.phase == p:
		case after != nil && w.filter.order.compare(standing{phase: p}, standing{phase: after.phase}) < 0:
			continue
		default:
			after = nil
		}
		w.found = roaring.And(all, x.bitmaps[facet{w.filter.view.kind, inPhase, x.words.number[p]}].Roaring())
		if !w.found.IsEmpty() {
			w.names(after)
		}
	}
}

// entries goes through the log: each entity is met at its first event, or its last.
func (w *walk) entries(entries []entry) {
	rows := w.index.rows
	at := func(i int) bool {
		n := entries[i].entity
		if int(n) >= len(rows) {
			return true
		}
		seq := rows[n].born
		if w.filter.order.by == bySeq {
			seq = rows[n].seq
		}
		return seq != uint64(i)+1 || w.take(n)
	}
	after := w.filter.after
	if w.filter.order.down {
		from := len(entries)
		if after != nil {
			from = min(from, int(after.seq)-1)
		}
		for i := from - 1; i >= 0 && at(i); i-- {
		}
		return
	}
	from := 0
	if after != nil {
		from = int(min(after.seq, uint64(len(entries))))
	}
	for i := from; i < len(entries) && at(i); i++ {
	}
}

// matching finds what matches a filter, but for what matches says of each.
func (x *index) matching(f *filter) (found *bitmap.Set, matches func(uint32) bool) {
	k, end := f.view.kind, uint32(0)
	all := []*bitmap.Set{x.bitmaps[facet{k, anything, 0}]}
	with := func(what aspect, word string) {
		if word != "" {
			all = append(all, x.keyed(facet{kind: k, what: what}, x.words, word))
		}
	}
	with(ofOwner, f.owner)
	with(inPhase, f.phase)
	with(onDataplane, f.dataplane)
	with(onPlan, f.plan)
	labelled, holds := x.selected(f)
	all = append(all, labelled...)
	if f.phase == "" {
		end = x.words.number[endOf(k)] // what is gone is listed only when asked for by its phase
	}
	has := x.text(f.q)
	return x.intersect(all), func(n uint32) bool { return (end == 0 || x.rows[n].phase != end) && holds(n) && has(n) }
}

// intersect finds what is in all sets.
func (x *index) intersect(all []*bitmap.Set) *bitmap.Set {
	slices.SortFunc(all, func(a, b *bitmap.Set) int { return cmp.Compare(a.Len(), b.Len()) })
	smallest := all[0]
	if smallest.Len() > x.sorted {
		var bitmaps []*roaring.Bitmap
		for _, s := range all {
			bitmaps = append(bitmaps, s.Roaring())
		}
		if len(bitmaps) == 1 {
			return smallest
		}
		return bitmap.OfRoaring(roaring.FastAnd(bitmaps...))
	}
	var list []uint32
	smallest.Each(func(n uint32) bool {
		if !slices.ContainsFunc(all[1:], func(s *bitmap.Set) bool { return !s.Has(n) }) {
			list = append(list, n)
		}
		return true
	})
	return bitmap.Of(list)
}

// text tells of an entity whether its id, owner or labels have a text.
func (x *index) text(q string) func(uint32) bool {
	if q == "" {
		return func(uint32) bool { return true }
	}
	labels := map[uint32]bool{}
	for n, l := range x.labels.all {
		if strings.Contains(strings.ToLower(l), q) {
			labels[uint32(n)] = true
		}
	}
	return func(n uint32) bool {
		name := x.world.Named(n) // all lower-case
		return strings.Contains(name.ID, q) || strings.Contains(name.Owner, q) ||
			slices.ContainsFunc(x.rows[n].labels, func(l uint32) bool { return labels[l] })
	}
}

// endOf is the phase in which nothing of an entity of a kind is left.
func endOf(k events.Kind) string {
	for _, p := range fsm.Machines[k].Phases() {
		if fsm.Machines[k].Ended(p) {
			return string(p)
		}
	}
	return ""
}
