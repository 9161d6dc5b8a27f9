package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// RepositoryData is what a repository's events say of it.
type RepositoryData struct{ Spec ev.RepositorySpec }

// Wants returns the spec.
func (d RepositoryData) Wants() ev.Spec { return d.Spec }

// A repository is what it is from the first moment. Who installs a chart reads it each time, so the world owes it nothing.
var repository = Kind[RepositoryData]{
	Name: ev.Repository,
	Table: table(nil, "", Removed,
		Row{ev.Created[ev.RepositorySpec]{}, []Phase{Unborn}, Active},
		Row{ev.Updated[ev.RepositorySpec]{}, []Phase{Active}, Stay},
	),
	SteadyPhases: []Phase{Active},
	FinalPhase:   Removed,
	CreateEvents: created[ev.RepositorySpec],
	UpdateEvents: func(_ Entity[RepositoryData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
		return []ev.Event{ev.Updated[ev.RepositorySpec]{Spec: s.(ev.RepositorySpec)}}, nil
	},
	Evolve: func(d RepositoryData, happened ev.Event) RepositoryData {
		switch e := happened.(type) {
		case ev.Created[ev.RepositorySpec]:
			d.Spec = e.Spec
		case ev.Updated[ev.RepositorySpec]:
			d.Spec = e.Spec
		}
		return d
	},
	Owed: func(Entity[RepositoryData]) ev.Effect { return nil },
	Conditions: func(e Entity[RepositoryData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Active)}
	},
}

// LoginOf is the repository of an owner that a chart's credentials name; false if there is none.
func LoginOf(get func(ev.Ref) (Entity[Data], bool), owner, credentials string) (ev.RepositorySpec, bool) {
	e, born := get(ev.LoginRef(owner, credentials))
	if d, is := e.Data.(RepositoryData); is && born && !Machines[ev.Repository].Ended(e.Phase()) {
		return d.Spec, true
	}
	return ev.RepositorySpec{}, false
}

// fitsLogins refuses charts of a plan's applications whose credentials are for another repository, where they are installed in
// cells of an owner. A field names the place of each.
func fitsLogins(owner, field string, all []ev.PlanApplication, refs *Refs) (faults []ev.FieldError) {
	for i, a := range all {
		for _, f := range fitsLogin(ev.Ref{Owner: owner}, a.Chart, refs) {
			f.Field = fmt.Sprintf(field, i)
			faults = append(faults, f)
		}
	}
	return faults
}

// fitsLogin refuses a chart whose credentials are for another repository than it is from.
func fitsLogin(ref ev.Ref, c ev.Chart, refs *Refs) []ev.FieldError {
	if c.Credentials == "" {
		return nil
	}
	login, known := LoginOf(refs.Get, ref.Owner, c.Credentials)
	if !known || login.Serves(c.Repository) {
		return nil
	}
	return []ev.FieldError{{Field: "spec.chart.credentials", Message: fmt.Sprintf("%s is the login for %s, and the chart is from %s", ev.LoginRef(ref.Owner, c.Credentials), login.URL, ev.Truncate(c.Repository))}}
}
