package fsm

import (
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// attachable are the phases in which customers may come to a dataplane.
var attachable = []Phase{Requested, Networking, ClusterCreating, Bootstrapping, Equipping, Active, Updating, Retiring, Degraded, Failed}

// ownDataplane decides the verbs that dataplanes alone have.
func ownDataplane(e Entity[DataplaneData], ask ev.Payload, refs *Refs) ([]ev.Change, error) {
	switch ask := ask.(type) {
	case ev.Attach:
		return attach(e, ask.Customer, refs)
	case ev.Detach:
		return detach(e, ask.Customer, refs)
	case ev.Upgrade:
		return upgrade(e, ask.Version, refs)
	}
	return nil, ev.Refuse(ev.Internal, "a %s does not know %T", ev.Dataplane, ask)
}

// upgrade is an update of the version alone.
func upgrade(e Entity[DataplaneData], version string, refs *Refs) ([]ev.Change, error) {
	if e.Phase() == Deleting {
		return nil, ev.Refuse(ev.Refused, "%s is being deleted: it can't be changed any more", e.Ref)
	}
	to := e.Data.Spec
	if to.Version = version; to.Version == e.Data.Spec.Version {
		return nil, nil // asked twice
	}
	happened, faults := respecDataplane(e, to)
	unknown := wishesOf(Entity[Data]{e.Base, e.Data}, to, refs)
	for _, some := range [][]ev.FieldError{faults, unknown} {
		for i := range some {
			some[i].Field = "version"
		}
	}
	err := ev.JoinRefusals(ev.RefuseFaults("upgrade "+e.Ref.String(), unknown), refuseChange(e.Ref, "upgrade", faults))
	return changed(e.Base, happened...), err
}

// attach gives a customer a place: it is preferred when the customer's tenants are
// placed. A dedicated dataplane is claimed.
func attach(e Entity[DataplaneData], customer string, refs *Refs) ([]ev.Change, error) {
	to := ev.SpecRef{Field: "customer", Ref: ready(ev.Customer, customer).Ref}
	if err := refs.checkAll(e.Ref, []ev.SpecRef{to}); err != nil {
		return nil, err
	}
	switch d := e.Data; {
	case e.Phase() == Deleting:
		return nil, ev.Refuse(ev.Refused, "%s is being deleted: nobody can be attached any more", e.Ref)
	case slices.Contains(d.Customers, customer):
		return nil, nil // asked twice
	case e.Ref.Owner != ev.Platform && e.Ref.Owner != customer:
		return nil, ev.Refuse(ev.Refused, "%s belongs to customer %s: attach %s to one of its own or of the platform", e.Ref, e.Ref.Owner, customer)
	case !d.takes(customer):
		return nil, ev.Refuse(ev.Refused, "%s is dedicated to customer %s: detach it first, or attach %s to another", e.Ref, d.Customers[0], customer)
	case d.Spec.Type == "dedicated":
		return changed(e.Base, ev.Claimed{Customer: customer}), nil
	}
	return changed(e.Base, ev.Attached{Customer: customer}), nil
}

// detach takes a customer's place away again, unless its tenants are there.
func detach(e Entity[DataplaneData], customer string, refs *Refs) ([]ev.Change, error) {
	if used := tenantsOf(e, customer, refs); len(used) > 0 {
		return nil, ev.Refuse(ev.Refused, "customer %s has %s on %s: delete these first", customer, naming(used), e.Ref)
	}
	if !slices.Contains(e.Data.Customers, customer) {
		return nil, nil // it is not there
	}
	return changed(e.Base, ev.Detached{Customer: customer}), nil
}

func tenantsOf(e Entity[DataplaneData], customer string, refs *Refs) []ev.Ref {
	of := ev.Ref{Kind: ev.Customer, Owner: customer, ID: customer}
	return refs.users(of, func(u Entity[Data]) bool {
		return u.Ref.Owner == customer && slices.ContainsFunc(staysOf(u), func(p *ev.Placement) bool { return p.Dataplane == e.Ref.Path() })
	}, ev.Tenant)
}

// takes tells whether a customer's tenants may be put there: a dedicated dataplane
// is one customer's alone.
func (d DataplaneData) takes(customer string) bool {
	return d.Spec.Type != "dedicated" || len(d.Customers) == 0 || d.Customers[0] == customer
}

// detachEverywhere lets a customer that ends go from where it was attached.
func detachEverywhere(e Entity[CustomerData], refs *Refs) (changes []ev.Change) {
	on := refs.living(func(u Entity[Data]) bool { return slices.Contains(u.Data.(DataplaneData).Customers, e.Ref.ID) }, ev.Dataplane)
	for _, ref := range on[:min(len(on), mostAtOnce)] {
		dp, _ := refs.Get(ref)
		changes = append(changes, changed(dp.Base, ev.Detached{Customer: e.Ref.ID})...)
	}
	return changes
}

// with and without never change the list they are given: the fold shares it.
func with(list []string, one string) []string {
	i, there := slices.BinarySearch(list, one)
	if there {
		return list
	}
	return slices.Insert(slices.Clone(list), i, one)
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}
