package fsm

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

func TestTenantInfraLives(t *testing.T) {
	const pg = "tenantinfra -/eu_pg"
	const body = `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m4"}]}}`
	const wide = `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m4","max":9}]}}`
	home := history(accountReady(), euBuilt())
	provisioning := history(home, infraIs("-/eu_pg", asIs, ev.ProvisioningStarted{Cluster: "cluster"}))
	widened := infraSpec
	widened.Pools = []ev.Pool{{Name: "a", Machine: "m4", Max: 9, Priority: "on-demand"}}
	updating := history(home, infraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: widened}))
	creating := ev.PoolsObserved{Pools: []ev.PoolStatus{{Name: "a", State: "creating"}}}
	live(t, []life{
		{name: "requested on a dataplane", given: home, when: create(pg, body), then: []string{pg + " requested"}, phase: Requested},
		{name: "requested on a dataplane that is being built", given: dataplaneIs("-/eu", asIs), when: create(pg, body), then: []string{pg + " requested"},
			why: "dependency: waits for dataplane -/eu, which is Requested"},
		{name: "no such dataplane", given: home, when: create("tenantinfra -/ue_pg", body), not: `invalid…name: there is no dataplane -/ue; did you mean "eu"?`},
		{name: "asked twice is there once", given: history(home, infraBuilt()), when: create(pg, body)},
		{name: "the dataplane is ready", given: history(home, infraIs("-/eu_pg", asIs)), when: settle(pg), then: []string{pg + " provisioning_started"}, phase: Provisioning},
		{name: "pools are seen in creation", given: provisioning, when: done(pg, creating), then: []string{pg + " pools_observed"}, phase: Provisioning},
		{name: "pools seen twice the same are no news", given: history(provisioning, is(pg, creating)), when: done(pg, creating), phase: Provisioning},
		{name: "all pools are active", given: provisioning, when: done(pg, poolsUp), then: []string{pg + " pools_observed", pg + " activated"}, phase: Active, why: "-"},
		{name: "a wider pool", given: history(home, infraBuilt()), when: update(pg, wide), then: []string{pg + " update_requested"}, phase: Updating},
		{name: "the wider pool is there", given: updating, when: done(pg, poolsUp), then: []string{pg + " update_done"}, phase: Active},
		{name: "a late look at the narrower pool", given: updating, when: late(pg, provisioning, poolsUp), phase: Updating},
		{name: "another machine takes another pool", given: history(home, infraBuilt()), when: update(pg, `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m8"}]}}`),
			not: "refused…spec.pools[0].machine: can't be changed any more: it is"},
		{name: "a pool can't be dropped", given: history(home, infraBuilt()), when: update(pg, `{"spec":{"app":"pg","size":"small","pools":[{"name":"b","machine":"m8"}]}}`),
			not: "refused…spec.pools: pool a is missing: it stays as long as its tenant infra; list it, with min 0"},
		{name: "before it is begun the pools are free", given: history(home, infraIs("-/eu_pg", asIs)), when: update(pg, `{"spec":{"app":"pg","size":"small","pools":[{"name":"b","machine":"m8"}]}}`),
			then: []string{pg + " update_requested"}, phase: Requested},
		{name: "another size is another infra", given: history(home, infraBuilt()), when: update(pg, `{"spec":{"app":"pg","size":"big","pools":[{"name":"a","machine":"m4"}]}}`),
			not: "refused…spec.size: can't be changed"},
		{name: "an attempt fails", given: provisioning, when: failed(pg, ev.InternalReason), then: []string{pg + " attempt_failed"}, phase: Provisioning},
		{name: "given up", given: history(provisioning, is(pg, tried(4))), when: failed(pg, ev.InternalReason), then: []string{pg + " attempt_failed", pg + " failed"}, phase: Failed},
		{name: "too slow", given: provisioning, when: expired(pg), then: []string{pg + " failed"}, phase: Failed, why: "timeout"},
		{name: "retried", given: history(provisioning, is(pg, givenUp(ev.Timeout))), when: retry(pg), then: []string{pg + " retry_requested"}, phase: Requested},
	})
}

