package state

import (
	"cmp"
	"math"
	"strings"

	"github.com/tidwall/btree"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// offers are the tenant infras that tenants can be put on, by what is asked of them. Each
// set is in the order of the tenants that are there, so that the best is found without a walk.
type offers struct {
	of  map[ev.Ref]offered // what each infra offers
	by  map[audience]zones
	own map[ev.Ref]bool // of an Overlay: the infras that it knows better than the entities below

	classes map[string]int // what can be awaited -> how many infras offer it
}

// audience is whom a set of offers is for: those of one class, ready or not, of one customer or open to all.
type audience struct {
	class    fsm.OfferClass
	ready    bool
	customer string
}

// zones are the offers of an audience, by where they are.
type zones map[fsm.OfferZone]*btree.BTreeG[offered]

// offered is an offer, how many tenants are there, and how many more can come.
type offered struct {
	fsm.Offer
	tenants, room int
	openings      int // how many of those can come into cells that are not there yet
}

func (a offered) less(b offered) bool {
	return cmp.Or(cmp.Compare(a.tenants, b.tenants),
		strings.Compare(a.Infra.Owner, b.Infra.Owner), strings.Compare(a.Infra.ID, b.Infra.ID)) < 0
}

func newOffers() offers {
	return offers{of: map[ev.Ref]offered{}, by: map[audience]zones{}, own: map[ev.Ref]bool{}, classes: map[string]int{}}
}

// set keeps what an infra offers now, and returns what it offered.
func (o *offers) set(infra ev.Ref, now offered, is bool) (before offered, was bool) {
	if before, was = o.of[infra]; was && is && before.Offer == now.Offer && before.tenants == now.tenants {
		o.of[infra] = now
		return before, was
	}
	if same := was && is && before.Offer == now.Offer; !same && was {
		o.count(before.Offer, -1)
	}
	if was {
		for _, a := range audiences(before.Offer) {
			zones := o.by[a]
			zones[before.Zone].Delete(before)
			if zones[before.Zone].Len() == 0 {
				delete(zones, before.Zone)
			}
			if len(zones) == 0 {
				delete(o.by, a)
			}
		}
		delete(o.of, infra)
	}
	if !is {
		return before, was
	}
	o.of[infra] = now
	if !was || before.Offer != now.Offer {
		o.count(now.Offer, 1)
	}
	for _, a := range audiences(now.Offer) {
		if o.by[a] == nil {
			o.by[a] = zones{}
		}
		if o.by[a][now.Zone] == nil {
			o.by[a][now.Zone] = btree.NewBTreeGOptions(offered.less, btree.Options{NoLocks: true})
		}
		o.by[a][now.Zone].Set(now)
	}
	return before, was
}

// count notes that one infra more, or one less, offers what can be awaited.
func (o *offers) count(of fsm.Offer, n int) {
	for _, class := range of.Awaited() {
		if o.classes[class] += n; o.classes[class] == 0 {
			delete(o.classes, class)
		}
	}
}

func audiences(o fsm.Offer) (all []audience) {
	for _, c := range o.Customers() {
		all = append(all, audience{o.Class, o.Ready, c})
	}
	if o.Open {
		all = append(all, audience{o.Class, o.Ready, ""})
	}
	return all
}

// best finds the best offer of a query but for those of some infras.
func (o *offers) best(q fsm.OfferQuery, but func(ev.Ref) bool) (best offered, found bool) {
	for zone, set := range o.by[audience{q.Class, q.Ready, q.Customer}] {
		if q.In != nil && !q.In(zone) || found && q.Before(best.Zone, zone) {
			continue
		}
		first, ok := inOrder(set, q, but)
		if ok && (!found || q.Better(first.Offer, best.Offer, first.tenants, best.tenants)) {
			best, found = first, true
		}
	}
	return best, found
}

// inOrder finds the first of a set that will do.
func inOrder(set *btree.BTreeG[offered], q fsm.OfferQuery, but func(ev.Ref) bool) (first offered, found bool) {
	look := func(o offered) bool {
		found = (but == nil || !but(o.Infra)) && (q.Accept == nil || q.Accept(o.Offer))
		if found {
			first = o
		}
		return !found
	}
	if !q.Fullest {
		set.Scan(look)
		return first, found
	}
	for most := math.MaxInt; !found; { // the fullest first, and of equals the first by name
		level, ok := fullest(set, most)
		if !ok {
			return first, false
		}
		set.Ascend(offered{tenants: level}, func(o offered) bool { return o.tenants == level && look(o) })
		most = level - 1
	}
	return first, found
}

// fullest is the greatest number of tenants in a set, up to a bound.
func fullest(set *btree.BTreeG[offered], most int) (n int, ok bool) {
	after := offered{tenants: most}
	after.Infra.Owner = "\xff" // behind every name
	set.Descend(after, func(o offered) bool {
		n, ok = o.tenants, true
		return false
	})
	return n, ok
}

// BestOffer finds the best place of a query, and how many tenants are there; false if there is none.
func (w *Entities) BestOffer(q fsm.OfferQuery) (fsm.Offer, int, bool) {
	o, ok := w.bestOffer(q, nil)
	return o.Offer, o.tenants, ok
}

func (w *Entities) bestOffer(q fsm.OfferQuery, but func(ev.Ref) bool) (offered, bool) {
	best, found := w.offers.best(q, but)
	if w.under == nil {
		return best, found
	}
	below, ok := w.under.bestOffer(q, func(r ev.Ref) bool { return w.offers.own[r] || but != nil && but(r) })
	if ok && (!found || q.Better(below.Offer, best.Offer, below.tenants, best.tenants)) {
		return below, true
	}
	return best, found
}

// reofferAll looks anew at what every infra offers.
func (w *Entities) reofferAll() {
	var infras []ev.Ref
	w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) { infras = append(infras, e.Ref) })
	w.Each(ev.Cell, w.recell)
	w.Each(ev.Dataplane, w.remade)
	for _, infra := range infras {
		w.offer(infra.Path())
	}
	clear(w.news)
}

