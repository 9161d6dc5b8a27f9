package fsm

import (
	"fmt"

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

// withheld tells whether another entity is a plan that is not for a tenant's customer, who is told that there is none. Who is on it already
// stays.
func withheld(tenant ev.Ref, e Entity[Data], refs *Refs) bool {
	d, plan := e.Data.(PlanData)
	return plan && tenant.Kind == ev.Tenant && !d.Spec.Serves(tenant.Owner) && !subscribed(tenant, e.Ref, refs)
}
