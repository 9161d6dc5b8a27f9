package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// InstalledObserved is what is deployed of an application or an addon.
type InstalledObserved struct {
	Objects []string `json:"objects" required:"true" nullable:"false" doc:"Its objects in the cluster"`

	Endpoints []events.EndpointAddress `json:"endpoints,omitempty" nullable:"false" doc:"Where an application is reached that names endpoints; while its tenant moves they change when it is in its new place"`
}

// An application stands where its tenant stands, and is on its plan.
var applicationView = kindView{
	kind:      events.Application,
	observe:   observeApplication,
	within:    events.Tenant,
	dataplane: dataplaneOfTenant,
	plan:      planOfTenant,
}

func observeApplication(e entity) any {
	d := e.Data.(fsm.ApplicationData)
	return installedOf(d.Objects, d.Endpoints)
}

func installedOf(objects []string, endpoints []events.EndpointAddress) any {
	if len(objects) == 0 {
		return nil
	}
	return &InstalledObserved{objects, endpoints}
}