// offer looks anew at what one infra offers, given by its path; empty: none.
func (w *Entities) offer(path string) {
	infra, faults := ev.ParseRef(ev.TenantInfra, path)
	if path == "" || faults != nil {
		return
	}
	e, _ := w.Get(infra)
	o, is := fsm.OfferOf(e, w.Get)
	cells := w.CellsOn(infra)
	now := offered{o, w.PlacedOn(path), fsm.Room(e, cells), fsm.Openings(e, cells)}
	is = is && now.room != 0
	before, was := w.offers.set(infra, now, is)
	if w.under != nil {
		w.offers.own[infra] = true
		return
	}
	switch {
	case !is:
	case now.room == fsm.Unlimited:
		if !was || !before.Same(o) {
			w.tell(o, everybody)
		}
	case !was || !before.Same(o):
		w.tell(o, now.room)
	case now.room > before.room, now.openings > before.openings: // a cell of one plan goes, and one of another may open
		w.tell(o, max(now.room-before.room, now.openings-before.openings))
	}
}

// roomier tells that there is room for machines of somebody's own, where some have gone.
func (w *Entities) roomier(before, after fsm.Entity[fsm.Data]) {
	if !fsm.OwnEnded(before, after) {
		return
	}
	for _, infra := range w.UsersOf(ev.Ref{Kind: ev.Dataplane, Owner: after.Ref.Owner, ID: after.Ref.Parent()}) {
		if o, is := w.offers.of[infra]; is {
			w.tell(o.Offer, 1)
		}
	}
}

// tell notes that so many more can come.
func (w *Entities) tell(o fsm.Offer, n int) {
	for _, class := range o.Awaited() {
		of := fsm.Awaited{Class: class}
		if n == everybody || w.news[of] == everybody {
			w.news[of] = everybody
			continue
		}
		w.news[of] += n
	}
}
