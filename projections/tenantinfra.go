package projections

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TenantInfraObserved is what the cloud says of a tenant infra.
type TenantInfraObserved struct {
	Pools []events.PoolStatus `json:"pools" required:"true" nullable:"false" doc:"Its node pools as last seen"`
}

var tenantInfraColumn = column{
	kind:    events.TenantInfra,
	observe: observeTenantInfra,
	dataplane: func(e entity) string {
		return events.Ref{Kind: events.Dataplane, Owner: e.Ref.Owner, ID: e.Ref.Parent()}.Path()
	},
	routes: routesOf[events.TenantInfraSpec, *TenantInfraObserved](events.TenantInfra),
}

func observeTenantInfra(e entity) any {
	if pools := e.Data.(fsm.TenantInfraData).Pools; len(pools) > 0 {
		return &TenantInfraObserved{pools}
	}
	return nil
}
