package views

import (
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TenantInfraObserved is what the cloud says of a tenant infra.
type TenantInfraObserved struct {
	Pools []events.PoolStatus `json:"pools" required:"true" nullable:"false" doc:"Its node pools as last seen"`
	At    time.Time           `json:"at" required:"true" doc:"When they were last seen to be other than before; a look that sees the same is not noted"`
}

var tenantInfraView = kindView{
	kind:      events.TenantInfra,
	observe:   observeTenantInfra,
	dataplane: dataplaneInName,
}

func observeTenantInfra(e entity) any {
	if pools := e.Data.(fsm.TenantInfraData).Pools; len(pools) > 0 {
		return &TenantInfraObserved{pools, fsm.SeenAt(e)}
	}
	return nil
}
