package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TenantInfraObserved is what the cloud says of a tenant infra.
type TenantInfraObserved struct {
	Pools []events.PoolStatus `json:"pools" required:"true" nullable:"false" doc:"Its node pools as last seen"`
}

var tenantInfraView = kindView{
	kind:      events.TenantInfra,
	observe:   observeTenantInfra,
	dataplane: dataplaneInName,
}

func observeTenantInfra(e entity) any {
	if pools := e.Data.(fsm.TenantInfraData).Pools; len(pools) > 0 {
		return &TenantInfraObserved{pools}
	}
	return nil
}
