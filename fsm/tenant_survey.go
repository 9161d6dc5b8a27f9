package fsm

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// PlaceFor is where a tenant would be put now, or why nowhere. An error says that it may not be of this spec.
func PlaceFor(ref ev.Ref, spec ev.TenantSpec, refs *Refs) (*ev.Placement, *Blocker, error) {
	if err := tenant.fits(ref, spec, refs); err != nil {
		return nil, nil, err
	}
	e := hypothetical(ref, spec)
	if w := refs.unmet(subscription(e)); w != nil {
		return nil, w, nil
	}
	changes, w := place(e, refs, "")
	for _, c := range changes {
		for _, happened := range c.Events {
			if placed, ok := happened.(ev.Placed); ok {
				return would(placed.Placement, changes), nil, nil
			}
		}
	}
	return nil, w, nil
}

// HasPlace tells whether there is a place for a tenant that waits for one.
func HasPlace(e Entity[Data], refs *Refs) bool {
	t := typed[TenantData](e)
	if e.Phase() != Placing || refs.unmet(subscription(t)) != nil {
		return false
	}
	p, _ := find[PlanData](refs, ready(ev.Plan, t.Data.Spec.Plan).Ref)
	c, _ := find[CustomerData](refs, owned(t.Base)[0].Ref)
	want := wantOf(t, p, c.Data)
	if _, found := want.best(refs, ""); found {
		return true
	}
	_, births, why := want.provide(p, refs)
	return why == nil && len(births) > 0
}

// would is a placement without what only a command gives it: the name of its stay, and that of a cell that opens for it.
func would(p ev.Placement, changes []ev.Change) *ev.Placement {
	p.Stay = ""
	if slices.ContainsFunc(changes, func(c ev.Change) bool { return c.Ref.Kind == ev.TenantInfra && c.Ref.Path() == p.TenantInfra }) {
		if i := slices.IndexFunc(changes, func(c ev.Change) bool { return c.Ref.Kind == ev.Dataplane && c.Ref.Path() == p.Dataplane }); i >= 0 {
			p.Dataplane = ""
		}
		p.TenantInfra, p.Cell = "", ""
		return &p
	}
	if slices.ContainsFunc(changes, func(c ev.Change) bool { return c.Ref.Kind == ev.Cell && c.Ref.Path() == p.Cell }) {
		p.Cell, p.Why = "", p.Why+", in a cell that opens for it"
	}
	return &p
}

func hypothetical(ref ev.Ref, spec ev.TenantSpec) Entity[TenantData] {
	return Entity[TenantData]{Base{Ref: ref}, TenantData{Spec: spec}}
}

// Wish is what a tenant's plan asks of a place. It is never changed.
type Wish struct{ want }

// WishOf is what a tenant of a spec asks for now. Its plan and its customer must be there.
func WishOf(ref ev.Ref, spec ev.TenantSpec, get func(ev.Ref) (Entity[Data], bool)) Wish {
	p, _ := get(ready(ev.Plan, spec.Plan).Ref)
	c, _ := get(ev.Ref{Kind: ev.Customer, Owner: ref.Owner, ID: ref.Owner})
	return Wish{wantOf(hypothetical(ref, spec), typed[PlanData](p), typed[CustomerData](c).Data)}
}

// Misses says in what a tenant infra is not what is wished for; nothing if the tenant may be put there. It is for people,
// who ask about every infra: deciding asks an index.
func (w Wish) Misses(infra Entity[Data], get func(ev.Ref) (Entity[Data], bool), cells []CellRoom) []string {
	misses := w.misfits(infra, get)
	if d := typed[TenantInfraData](infra).Data; (w.plan == "" || d.Spec.Cells != nil) && RoomFor(infra, cells, w.plan) == 0 {
		misses = append(misses, "has no room: its cells are full or take nobody, and it can open no other")
	}
	return misses
}

// misfits says in what a tenant infra is not what is wished for, whether it has room or not.
func (w want) misfits(infra Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (misses []string) {
	d := typed[TenantInfraData](infra).Data
	base, _ := get(infra.dataplane().Ref)
	dp := typed[DataplaneData](base)
	acc, _ := get(ready(ev.Account, dp.Data.Spec.Account).Ref)
	in := typed[AccountData](acc).Data.Spec
	miss := func(is bool, format string, args ...any) {
		if is {
			misses = append(misses, fmt.Sprintf(format, args...))
		}
	}
	miss(d.Spec.App != w.class.App, "is for application type %s", d.Spec.App)
	miss(d.Spec.Size != w.class.Size, "is of size %s", d.Spec.Size)
	miss(d.Spec.For != "" && d.Spec.For != w.tenant, "is for %s alone", d.Spec.For)
	miss(in.Hosting != w.class.Hosting, "is in an account of hosting %s", in.Hosting)
	miss((dp.Data.Spec.Type == "dedicated") != w.class.Dedicated, "is on a %s dataplane", dp.Data.Spec.Type)
	miss(w.region != "" && dp.Data.Spec.Region != w.region, "is in region %s", dp.Data.Spec.Region)
	miss(!w.residency.Allows(in.Cloud, dp.Data.Spec.Region), "is in region %s of cloud %s, where the plan's tenants may not be", dp.Data.Spec.Region, in.Cloud)
	miss(w.capacity != "" && d.Spec.Capacity() != w.capacity, "has pools that are not %s", w.capacity)
	miss(dp.Ref.Owner != ev.Platform && dp.Ref.Owner != w.customer, "is on a dataplane of another customer")
	miss(!dp.Data.takes(w.customer), "is on a dataplane that another customer has claimed")
	miss(w.plan != "" && d.Spec.Cells == nil, "has no cells, in which tenants of this plan live")
	miss(!infra.offers(), "is %s", infra.Phase())
	miss(!dp.offers(), "is on a dataplane that is %s", dp.Phase())
	return misses
}
