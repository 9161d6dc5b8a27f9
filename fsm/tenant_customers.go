package fsm

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// fitsCustomer refuses one tenant more than the customer may have.
func fitsCustomer(tenant ev.Ref, refs *Refs) []ev.FieldError {
	c, _ := find[CustomerData](refs, ev.Ref{Kind: ev.Customer, Owner: tenant.Owner, ID: tenant.Owner})
	most, has := c.Data.Spec.Tenants, 0
	if most == 0 {
		return nil
	}
	for _, other := range refs.siblings(tenant) {
		e, _ := refs.reader.Get(other) // siblings has noted that all are looked at
		switch {
		case Ended(e):
		case other == tenant:
			return nil // it is one of them
		default:
			has++
		}
	}
	if has < most {
		return nil
	}
	return []ev.FieldError{{Field: "owner", Message: fmt.Sprintf("%s may have %d tenants, and has %d", c.Ref, most, has)}}
}

// withheld tells whether another entity is a plan of which is said that there is none: one that is not for a tenant's customer,
// whoever asks, and a draft, if the customer's people do. Who is on it already stays.
func withheld(tenant ev.Ref, e Entity[Data], refs *Refs) bool {
	d, plan := e.Data.(PlanData)
	if !plan || tenant.Kind != ev.Tenant || d.Spec.Serves(tenant.Owner) && !(refs.command.OfCustomer && e.Phase() == Draft) {
		return false
	}
	return !subscribed(tenant, e.Ref, refs)
}

// planFor is the plan that a tenant is to be on; false, and nothing of it, if that is said not to be there.
func planFor(tenant ev.Ref, path string, refs *Refs) (none Entity[PlanData], there bool) {
	p, ok := find[PlanData](refs, ready(ev.Plan, path).Ref)
	if !ok || Ended(Entity[Data]{p.Base, p.Data}) || withheld(tenant, Entity[Data]{p.Base, p.Data}, refs) {
		return none, false
	}
	return p, true
}

// plansToGo are those of the plans to which tenants of a plan may move that a tenant may be told of.
func plansToGo(tenant ev.Ref, names []string, refs *Refs) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		p, there := refs.Get(ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: name})
		return withheld(tenant, p, refs) || refs.command.OfCustomer && (!there || Ended(p))
	})
}
