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
	within:    events.Tenant,
	dataplane: dataplaneOfTenant,
	plan:      planOfTenant,
	routes:    routesOf[events.ApplicationSpec, *ApplicationObserved](events.Application),
}

func observeApplication(e entity) any {
	if objects := e.Data.(fsm.ApplicationData).Objects; len(objects) > 0 {
		return &ApplicationObserved{objects}
	}
	return nil
}
