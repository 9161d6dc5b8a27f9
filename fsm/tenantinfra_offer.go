package fsm

import (
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// Offer is a tenant infra as placement sees it. It follows from the infra, its
// dataplane and the account of that, and from nothing else.
type Offer struct {
	Infra, Dataplane ev.Ref
	Class            OfferClass
	Zone             OfferZone
	Ready            bool   // now; else it is on its way
	Open             bool   // to every customer; else only to those of For
	For              string // the customers whose it is, or who are attached, each behind a blank
}

// OfferClass is what a plan and the infra must agree on.
type OfferClass struct {
	App, Size, Hosting string
	Dedicated          bool
}

// OfferZone is where in the world an offer is, and what else of it a plan may ask for that is the same for many: a query looks at
// each zone once, and then at the offers of those that will do.
type OfferZone struct {
	Cloud, Region string
	Capacity      string // the priority of the machines; without if these have several
	Cells         bool   // tenants live in cells there
	Price         int64  // what one machine of each pool costs an hour, in millionths; 0: it is not known
}

// Same tells whether two offers are for the same tenants: they may have another price.
func (o Offer) Same(other Offer) bool {
	o.Zone.Price = other.Zone.Price
	return o == other
}

// Customers are those who go there before others do, in order.
func (o Offer) Customers() []string { return strings.Fields(o.For) }

// OfferOf is what a tenant infra offers now; false if nobody may be put on it.
func OfferOf(infra Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (Offer, bool) {
	if d, ok := infra.Data.(TenantInfraData); !ok || d.Spec.For != "" {
		return Offer{}, false
	}
	return offerOf(infra, get)
}

// offerOf is what a tenant infra offers to those that it is for.
func offerOf(infra Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (Offer, bool) {
	d, ok := infra.Data.(TenantInfraData)
	if !ok || !infra.offers() {
		return Offer{}, false
	}
	dp, _ := get(infra.dataplane().Ref)
	on, ok := dp.Data.(DataplaneData)
	if !ok || !dp.offers() {
		return Offer{}, false
	}
	acc, _ := get(ready(ev.Account, on.Spec.Account).Ref)
	in, ok := acc.Data.(AccountData)
	if !ok {
		return Offer{}, false
	}
	zone := OfferZone{Cloud: in.Spec.Cloud, Region: on.Spec.Region, Capacity: d.Spec.Capacity(), Cells: d.Spec.Cells != nil,
		Price: in.Spec.HourlyPrice(on.Spec.Region, d.Spec.Pools)}
	o := Offer{Infra: infra.Ref, Dataplane: dp.Ref, Zone: zone,
		Class: OfferClass{d.Spec.App, d.Spec.Size, in.Spec.Hosting, on.Spec.Type == "dedicated"},
		Ready: infra.Holds(ConditionReady) && dp.Holds(ConditionReady)}
	o.Open = dp.Ref.Owner == ev.Platform && (!o.Class.Dedicated || len(on.Customers) == 0)
	o.For = forWhom(dp.Ref.Owner, on)
	return o, true
}

// forWhom lists who goes to a dataplane before others do: its owner, or who is attached.
func forWhom(owner string, d DataplaneData) string {
	switch {
	case owner != ev.Platform:
		return owner
	case d.Spec.Type == "dedicated" && len(d.Customers) > 1:
		return d.Customers[0]
	}
	return strings.Join(d.Customers, " ")
}

// OfferQuery asks for the best offer of one audience.
type OfferQuery struct {
	Class    OfferClass
	Customer string                // of those that are for it; empty: of the open ones
	Ready    bool                  // of those that are ready; else of those on their way
	Fullest  bool                  // the one with the most tenants; else with the fewest
	In       func(OfferZone) bool  // where it may be
	Rank     func(OfferZone) int64 // which zone goes before which: the lowest first; nil: none does
	Accept   func(Offer) bool      // what else must hold
}

// rank is that of a zone.
func (q OfferQuery) rank(z OfferZone) int64 {
	if q.Rank == nil {
		return 0
	}
	return q.Rank(z)
}

// Before tells whether all offers of a zone are better than all of another.
func (q OfferQuery) Before(a, b OfferZone) bool { return q.rank(a) < q.rank(b) }

// Better orders two offers of one query with the tenants that are there: by the rule, then by name.
func (q OfferQuery) Better(a, b Offer, onA, onB int) bool {
	if rankA, rankB := q.rank(a.Zone), q.rank(b.Zone); rankA != rankB {
		return rankA < rankB
	}
	if onA != onB {
		return onA > onB == q.Fullest
	}
	return compare(a.Infra, b.Infra) < 0
}

// Awaited are the classes of places that an offer belongs to: who waits for one of them may be put there.
func (o Offer) Awaited() (classes []string) {
	audiences := o.Customers()
	if o.Open {
		audiences = append(audiences, anybody)
	}
	for _, a := range audiences {
		classes = append(classes, o.Class.awaited(a, o.Zone.Region), o.Class.awaited(a, anywhere))
	}
	return classes
}

// No label reads like these.
const anybody, anywhere = "*", "*"

func (c OfferClass) awaited(audience, region string) string {
	kind := "shared"
	if c.Dedicated {
		kind = "dedicated"
	}
	return strings.Join([]string{c.App, c.Size, c.Hosting, kind, region, audience}, "/")
}

// OffersOn lists the tenant infras whose offers a change of an entity may change, in no order.
func OffersOn(before, after Entity[Data], usersOf func(ev.Ref) []ev.Ref) (infras []ev.Ref) {
	switch after.Ref.Kind {
	case ev.TenantInfra:
		return []ev.Ref{after.Ref}
	case ev.Dataplane:
		if offering(before) == offering(after) {
			return nil
		}
		return onlyInfras(usersOf(after.Ref))
	case ev.Account:
		if offering(before) == offering(after) {
			return nil
		}
		for _, dp := range usersOf(after.Ref) {
			if dp.Kind == ev.Dataplane {
				infras = append(infras, onlyInfras(usersOf(dp))...)
			}
		}
	}
	return infras
}

// offering is all of a dataplane or an account that an offer depends on.
func offering(e Entity[Data]) any {
	switch d := e.Data.(type) {
	case DataplaneData:
		return [...]any{e.offers(), e.Holds(ConditionReady), d.Spec.Account, d.Spec.Region, d.Spec.Type, forWhom(e.Ref.Owner, d)}
	case AccountData:
		return [...]any{d.Spec.Cloud, d.Spec.Hosting, fmt.Sprint(d.Spec.Prices)}
	}
	return nil
}

func onlyInfras(refs []ev.Ref) []ev.Ref {
	return slices.DeleteFunc(slices.Clone(refs), func(r ev.Ref) bool { return r.Kind != ev.TenantInfra })
}
