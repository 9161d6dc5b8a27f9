package fsm

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of a plan.
const (
	Draft    Phase = "Draft"
	Released Phase = "Released"
	Retired  Phase = "Retired"
)

// MostVersions is how many versions of a plan are kept. The oldest go first; who was placed by one of those keeps its terms.
const MostVersions = 500

// PlanData is what a plan's events say of it. Its version is the revision of its spec.
type PlanData struct {
	Spec   ev.PlanSpec
	Before []ev.PlanSpec // the versions before the present one, the oldest first

	Provision ProvisionState
	Upgrade   *CellsUpgrade // nil unless its cells are brought to a version, or could not be
}

// Version is the spec of one version of a plan; false if it is not known, or not any more.
func Version(e Entity[PlanData], n int) (ev.PlanSpec, bool) {
	i := n - FirstVersion(e)
	switch {
	case n == e.Revision:
		return e.Data.Spec, true
	case i < 0 || i >= len(e.Data.Before):
		return ev.PlanSpec{}, false
	}
	return e.Data.Before[i], true
}

// FirstVersion is the oldest version that is kept.
func FirstVersion(e Entity[PlanData]) int { return e.Revision - len(e.Data.Before) }

// Wants returns the spec.
func (d PlanData) Wants() ev.Spec { return d.Spec }

// A plan is a draft until it is released; a tenant keeps the version it was placed by.
var plan = Kind[PlanData]{
	Name: ev.Plan,
	Table: table(nil, "", Gone, upgradeRows(providing(
		Row{ev.Created[ev.PlanSpec]{}, []Phase{Unborn}, Draft},
		Row{ev.Updated[ev.PlanSpec]{}, []Phase{Draft, Released, Retired}, Stay},
		Row{ev.Released{}, []Phase{Draft, Retired}, Released},
		Row{ev.Retired{}, []Phase{Released}, Retired},
	)...)...),
	SteadyPhases: []Phase{Draft, Released, Retired},
	FinalPhase:   Gone,
	Users: func(e Entity[PlanData], refs *Refs) []ev.Ref {
		return refs.users(e.Ref, func(u Entity[Data]) bool { return slices.Contains(UsedBy(u), e.Ref) }, ev.Tenant, ev.Cell)
	},
	CreateEvents: func(c ev.Create, uid string) []ev.Event {
		spec := c.Spec.(ev.PlanSpec)
		return release(spec, ev.Created[ev.PlanSpec]{UID: uid, Labels: c.Labels, Spec: spec})
	},
	UpdateEvents: respecPlan,
	DecideVerb:   commandPlan,
	Evolve:       evolvePlan,
	CheckSpec:    fitsPlan,
	Owed:         owedPlan,
	Advance:      settlePlan,
	Elapsed:      resumePlan,
	Recheck:      recheckPlan,
	Conditions: func(e Entity[PlanData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Released || e.Phase() == Retired)}
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
	if was := e.Data.Spec.Deployment; was != now.Deployment && (was == ev.MultiTenant || now.Deployment == ev.MultiTenant) {
		return nil, []ev.FieldError{{Field: "spec.deployment", Message: fmt.Sprintf("a released plan stays %s: write a new plan", was)}}
	}
	return []ev.Event{ev.Updated[ev.PlanSpec]{Spec: now}}, nil
}

func evolvePlan(d PlanData, happened ev.Event) PlanData {
	d = d.evolveUpgrade(happened)
	d.Provision = d.Provision.evolve(happened)
	switch e := happened.(type) {
	case ev.Created[ev.PlanSpec]:
		d.Spec = e.Spec
	case ev.Updated[ev.PlanSpec]:
		kept := max(0, len(d.Before)+2-MostVersions)
		d.Before = append(slices.Clone(d.Before[kept:]), d.Spec) // the fold shares the list
		d.Spec = e.Spec
	}
	return d
}

// commandPlan decides what is asked of a plan alone.
func commandPlan(e Entity[PlanData], p ev.Payload, refs *Refs) ([]ev.Change, error) {
	switch ask := p.(type) {
	case ev.UpgradeCells:
		return upgradeCells(e, ask, refs)
	case ev.Release:
		return releasePlan(e), nil
	case ev.Retire:
		switch e.Phase() {
		case Retired:
			return nil, nil
		case Draft:
			return nil, ev.Refuse(ev.Refused, "%s is a draft: nobody can be on it yet; delete it, or release it first", e.Ref)
		}
		return changed(e.Base, ev.Retired{}), nil
	}
	return nil, ev.Refuse(ev.Internal, "a plan does not know %T", p)
}

// releasePlan opens a draft, or one that was retired.
func releasePlan(e Entity[PlanData]) []ev.Change {
	switch e.Phase() {
	case Draft:
		spec := e.Data.Spec
		spec.Draft = false
		return changed(e.Base, ev.Updated[ev.PlanSpec]{Spec: spec}, ev.Released{})
	case Retired:
		return changed(e.Base, ev.Released{})
	}
	return nil
}
