package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
)

// sideBySide is how many tenants are on their way at once in a log that is made to be folded.
const sideBySide = 200

// fill writes a log of n events, the ways of tenants to Active.
func (l *bareLog) fill(ctx context.Context, n int, m *meter) error {
	for at := 0; at < n; at += fullBatch {
		batch := l.log.Batch(uint64(at))
		for k := at; k < min(at+fullBatch, n); k++ {
			if _, err := batch.Add(decided(changeAt(k))); err != nil {
				return err
			}
		}
		if _, err := batch.Append(ctx); err != nil {
			return err
		}
		m.add(batch.Len())
	}
	return nil
}

// changeAt is what happens at a place of the log, from 0: some tenants make their
// first step, then the same ones their second; after the last step come others.
func changeAt(k int) events.Change {
	steps := len(way(0))
	block, within := k/(steps*sideBySide), k%(steps*sideBySide)
	step, tenant := within/sideBySide, block*sideBySide+within%sideBySide
	c := events.Change{Ref: events.Ref{Kind: events.Tenant, Owner: fmt.Sprintf("c%d", tenant%1000), ID: fmt.Sprintf("t%d", tenant)},
		Events: []events.Event{way(tenant)[step]}}
	if step > 0 {
		c.After = uint64(k - sideBySide + 1)
	}
	return c
}

// way is what happens to a tenant until it is Active, as large as it is in life.
func way(i int) []events.Event {
	site := events.Target{Account: events.CloudAccount{Cloud: "sim", Number: "bench"}, Region: "eu-central", Dataplane: "-/eu",
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
