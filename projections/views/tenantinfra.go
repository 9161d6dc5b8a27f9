package views

import (
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TenantInfraObserved is what the cloud says of a tenant infra.
type TenantInfraObserved struct {
	Pools    []events.PoolStatus `json:"pools" required:"true" nullable:"false" doc:"Its node pools as last seen"`
	Retiring []RetiringPool      `json:"retiring,omitempty" nullable:"false" doc:"The old node pools, which are deleted when all wanted pools are there and no pod is on them any more"`
	At       time.Time           `json:"at" required:"true" doc:"When they were last seen to have changed; looks that see the same are not recorded"`
}

// RetiringPool is a node pool that is to go.
type RetiringPool struct {
	Name    string `json:"name" required:"true" doc:"The name it has, or had, in the spec"`
	Machine string `json:"machine" required:"true" doc:"Its machine type"`
}

var tenantInfraView = kindView{
	kind:      events.TenantInfra,
	observe:   observeTenantInfra,
	dataplane: dataplaneInName,
}

func observeTenantInfra(e entity) any {
	d := e.Data.(fsm.TenantInfraData)
	if len(d.Pools) == 0 {
		return nil
	}
	return &TenantInfraObserved{Pools: d.Pools, Retiring: retiring(d.PoolPlan), At: fsm.SeenAt(e)}
}

func retiring(plan fsm.PoolPlan) (all []RetiringPool) {
	for _, p := range plan.Retiring {
		all = append(all, RetiringPool{Name: p.Name, Machine: p.Machine})
	}
	return all
}
