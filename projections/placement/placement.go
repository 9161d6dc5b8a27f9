// Package placement says where a tenant would be put now, and why nowhere else.
//
// It changes nothing and decides nothing: it asks fsm, as the decision itself does, and then looks at every tenant infra,
// which the decision never does. Begin with Where. It may be asked from any goroutine; the fold waits for a few hundred
// infras at a time. Nothing is kept.
package placement

import (
	"cmp"
	"context"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Query asks where a tenant would be put now.
type Query struct {
	Owner  string `path:"owner" maxLength:"100" doc:"The customer"`
	ID     string `path:"id" maxLength:"100" doc:"The tenant, which need not be there"`
	Plan   string `query:"plan" maxLength:"200" doc:"The plan; empty: the tenant's own"`
	App    string `query:"app" maxLength:"100" doc:"The application type; empty: the tenant's own, or the plan's first"`
	Region string `query:"region" maxLength:"100" doc:"The region; empty: the tenant's own, or any"`
	Near   string `query:"near" maxLength:"100" doc:"The region to be near to; empty: the tenant's own"`
}

// WouldBe is where a tenant would be put now, and why nowhere else.
type WouldBe struct {
	Seq       uint64            `json:"seq" required:"true" doc:"The last sequence of the log that is included"`
	Placement *events.Placement `json:"placement,omitempty" doc:"Where it would be; absent: nowhere"`
	Reason    *fsm.Blocker      `json:"reason,omitempty" doc:"Why nowhere"`
	Fit       int               `json:"fit" required:"true" doc:"How many tenant infras fit"`
	Rejected  []Rejected        `json:"rejected" required:"true" doc:"Why the others do not, and how many each reason keeps out"`
	Nearest   []NearMiss        `json:"nearest" required:"true" doc:"Those of the others that come nearest, at most five"`
}

// surveyed is how many tenant infras are looked at while the fold has to wait.
const surveyed = 500

// Where says where a tenant would be put now.
func Where(ctx context.Context, fold *state.Live, q *Query) (would WouldBe, err error) {
	ref := events.Ref{Kind: events.Tenant, Owner: q.Owner, ID: q.ID}
	if faults := ref.Check(); len(faults) > 0 {
		return would, events.RefuseFaults("tenant", faults)
	}
	var spec events.TenantSpec
	var wish fsm.Wish
	var infras []events.Ref
	fold.View(func(w *state.Entities) {
		spec = specFor(w, ref, q)
		if spec.Plan == "" {
			err = events.RefuseFaults(ref.String(), []events.FieldError{{Field: "plan", Message: "is missing: there is no such tenant, so it has no plan of its own"}})
			return
		}
		would.Seq = w.Seq
		would.Placement, would.Reason, err = fsm.PlaceFor(ref, spec, w.Refs())
		if err == nil {
			wish = fsm.WishOf(ref, spec, w.Get)
		}
		w.Each(events.TenantInfra, func(e fsm.Entity[fsm.Data]) { infras = append(infras, e.Ref) })
	})
	if err != nil {
		return would, err
	}
	var s survey
	for len(infras) > 0 && ctx.Err() == nil {
		some := infras[:min(len(infras), surveyed)]
		infras = infras[len(some):]
		fold.View(func(w *state.Entities) {
			for _, infra := range some {
				if e, _ := w.Get(infra); !fsm.Ended(e) {
					s.add(infra, wish.Misses(e, w.Get, w.CellsOn(infra)))
				}
			}
		})
	}
	would.Fit, would.Rejected, would.Nearest = s.fit, s.reasons(), s.near()
	return would, ctx.Err()
}

// specFor is the spec of the tenant as it is, with what the query asks for instead.
func specFor(w *state.Entities, ref events.Ref, q *Query) (spec events.TenantSpec) {
	if e, _ := w.Get(ref); !fsm.Ended(e) {
		spec, _ = e.Data.Wants().(events.TenantSpec)
	}
	if q.Plan != "" && q.Plan != spec.Plan {
		spec.Plan, spec.App = q.Plan, ""
	}
	spec.App, spec.Region, spec.Near = cmp.Or(q.App, spec.App), cmp.Or(q.Region, spec.Region), cmp.Or(q.Near, spec.Near)
	return spec
}