func TestTenantLives(t *testing.T) {
	const prod, free = "tenant acme/prod", `{"spec":{"plan":"free"}}`
	home := history(platform(), infraBuilt())
	placing := tenantIs("acme/prod", ev.PlacingStarted{})
	waiting := tenantIs("acme/prod", starting[:2]...)
	provisioning := history(home, tenantIs("acme/prod", starting...))
	broken := history(home, tenantIs("acme/prod", append(append([]ev.Event{}, starting...), givenUp(ev.InternalReason))...))
	live(t, []life{
		{name: "requested", given: home, when: create(prod, free), then: []string{prod + " requested"}, phase: Requested},
		{name: "no such customer", given: planReady(), when: create(prod, free), not: "invalid…owner: there is no customer acme: create it first"},
		{name: "no such plan", given: home, when: create(prod, `{"spec":{"plan":"fre"}}`), not: `invalid…spec.plan: there is no plan -/fre; did you mean "free"?`},
		{name: "all that is missing at once", when: create(prod, free), not: "2 faults…owner: there is no customer acme…spec.plan: there is no plan -/free"},
		{name: "an application type the plan does not have", given: home, when: create(prod, `{"spec":{"plan":"free","app":"mysql"}}`), not: `invalid…spec.app: plan -/free does not offer "mysql"; it offers pg, kafka`},
		{name: "a draft is waited for", given: history(customerIs("acme"), planIs("free", func(s *ev.PlanSpec) { s.Draft = true })), when: create(prod, free), then: []string{prod + " requested"},
			why: "dependency: waits for plan -/free, which is Draft"},
		{name: "nothing has to be waited for", given: history(home, tenantIs("acme/prod")), when: settle(prod),
			then: []string{prod + " placing_started", prod + " placed", prod + " provisioning_started"}, phase: Provisioning},
		{name: "subscribed, and there is no place", given: history(platform(), tenantIs("acme/prod")), when: settle(prod), then: []string{prod + " placing_started"}, phase: Placing},
		{name: "placed", given: history(home, placing), when: settle(prod), then: []string{prod + " placed", prod + " provisioning_started"}, phase: Provisioning},
		{name: "no place", given: history(platform(), placing), when: settle(prod), phase: Placing, why: "capacity_unavailable: no tenant infra fits: plan -/free wants pg of size small"},
		{name: "placed where it is still being built", given: history(customerIs("acme"), planReady(), accountReady(), dataplaneIs("-/eu", asIs), infraIs("-/eu_pg", asIs), placing), when: settle(prod),
			then: []string{prod + " placed"}, phase: Waiting, why: "dependency: waits for dataplane -/eu, which is Requested"},
		{name: "its dataplane is not ready yet", given: history(customerIs("acme"), accountReady(), dataplaneIs("-/eu", asIs), infraIs("-/eu_pg", asIs), waiting), when: settle(prod), phase: Waiting},
		{name: "its tenant infra is not ready yet", given: history(platform(), infraIs("-/eu_pg", asIs), waiting), when: settle(prod), phase: Waiting, why: "waits for tenantinfra -/eu_pg, which is Requested"},
		{name: "its place is ready", given: history(home, waiting), when: settle(prod), then: []string{prod + " provisioning_started"}, phase: Provisioning},
		{name: "its namespace is there", given: provisioning, when: done(prod, ev.Activated{}), then: []string{prod + " activated"}, phase: Active, why: "-"},
		{name: "other neighbours are let in", given: history(home, tenantActive()), when: update(prod, `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`),
			then: []string{prod + " update_requested"}, phase: Provisioning},
		{name: "a late report of the old neighbours", given: history(home, tenantActive(ev.UpdateRequested[ev.TenantSpec]{Spec: ev.TenantSpec{Plan: "-/free", App: "pg", AllowNamespaces: []string{"ops"}}})),
			when: late(prod, provisioning, ev.Activated{}), phase: Provisioning},
		{name: "another plan is a move", given: history(home, dedicatedPlan(), tenantActive()), when: update(prod, `{"spec":{"plan":"business","app":"pg"}}`), not: "refused…spec.plan: can't be changed"},
		{name: "before it is placed the plan is free to choose", given: history(home, dedicatedPlan(), placing), when: update(prod, `{"spec":{"plan":"business","app":"pg"}}`),
			then: []string{prod + " update_requested"}, phase: Placing},
		{name: "an attempt fails", given: provisioning, when: failed(prod, ev.Unreachable), then: []string{prod + " attempt_failed"}, phase: Provisioning, why: "unreachable"},
		{name: "given up", given: history(provisioning, is(prod, tried(4))), when: failed(prod, ev.InternalReason), then: []string{prod + " attempt_failed", prod + " failed"}, phase: Failed},
		{name: "too slow", given: provisioning, when: expired(prod), then: []string{prod + " failed"}, phase: Failed},
		{name: "retried, its place is kept", given: broken, when: retry(prod), then: []string{prod + " retry_requested"}, phase: Waiting},
		{name: "waiting has no deadline", given: history(home, waiting), when: expired(prod), phase: Waiting},
	})
}

