package fsm

import ev "github.com/aeriehq/aerie/events"

// Revoked is the end of a token: it lets nobody in any more.
const Revoked Phase = "Revoked"

// TokenData is what a token's events say of it.
type TokenData struct{ Spec ev.TokenSpec }

// Wants returns the spec.
func (d TokenData) Wants() ev.Spec { return d.Spec }

// A token is what it is from the first moment, and can only end. When its time is over nothing happens: who lets people in
// asks the clock.
var token = Kind[TokenData]{
	Name: ev.Token,
	Table: table(nil, "", Revoked,
		Row{ev.Created[ev.TokenSpec]{}, []Phase{Unborn}, Active},
		Row{ev.Revoked{}, []Phase{Active}, Revoked},
		Row{ev.AttemptsRefused{}, []Phase{Active}, Stay},
	),
	SteadyPhases: []Phase{Active},
	FinalPhase:   Revoked,
	CreateEvents: created[ev.TokenSpec],
	UpdateEvents: func(e Entity[TokenData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
		old, now := e.Data.Spec, s.(ev.TokenSpec)
		var faults keeper
		faults.keep("spec.role", string(old.Role), string(now.Role))
		faults.keep("spec.hash", old.Hash, now.Hash)
		faults.keep("spec.expires", old.Expires, now.Expires)
		return nil, faults
	},
	DecideVerb: func(e Entity[TokenData], p ev.Payload, _ *Refs) ([]ev.Change, error) {
		switch ask := p.(type) {
		case ev.Revoke:
			return changed(e.Base, ev.Revoked{}), nil
		case ev.NoteAttempts:
			return changed(e.Base, ask.Refused), nil
		}
		return nil, ev.Refuse(ev.Internal, "a token does not know %T", p)
	},
	Evolve: func(d TokenData, happened ev.Event) TokenData {
		if e, ok := happened.(ev.Created[ev.TokenSpec]); ok {
			d.Spec = e.Spec
		}
		return d
	},
	Owed: func(Entity[TokenData]) ev.Effect { return nil },
	Conditions: func(e Entity[TokenData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Active)}
	},
}

// created is how an entity is born that the world owes nothing.
func created[S ev.Spec](c ev.Create, uid string) []ev.Event {
	return []ev.Event{ev.Created[S]{UID: uid, Labels: c.Labels, Spec: c.Spec.(S)}}
}
