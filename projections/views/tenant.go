package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TenantObserved is what is under way of a tenant.
type TenantObserved struct {
	Move *events.MoveState `json:"move" required:"true" doc:"The move that is under way"`
}

var tenantView = kindView{
	kind: events.Tenant,
	observe: func(e entity) any {
		if d := e.Data.(fsm.TenantData); d.Move != nil {
			return &TenantObserved{d.Move}
		}
		return nil
	},
	dataplane: dataplaneOfTenant,
	plan:      planOfTenant,
}

// placementOf is where a tenant was put; nil if it was not, or is no tenant.
func placementOf(e entity) *events.Placement {
	t, _ := e.Data.(fsm.TenantData)
	return t.Placement
}

func dataplaneOfTenant(e entity) string {
	if p := placementOf(e); p != nil {
		return p.Dataplane
	}
	return ""
}

func planOfTenant(e entity) string {
	t, _ := e.Data.(fsm.TenantData)
	plan, _ := events.ParseRef(events.Plan, t.Spec.Plan)
	return plan.Path()
}