func TestApplicationLives(t *testing.T) {
	const pg, body = "application acme/prod_pg", `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`
	const other = `{"spec":{"manifests":[{"kind":"Service"}]}}`
	deployed := []ev.Event{installing, ev.Deployed{Revision: 1, Objects: []string{"ConfigMap"}}}
	counted := history(tenantHome(), is(pg, ev.Requested[ev.ApplicationSpec]{UID: "u", Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"replicas": 3.0}}}}))
	upgrading := history(tenantHome(), appIs(append(deployed, ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}})...))
	const third = `{"spec":{"manifests":[{"kind":"Secret"}]}}`
	undoing := history(upgrading, is(pg, ev.RollingBackStarted{To: 1, Reason: attempt(0, ev.Timeout).Reason}))
	upgraded := history(upgrading, is(pg, ev.Deployed{Revision: 2}))
	back := func(name string, to int) question { return ask(name, ev.Rollback{To: to}) }
	live(t, []life{
		{name: "requested for a tenant", given: tenantHome(), when: create(pg, body), then: []string{pg + " requested"}, phase: Pending},
		{name: "no such tenant", given: tenantHome(), when: create("application acme/prd_pg", body), not: `invalid…name: there is no tenant acme/prd; did you mean "prod"?`},
		{name: "numbers are the same however they are written", given: counted, when: create(pg, `{"spec":{"manifests":[{"replicas":3}]}}`)},
		{name: "the tenant is not ready yet", given: history(platform(), infraBuilt(), tenantIs("acme/prod"), appIs()), when: settle(pg), phase: Pending, why: "dependency: waits for tenant acme/prod, which is Requested"},
		{name: "the tenant is ready", given: history(tenantHome(), appIs()), when: settle(pg), then: []string{pg + " installing_started"}, phase: Installing},
		{name: "installed", given: history(tenantHome(), appIs(installing)), when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " deployed"}, phase: Deployed, why: "-"},
		{name: "changed", given: history(tenantHome(), appIs(deployed...)), when: update(pg, other), then: []string{pg + " update_requested"}, phase: Upgrading},
		{name: "upgraded", given: upgrading, when: done(pg, ev.Deployed{Revision: 2}), then: []string{pg + " deployed"}, phase: Deployed},
		{name: "a late report of the installation", given: upgrading, when: late(pg, history(tenantHome(), appIs(installing)), ev.Deployed{Revision: 1}), phase: Upgrading},
		{name: "changed while it is installed", given: history(tenantHome(), appIs(installing)), when: update(pg, other), then: []string{pg + " update_requested"}, phase: Installing},
		{name: "an attempt fails", given: history(tenantHome(), appIs(installing)), when: failed(pg, ev.Unreachable), then: []string{pg + " attempt_failed"}, phase: Installing},
		{name: "a manifest the cluster can't take", given: history(tenantHome(), appIs(installing)), when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " failed"}, phase: Failed},
		{name: "a failed one is put right", given: history(tenantHome(), appIs(installing, givenUp(ev.ConfigProblem))), when: update(pg, other), then: []string{pg + " update_requested"}, phase: Pending},
		{name: "an upgrade that is too slow is undone", given: upgrading, when: expired(pg), then: []string{pg + " rolling_back_started"}, phase: RollingBack, why: "timeout: ensure_application"},
		{name: "undone, the reason stays", given: undoing, when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " rolled_back"}, phase: Failed, why: "timeout"},
		{name: "what can't be undone has failed", given: undoing, when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " failed"}, phase: Failed},
		{name: "something else is wanted while it is undone", given: undoing, when: update(pg, third), then: []string{pg + " update_requested"}, phase: Upgrading},
		{name: "an installation that is too slow", given: history(tenantHome(), appIs(installing)), when: expired(pg), then: []string{pg + " failed"}, phase: Failed},
		{name: "rolled back", given: upgraded, when: back(pg, 0), then: []string{pg + " rollback_requested"}, phase: RollingBack},
		{name: "rolled back to a revision", given: upgraded, when: back(pg, 1), then: []string{pg + " rollback_requested"}, phase: RollingBack},
		{name: "a revision that is not kept", given: upgraded, when: back(pg, 7), not: "invalid…to: revision 7 is not kept"},
		{name: "what is back is deployed", given: history(upgraded, is(pg, ev.RollbackRequested[ev.ApplicationSpec]{To: 1, Spec: pgSpec})), when: done(pg, ev.Deployed{Revision: 3}), then: []string{pg + " deployed"}, phase: Deployed},
		{name: "nothing was deployed before", given: history(tenantHome(), appIs(installing, ev.Deployed{Revision: 1})), when: back(pg, 0), not: "refused…nothing else was deployed before"},
		{name: "what is not installed yet can't be rolled back", given: history(tenantHome(), appIs(installing)), when: back(pg, 0), not: "refused…only what was deployed"},
		{name: "retried", given: history(tenantHome(), appIs(installing, givenUp(ev.Timeout))), when: retry(pg), then: []string{pg + " retry_requested"}, phase: Pending},
	})
}
