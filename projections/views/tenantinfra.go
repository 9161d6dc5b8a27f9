package views

import (
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TenantInfraObserved is what the cloud says of a tenant infra.
type TenantInfraObserved struct {
	Pools    []events.PoolStatus `json:"pools" required:"true" nullable:"false" doc:"Its node pools as last seen"`
	Retiring []RetiringPool      `json:"retiring,omitempty" nullable:"false" doc:"The node pools that are to go when all that is wanted is there and no pod is on them any more"`
	At       time.Time           `json:"at" required:"true" doc:"When they were last seen to be other than before; a look that sees the same is not noted"`
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
	o := TenantInfraObserved{Pools: d.Pools, At: fsm.SeenAt(e)}
	for _, p := range d.PoolPlan.Retiring {
		o.Retiring = append(o.Retiring, RetiringPool{Name: p.Name, Machine: p.Machine})
	}
	return &o
}
