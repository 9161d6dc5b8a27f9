package projections

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// ApplicationObserved is what is deployed of an application.
type ApplicationObserved struct {
	Objects []string `json:"objects" required:"true" nullable:"false" doc:"Its objects in the cluster"`
}

// An application stands where its tenant stands, and is on its plan.
var applicationColumn = column{
	kind:      events.Application,
	observe:   observeApplication,
	dataplane: func(w *fsm.World, e entity) string { return dataplaneOfTenant(w, tenantOf(w, e)) },
	plan:      func(w *fsm.World, e entity) string { return planOfTenant(w, tenantOf(w, e)) },
	routes:    routesOf[events.ApplicationSpec, *ApplicationObserved](events.Application),
}

func tenantOf(w *fsm.World, e entity) entity {
	t, _ := w.Get(events.Ref{Kind: events.Tenant, Owner: e.Ref.Owner, ID: e.Ref.Parent()})
	return t
}

func observeApplication(e entity) any {
	if objects := e.Data.(fsm.ApplicationData).Objects; len(objects) > 0 {
		return &ApplicationObserved{objects}
	}
	return nil
}
