package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// InstalledObserved is what is deployed of an application or an addon.
type InstalledObserved struct {
	Objects []string `json:"objects" required:"true" nullable:"false" doc:"Its objects in the cluster"`
}

// An application stands where its tenant stands, and is on its plan.
var applicationView = kindView{
	kind:      events.Application,
	observe:   observeApplication,
	within:    events.Tenant,
	dataplane: dataplaneOfTenant,
	plan:      planOfTenant,
}

func observeApplication(e entity) any { return installedOf(e.Data.(fsm.ApplicationData).Objects) }

func installedOf(objects []string) any {
	if len(objects) == 0 {
		return nil
	}
	return &InstalledObserved{objects}
}
