package views

import "github.com/aeriehq/aerie/events"

// PlanObserved is what is known of a plan beside its spec.
type PlanObserved struct {
	Version int `json:"version" required:"true" doc:"The version of its terms: tenants keep the one they were placed by"`
}

var planView = kindView{
	kind:    events.Plan,
	observe: func(e entity) any { return &PlanObserved{e.Revision} },
}
