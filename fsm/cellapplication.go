package fsm

import (
	"reflect"

	ev "github.com/aeriehq/aerie/events"
)

// CellApplicationData is what the events of an application of a cell say of it.
type CellApplicationData = ReleaseData[ev.CellApplicationSpec]

// An application of a cell waits for the cell's namespace, and is there for all of its tenants. It is as the cell's plan says.
var cellApplication = installed(ground[ev.CellApplicationSpec]{
	kind: ev.CellApplication,
	on:   func(b Base) Dependency { return b.cell() },
	start: func(e Entity[CellApplicationData], refs *Refs) ev.InstallingStarted {
		c, _ := find[CellData](refs, e.cell().Ref)
		return ev.InstallingStarted{Site: c.Data.Site, Cluster: c.Data.Cluster, Namespace: c.Data.Namespace}
	},
	fits:   fitsCellApplication,
	ensure: func(e ev.EnsureApplication) ev.Effect { return e },
	remove: func(e ev.RemoveApplication) ev.Effect { return e },
})

// cell is the need of an application of a cell that its id names.
func (b Base) cell() Dependency {
	return Dependency{Ref: ev.Ref{Kind: ev.Cell, Owner: b.Ref.Owner, ID: b.Ref.Parent()}, Condition: ConditionPrepared}
}

// fitsCellApplication refuses what is not in the plan of the cell.
func fitsCellApplication(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
	c, ok := find[CellData](refs, Base{Ref: ref}.cell().Ref)
	if !ok {
		return nil // it is refused already
	}
	if c.Data.Spec.Plan == "" {
		return []ev.FieldError{{Field: "name", Message: c.Ref.String() + " has no applications: its tenants have applications of their own"}}
	}
	planned, ok := refs.planOf(c.Data.Spec).Application(ref.Local())
	switch is, _ := s.(ev.CellApplicationSpec); {
	case !ok:
		return []ev.FieldError{{Field: "name", Message: c.Ref.String() + " has the applications of " + planVersion(c.Data.Spec) + ", and none is called " + ref.Local()}}
	case !reflect.DeepEqual(planned.Spec(), is):
		return []ev.FieldError{{Field: "spec", Message: "is what " + planVersion(c.Data.Spec) + " says: change the plan, then upgrade " + c.Ref.String()}}
	}
	return nil
}
