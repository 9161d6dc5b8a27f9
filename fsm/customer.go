package fsm

import ev "github.com/aeriehq/aerie/events"

// Active is the phase of rest of customers, dataplanes, tenant infras and tenants.
const Active Phase = "Active"

// The phases of the end of a customer.
const (
	Closing Phase = "Closing"
	Closed  Phase = "Closed"
)

// CustomerData is what a customer's events say of it.
type CustomerData struct{ Spec ev.CustomerSpec }

// Wants returns the spec.
func (d CustomerData) Wants() ev.Spec { return d.Spec }

// A customer is what it is from the first moment: the world owes it nothing.
var customer = Kind[CustomerData]{
	Name: ev.Customer,
	Table: table(nil, Closing, Closed,
		Row{ev.Created[ev.CustomerSpec]{}, []Phase{Unborn}, Active},
		Row{ev.Updated[ev.CustomerSpec]{}, []Phase{Active}, Stay},
	),
	SteadyPhases:     []Phase{Active},
	TerminatingPhase: Closing,
	FinalPhase:       Closed,
	Cascades:         true,
	// Addons and cells go with what they stand on, and agents last: they remove the rest.
	OwnedKinds: []ev.Kind{ev.Addon, ev.Cell, ev.CellApplication, ev.Principal, ev.Token, ev.Repository, ev.Agent},
	Users: func(e Entity[CustomerData], refs *Refs) []ev.Ref {
		return refs.users(e.Ref, func(u Entity[Data]) bool { return u.Ref.Owner == e.Ref.ID && u.Ref != e.Ref }, ev.Kinds...)
	},
	ForgetChanges: detachEverywhere,
	CreateEvents: func(c ev.Create, uid string) []ev.Event {
		return []ev.Event{ev.Created[ev.CustomerSpec]{UID: uid, Labels: c.Labels, Spec: c.Spec.(ev.CustomerSpec)}}
	},
	UpdateEvents: func(_ Entity[CustomerData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
		return []ev.Event{ev.Updated[ev.CustomerSpec]{Spec: s.(ev.CustomerSpec)}}, nil
	},
	Evolve: evolveCustomer,
	Owed:   func(Entity[CustomerData]) ev.Effect { return nil },
	Conditions: func(e Entity[CustomerData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Active)}
	},
}

func evolveCustomer(d CustomerData, happened ev.Event) CustomerData {
	switch e := happened.(type) {
	case ev.Created[ev.CustomerSpec]:
		d.Spec = e.Spec
	case ev.Updated[ev.CustomerSpec]:
		d.Spec = e.Spec
	}
	return d
}

// owned is the need of everything that belongs to a customer: that it is Ready.
func owned(b Base) []Dependency {
	if b.Ref.Owner == ev.Platform {
		return nil
	}
	return []Dependency{ready(ev.Customer, b.Ref.Owner)}
}

// OwnerTag is the owner mark that everything made for an entity carries in a cloud.
func OwnerTag(b Base) string { return b.Ref.Mark(b.UID) }
