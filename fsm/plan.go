package fsm

import ev "github.com/aeriehq/aerie/events"

// The phases of a plan.
const (
	Draft    Phase = "Draft"
	Released Phase = "Released"
)

// PlanData is what a plan's events say of it. Its version is the revision of its spec.
type PlanData struct{ Spec ev.PlanSpec }

// Wants returns the spec.
func (d PlanData) Wants() ev.Spec { return d.Spec }

// A plan is a draft until it is released; a tenant keeps the version it was placed by.
var plan = Kind[PlanData]{
	Name: ev.Plan,
	Table: table(nil, "", Gone,
		Row{ev.Created[ev.PlanSpec]{}, []Phase{Unborn}, Draft},
		Row{ev.Updated[ev.PlanSpec]{}, []Phase{Draft, Released}, Stay},
		Row{ev.Released{}, []Phase{Draft}, Released},
	),
	SteadyPhases: []Phase{Draft, Released},
	FinalPhase:   Gone,
	Users: func(e Entity[PlanData], refs *Refs) []ev.Ref {
		return refs.users(e.Ref, func(u Entity[Data]) bool { return ready(ev.Plan, u.Data.(TenantData).Spec.Plan).Ref == e.Ref }, ev.Tenant)
	},
	CreateEvents: func(c ev.Create, uid string) []ev.Event {
		spec := c.Spec.(ev.PlanSpec)
		return release(spec, ev.Created[ev.PlanSpec]{UID: uid, Labels: c.Labels, Spec: spec})
	},
	UpdateEvents: respecPlan,
	Evolve:       evolvePlan,
	Owed:         func(Entity[PlanData]) ev.Effect { return nil },
	Conditions: func(e Entity[PlanData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Released)}
	},
}

// release adds the release to what happened, unless the plan is still a draft.
func release(spec ev.PlanSpec, happened ...ev.Event) []ev.Event {
	if spec.Draft {
		return happened
	}
	return append(happened, ev.Released{})
}

func respecPlan(e Entity[PlanData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	now := s.(ev.PlanSpec)
	if e.Phase() == Draft {
		return release(now, ev.Updated[ev.PlanSpec]{Spec: now}), nil
	}
	if now.Draft {
		return nil, []ev.FieldError{{Field: "spec.draft", Message: "a released plan can't become a draft again: write a new plan"}}
	}
	return []ev.Event{ev.Updated[ev.PlanSpec]{Spec: now}}, nil
}

func evolvePlan(d PlanData, happened ev.Event) PlanData {
	switch e := happened.(type) {
	case ev.Created[ev.PlanSpec]:
		d.Spec = e.Spec
	case ev.Updated[ev.PlanSpec]:
		d.Spec = e.Spec
	}
	return d
}
