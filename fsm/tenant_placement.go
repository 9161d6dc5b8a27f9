package fsm

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// want is what a tenant's plan asks of a place.
type want struct {
	class                  OfferClass
	customer, region, rule string
	near                   string // the region that it is to be near to
	residency              ev.Residency
	plan                   string // of a multi-tenant plan: its path
	capacity               string // the priority of all pools; empty: any
	own                    bool   // machines of its own, like those of what is chosen
	tenant                 string // its path
	at                     string // of one that moves: the dataplane that it is on
}

func wantOf(e Entity[TenantData], p Entity[PlanData], c CustomerData) want {
	spec := p.Data.Spec
	app := cmp.Or(e.Data.Spec.App, spec.Apps[0].Type)
	return want{tenant: e.Ref.Path(), own: spec.Machines == ev.OwnMachines, plan: cellOf(p).Plan, customer: e.Ref.Owner,
		region: e.Data.Spec.Region, rule: spec.Placement, near: e.Data.Spec.Near,
		residency: spec.Residency, capacity: spec.Capacity,
		class: OfferClass{App: app, Size: spec.SizeOf(app), Hosting: spec.HostingFor(c.Spec), Dedicated: spec.Deployment == "dedicated"}}
}

// String reads as the end of "the plan wants ...".
func (w want) String() string {
	kind := "shared"
	if w.class.Dedicated {
		kind = "dedicated"
	}
	s := fmt.Sprintf("%s of size %s on a %s dataplane in an account of hosting %s", w.class.App, w.class.Size, kind, w.class.Hosting)
	if w.region != "" {
		s += " in " + w.region
	}
	if w.plan != "" {
		s += ", with cells"
	}
	if r := append(slices.Clone(w.residency.Clouds), w.residency.Regions...); len(r) > 0 {
		s += ", residing in " + strings.Join(r, ", ")
	}
	if w.capacity != "" {
		s += ", on machines that are all " + w.capacity
	}
	if w.own {
		s += ", with machines of its own"
	}
	return s
}

// best chooses a place: what is ready before what is on its way, the customer's own and
// what it is attached to before what is open to all, then by the plan's rule, then by
// name. On one dataplane alone, if that is named. The decision depends on what is chosen,
// and on no other place.
func (w want) best(refs *Refs, on string) (Offer, bool) {
	q := OfferQuery{Class: w.class, Fullest: w.rule == ev.PlacePack, Rank: w.rank()}
	q.In = func(z OfferZone) bool {
		return (w.region == "" || z.Region == w.region) && w.residency.Allows(z.Cloud, z.Region) &&
			(w.capacity == "" || z.Capacity == w.capacity) && (w.plan == "" || z.Cells)
	}
	q.Accept = func(o Offer) bool { return (on == "" || o.Dataplane.Path() == on) && w.hasRoom(refs, o.Infra) }
	for _, q.Ready = range []bool{true, false} {
		for _, q.Customer = range []string{w.customer, ""} {
			if o, _, ok := refs.reader.BestOffer(q); ok {
				refs.Get(o.Infra)
				dp, _ := find[DataplaneData](refs, o.Dataplane)
				refs.Get(ready(ev.Account, dp.Data.Spec.Account).Ref)
				return o, true
			}
		}
	}
	return Offer{}, false
}

// more is what else could make room.
func (w want) more() string {
	if w.own {
		return "another dataplane, if those have all the node pools that a cluster may have,"
	}
	return "more cells"
}

// hasRoom tells whether there is room for the plan's tenants, where it depends on the plan.
func (w want) hasRoom(refs *Refs, on ev.Ref) bool {
	if w.own {
		infra, _ := refs.reader.Get(on)
		return refs.hasPools(infra.dataplane().Ref, typed[TenantInfraData](infra).Data.Spec)
	}
	cells := refs.reader.CellsOn(on)
	if w.plan == "" && !slices.ContainsFunc(cells, func(c CellRoom) bool { return c.Plan != "" }) {
		return true // what is offered has room
	}
	infra, _ := refs.reader.Get(on)
	return RoomFor(infra, cells, w.plan) != 0
}

func (w want) why(o Offer) string {
	state := "ready"
	if !o.Ready {
		state = "on their way"
	}
	return fmt.Sprintf("wants %s; by rule %s among those that are %s: %s%s", w, w.rule, state, o.Infra, w.because(o.Zone))
}

// offers tells whether something may be put there: it works, or is on its way to.
func (b Base) offers() bool {
	onItsWay := b.Failure == nil && b.phase != Deleting && b.phase != Gone
	return b.Holds(ConditionReady) || onItsWay
}

// maxNamespace is the most characters the name of a namespace may have.
const maxNamespace = 63

// Namespace names a tenant's namespace: customer--tenant. Labels have no "--", so
// no two collide; a name too long is cut and ends in a hash of the whole.
func Namespace(customer, tenant string) string { return bounded(customer + "--" + tenant) }

// CellLabel is the value of the label that names a cell in its cluster: <tenant infra>_<cell>.
func CellLabel(cell ev.Ref) string {
	infra := ev.Ref{ID: cell.Parent()}
	return bounded(infra.Local() + "_" + cell.Local())
}

func bounded(name string) string {
	if len(name) <= maxNamespace {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	return name[:maxNamespace-9] + "-" + strings.ToLower(hash[:8])
}

// PlacesOf are the paths of the tenant infras that a tenant is placed on, each once: while it moves also that of the one that
// it goes to, or comes from. Nothing of every other entity, of a tenant without a place and of one that is gone.
func PlacesOf(e Entity[Data]) (infras []string) {
	for _, at := range staysOf(e) {
		if !slices.Contains(infras, at.TenantInfra) {
			infras = append(infras, at.TenantInfra)
		}
	}
	return infras
}

// awaitedPlaces are the classes of places that a tenant's plan asks for: those of its customer, and those open to all.
func awaitedPlaces(e Entity[TenantData], get func(ev.Ref) (Entity[Data], bool)) []Awaited {
	p, ok := get(ready(ev.Plan, e.Data.Spec.Plan).Ref)
	if !ok {
		return nil // it is awaited by name
	}
	c, _ := get(owned(e.Base)[0].Ref)
	w := wantOf(e, typed[PlanData](p), typed[CustomerData](c).Data)
	region := cmp.Or(w.region, anywhere)
	all := []Awaited{{Class: w.class.awaited(w.customer, region)}, {Class: w.class.awaited(anybody, region)}}
	return append(all, awaitedOf(typed[PlanData](p).Data.Spec, owned(e.Base)[0].Ref)...)
}
