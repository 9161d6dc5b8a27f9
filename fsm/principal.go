package fsm

import ev "github.com/aeriehq/aerie/events"

// Disabled is a principal that is no longer let in, until it is enabled again.
const Disabled Phase = "Disabled"

// PrincipalData is what a principal's events say of it.
type PrincipalData struct {
	Spec      ev.PrincipalSpec
	Rotations int // how often its token was to be drawn anew; of the local one alone
}

// Wants returns the spec.
func (d PrincipalData) Wants() ev.Spec { return d.Spec }

// A principal is what it is from the first moment; its role and its key may change, and it may be disabled for a while.
var principal = Kind[PrincipalData]{
	Name: ev.Principal,
	Table: table(nil, "", Removed,
		Row{ev.Created[ev.PrincipalSpec]{}, []Phase{Unborn}, Active},
		Row{ev.Updated[ev.PrincipalSpec]{}, []Phase{Active, Disabled}, Stay},
		Row{ev.PrincipalDisabled{}, []Phase{Active}, Disabled},
		Row{ev.PrincipalEnabled{}, []Phase{Disabled}, Active},
		Row{ev.LocalRotated{}, []Phase{Active, Disabled}, Stay},
		Row{ev.AttemptsRefused{}, []Phase{Active, Disabled}, Stay},
		Row{ev.UsedElsewhere{}, []Phase{Active, Disabled}, Stay},
	),
	SteadyPhases: []Phase{Active, Disabled},
	FinalPhase:   Removed,
	CheckSpec:    fitsPrincipal,
	CreateEvents: created[ev.PrincipalSpec],
	UpdateEvents: func(_ Entity[PrincipalData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
		return []ev.Event{ev.Updated[ev.PrincipalSpec]{Spec: s.(ev.PrincipalSpec)}}, nil
	},
	DecideVerb: commandPrincipal,
	Evolve:     evolvePrincipal,
	Owed:       func(Entity[PrincipalData]) ev.Effect { return nil },
	Conditions: func(e Entity[PrincipalData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Active)}
	},
}

// fitsPrincipal keeps the local admin under his name, so that whoever guards the name guards him.
func fitsPrincipal(ref ev.Ref, s ev.Spec, _ *Refs) []ev.FieldError {
	if spec, ok := s.(ev.PrincipalSpec); ok && spec.Issuer == ev.IssuerLocal && ref != ev.LocalPrincipal {
		return []ev.FieldError{{Field: "spec.issuer", Message: "local is only for " + ev.LocalPrincipal.String()}}
	}
	return nil
}

func commandPrincipal(e Entity[PrincipalData], p ev.Payload, _ *Refs) ([]ev.Change, error) {
	switch ask := p.(type) {
	case ev.NoteAttempts:
		return changed(e.Base, ask.Refused), nil
	case ev.NoteElsewhere:
		return changed(e.Base, ask.Used), nil
	case ev.DisablePrincipal:
		if e.Phase() == Disabled {
			return nil, nil // asked twice
		}
		return changed(e.Base, ev.PrincipalDisabled{}), nil
	case ev.EnablePrincipal:
		if e.Phase() == Active {
			return nil, nil
		}
		return changed(e.Base, ev.PrincipalEnabled{}), nil
	case ev.RotateLocal:
		if e.Data.Spec.Issuer != ev.IssuerLocal {
			return nil, ev.Refuse(ev.Refused, "%s has no token: only %s has one", e.Ref, ev.LocalPrincipal)
		}
		return changed(e.Base, ev.LocalRotated{}), nil
	}
	return nil, ev.Refuse(ev.Internal, "a principal does not know %T", p)
}

func evolvePrincipal(d PrincipalData, happened ev.Event) PrincipalData {
	switch e := happened.(type) {
	case ev.Created[ev.PrincipalSpec]:
		d.Spec = e.Spec
	case ev.Updated[ev.PrincipalSpec]:
		d.Spec = e.Spec
	case ev.LocalRotated:
		d.Rotations++
	}
	return d
}
