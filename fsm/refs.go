package fsm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// Reader is what a decision may ask about the entities beside its own. It is read under
// the lock of who changes it; no method may be called at the same time as a change.
type Reader interface {
	// Get returns an entity as it is now; false if it was never created.
	Get(ref ev.Ref) (Entity[Data], bool)
	// Each calls f for every entity of a kind, in no order.
	Each(kind ev.Kind, f func(Entity[Data]))
	// LastOf is the sequence of a kind's last event, 0 if it has none.
	LastOf(kind ev.Kind) uint64
	// BestOffer finds the best place of a query, and how many tenants are there; false if there is none.
	BestOffer(q OfferQuery) (Offer, int, bool)
	// Provisioned is what was made for plans, and what may be.
	Provisioned() Provisioned
	// CellsOn lists the living cells of a tenant infra, in no order.
	CellsOn(infra ev.Ref) []CellRoom
	// UsersOf lists the living entities that use one, in no order.
	UsersOf(used ev.Ref) []ev.Ref
	// Knows tells whether an incarnation is, or was, one of this log's.
	Knows(ref ev.Ref, uid string) bool
}

// NewRefs lets a decision look at what a reader has.
func NewRefs(r Reader) *Refs { return &Refs{reader: r} }

// Refs is a decision's view of the entities it refers to. It knows what was
// looked at: the decision stands while that does not change.
type Refs struct {
	reader  Reader
	read    map[ev.Ref]uint64       // what was looked at -> its last sequence then
	whole   map[ev.Kind]uint64      // of which kinds all was looked at -> the kind's last sequence then
	crowds  map[ev.Ref]crowd        // of which tenant infras all cells were looked at -> how these were then
	command ev.Command              // that is decided
	births  int                     // how many were born of it so far
	born    map[ev.Ref]Entity[Data] // those of them that what is decided after sees
	made    *crowd                  // if all was looked at that was made for plans: how it was then
}

// Get returns another entity as it is now; false if it was never born.
func (r *Refs) Get(ref ev.Ref) (Entity[Data], bool) {
	e, ok := r.reader.Get(ref)
	if r.read == nil {
		r.read = map[ev.Ref]uint64{}
	}
	r.read[ref] = e.Seq
	if born, is := r.born[ref]; is {
		return born, true
	}
	return e, ok
}

// Used tells whether the decision looked at another entity.
func (r *Refs) Used() bool { return len(r.read)+len(r.whole)+len(r.crowds) > 0 || r.made != nil }

// Stand tells whether all that the decision looked at is as it was, and was durable then: of a sequence up to that one.
func (r *Refs) Stand(now Reader, durable uint64) bool {
	for ref, seq := range r.read {
		if e, _ := now.Get(ref); e.Seq != seq || seq > durable {
			return false
		}
	}
	for k, seq := range r.whole {
		if now.LastOf(k) != seq || seq > durable {
			return false
		}
	}
	if r.made != nil && (crowdOfMade(now.Provisioned().Made) != *r.made || r.made.last > durable) {
		return false
	}
	for infra, was := range r.crowds {
		if crowdOf(now.CellsOn(infra)) != was || was.last > durable {
			return false
		}
	}
	return true
}

// all notes that every entity of a kind is looked at.
func (r *Refs) all(k ev.Kind) {
	if r.whole == nil {
		r.whole = map[ev.Kind]uint64{}
	}
	r.whole[k] = r.reader.LastOf(k)
}

// check refuses references to what is absent or going away, naming the field of each.
func (r *Refs) check(ref ev.Ref, spec ev.Spec) error {
	return r.checkAll(ref, ev.RefsOf(ref, spec))
}

func (r *Refs) checkAll(ref ev.Ref, refs []ev.SpecRef) error {
	var absent, going []ev.FieldError
	for _, to := range refs {
		e, ok := r.Get(to.Ref)
		switch machine := Machines[to.Ref.Kind]; {
		case !ok || machine.Ended(e.Phase()) || withheld(ref, e, r):
			absent = append(absent, ev.FieldError{Field: to.Field, Message: fmt.Sprintf("there is no %s%s", to.Ref, r.nearest(to.Ref))})
		case machine.Terminating(e.Phase()):
			going = append(going, ev.FieldError{Field: to.Field, Message: fmt.Sprintf("%s is being deleted", to.Ref)})
		}
	}
	if len(absent) == 0 && len(going) > 0 {
		return ev.Refuse(ev.Refused, "%s refers to something that is being deleted", ref).With(going)
	}
	return ev.RefuseFaults(ref.String(), append(absent, going...))
}

// nearest proposes a thing of the kind and owner with a like name.
func (r *Refs) nearest(ref ev.Ref) string {
	const most = 10
	var known []string
	for _, other := range r.siblings(ref) {
		if e, _ := r.Get(other); len(known) < most && !Machines[ref.Kind].Ended(e.Phase()) && !withheld(r.command.Ref, e, r) {
			known = append(known, other.ID)
		}
	}
	if len(known) == 0 {
		return ": create it first"
	}
	return ev.Suggest(ref.ID, known)
}

// siblings lists what is of one kind and one owner, in order.
func (r *Refs) siblings(ref ev.Ref) (all []ev.Ref) {
	r.all(ref.Kind)
	if ref.Owner != ev.Platform {
		all = r.reader.UsersOf(ev.Ref{Kind: ev.Customer, Owner: ref.Owner, ID: ref.Owner})
	} else {
		r.reader.Each(ref.Kind, func(e Entity[Data]) { all = append(all, e.Ref) })
	}
	all = slices.DeleteFunc(all, func(o ev.Ref) bool { return o.Kind != ref.Kind || o.Owner != ref.Owner })
	slices.SortFunc(all, compare)
	return all
}

// find returns the entity's data as its kind keeps it.
func find[D Data](r *Refs, ref ev.Ref) (Entity[D], bool) {
	e, ok := r.Get(ref)
	if !ok {
		return Entity[D]{}, false
	}
	return Entity[D]{e.Base, e.Data.(D)}, true
}

func compare(a, b ev.Ref) int {
	return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.ID, b.ID))
}

// Ended tells whether nothing of an entity is left: it was never born, or it is in the last phase of its kind.
func Ended(e Entity[Data]) bool {
	return e.Phase() == Unborn || Machines[e.Ref.Kind].Ended(e.Phase())
}

// UsedBy lists what an entity uses: what its name and its spec refer to, and where
// it was put. One that has ended uses nothing.
func UsedBy(e Entity[Data]) (used []ev.Ref) {
	if Ended(e) {
		return nil
	}
	for _, to := range ev.RefsOf(e.Ref, e.Data.Wants()) {
		used = append(used, to.Ref)
	}
	use := func(k ev.Kind, path string) {
		if ref, faults := ev.ParseRef(k, path); faults == nil && !slices.Contains(used, ref) {
			used = append(used, ref)
		}
	}
	for _, at := range staysOf(e) {
		use(ev.Plan, at.Plan)
		use(ev.TenantInfra, at.TenantInfra)
		if at.Cell != "" {
			use(ev.Cell, at.Cell)
		}
	}
	return used
}
