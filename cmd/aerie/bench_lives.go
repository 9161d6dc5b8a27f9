package main

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
)

// writers is how many tenants' lives are written at once.
const writers = 512

// fill writes a log of n events: tenants' ways to Active, many at once, and
// customers for what is over.
func (l *bareLog) fill(ctx context.Context, n int, m *meter) error {
	lives := n / len(way(0))
	_, err := abreastOf(ctx, min(writers, max(lives, 1)), lives, func(ctx context.Context, _, i int) (err error) {
		ref := events.Ref{Kind: events.Tenant, Owner: fmt.Sprintf("c%d", i%1000), ID: fmt.Sprintf("t%d", i)}
		last := uint64(0)
		for _, e := range way(i) {
			if last, err = appendTo(ctx, l.log, ref, last, e); err != nil {
				return err
			}
			m.add(1)
		}
		return nil
	})
	for i := lives * len(way(0)); i < n && err == nil; i++ {
		id := fmt.Sprintf("over%d", i)
		_, err = appendTo(ctx, l.log, events.Ref{Kind: events.Customer, Owner: id, ID: id}, 0, events.Created[events.CustomerSpec]{UID: ulid.Make().String()})
	}
	return err
}

// way is what happens to a tenant until it is Active, as large as it is in life.
func way(i int) []events.Event {
	site := events.Site{Account: events.CloudAccount{Cloud: "sim", Number: "bench"}, Region: "eu-central", Dataplane: "-/eu",
		Owner: "-/dataplane/eu/01KB0000000000000000000000"}
	return []events.Event{
		events.Requested[events.TenantSpec]{UID: ulid.Make().String(), Spec: events.TenantSpec{Plan: "free", App: "postgres"}},
		events.PlacingStarted{},
		events.Placed{Placement: events.Placement{
			Dataplane: "-/eu", TenantInfra: "-/eu_pg-small", Namespace: fmt.Sprintf("c%d--t%d", i%1000, i), Plan: "-/free", PlanVersion: 1, Size: "small",
			Quota:  events.PlanQuota{CPU: "2", Memory: "4Gi", Storage: "20Gi", Pods: 20},
			Limits: events.PlanLimit{CPU: "500m", Memory: "512Mi"}, Isolation: true,
			Why: fmt.Sprintf("wants postgres of size small on a shared dataplane in an account of hosting provider; 1 fit; by rule spread: tenantinfra -/eu_pg-small, with %d tenants before this one", i)}},
		events.TenantProvisioningStarted{Site: site, Cluster: "aerie-eu"},
		events.Activated{Calls: []events.Call{{API: "EnsureTenant", At: time.Now().UTC(), TookMS: 1, Code: "ok"}}},
	}
}
