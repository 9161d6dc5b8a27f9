package fsm

import ev "github.com/aeriehq/aerie/events"

// PrincipalData is what a principal's events say of it.
type PrincipalData struct{ Spec ev.PrincipalSpec }

// Wants returns the spec.
func (d PrincipalData) Wants() ev.Spec { return d.Spec }

// A principal is what it is from the first moment; its role and its key may change.
var principal = Kind[PrincipalData]{
	Name: ev.Principal,
	Table: table(nil, "", Removed,
		Row{ev.Created[ev.PrincipalSpec]{}, []Phase{Unborn}, Active},
		Row{ev.Updated[ev.PrincipalSpec]{}, []Phase{Active}, Stay},
	),
	SteadyPhases: []Phase{Active},
	FinalPhase:   Removed,
	CreateEvents: created[ev.PrincipalSpec],
	UpdateEvents: func(_ Entity[PrincipalData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
		return []ev.Event{ev.Updated[ev.PrincipalSpec]{Spec: s.(ev.PrincipalSpec)}}, nil
	},
	Evolve: func(d PrincipalData, happened ev.Event) PrincipalData {
		switch e := happened.(type) {
		case ev.Created[ev.PrincipalSpec]:
			d.Spec = e.Spec
		case ev.Updated[ev.PrincipalSpec]:
			d.Spec = e.Spec
		}
		return d
	},
	Owed: func(Entity[PrincipalData]) ev.Effect { return nil },
	Conditions: func(e Entity[PrincipalData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Active)}
	},
}
