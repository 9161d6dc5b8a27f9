package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func TestTenantInfraLives(t *testing.T) {
	const pg = "tenantinfra -/eu_pg"
	const body = `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m4"}]}}`
	const wide = `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m4","max":9}]}}`
	home := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt())
	provisioning := fsmtest.History(home, fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}))
	widened := fsmtest.InfraSpec
	widened.Pools = []ev.Pool{{Name: "a", Machine: "m4", Max: 9, Priority: "on-demand"}}
	updating := fsmtest.History(home, fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: widened}))
	other := fsmtest.InfraSpec
	other.Pools = []ev.Pool{{Name: "a", Machine: "m8", Max: 3, Priority: "on-demand"}}
	planned := ev.PoolsPlanned{Retiring: []ev.NodePool{{Name: "a", Machine: "m4", Max: 3}}, Generations: []ev.PoolGeneration{{Name: "a", Now: 1, Last: 1}}}
	replacing := fsmtest.History(home, fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: other}, planned))
	retiring := fsmtest.History(replacing, fsmtest.Is(pg, ev.RetiringStarted{}))
	creating := ev.PoolsObserved{Pools: []ev.PoolStatus{{Name: "a", State: "creating"}}}
	live(t, []life{
		{name: "requested on a dataplane", given: home, when: create(pg, body), then: []string{pg + " requested"}, phase: fsm.Requested},
		{name: "requested on a dataplane that is being built", given: fsmtest.DataplaneIs("-/eu", fsmtest.AsIs), when: create(pg, body), then: []string{pg + " requested"},
			why: "dependency: waits for dataplane -/eu, which is Requested"},
		{name: "no such dataplane", given: home, when: create("tenantinfra -/ue_pg", body), not: `invalid…name: there is no dataplane -/ue; did you mean "eu"?`},
		{name: "asked twice is there once", given: fsmtest.History(home, fsmtest.InfraBuilt()), when: create(pg, body)},
		{name: "the dataplane is ready", given: fsmtest.History(home, fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs)), when: settle(pg), then: []string{pg + " provisioning_started"}, phase: fsm.Provisioning},
		{name: "pools are seen in creation", given: provisioning, when: done(pg, creating), then: []string{pg + " pools_observed"}, phase: fsm.Provisioning},
		{name: "pools seen twice the same are no news", given: fsmtest.History(provisioning, fsmtest.Is(pg, creating)), when: done(pg, creating), phase: fsm.Provisioning},
		{name: "all pools are active", given: provisioning, when: done(pg, fsmtest.PoolsUp), then: []string{pg + " pools_observed", pg + " activated"}, phase: fsm.Active, why: "-"},
		{name: "a wider pool", given: fsmtest.History(home, fsmtest.InfraBuilt()), when: update(pg, wide), then: []string{pg + " update_requested"}, phase: fsm.Updating},
		{name: "the wider pool is there", given: updating, when: done(pg, fsmtest.PoolsUp), then: []string{pg + " update_done"}, phase: fsm.Active},
		{name: "a late look at the narrower pool", given: updating, when: late(pg, provisioning, fsmtest.PoolsUp), phase: fsm.Updating},
		{name: "another machine is a pool beside it", given: fsmtest.History(home, fsmtest.InfraBuilt()), when: update(pg, `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m8"}]}}`),
			then: []string{pg + " update_requested", pg + " pools_planned"}, phase: fsm.Updating},
		{name: "a pool is dropped", given: fsmtest.History(home, fsmtest.InfraBuilt()), when: update(pg, `{"spec":{"app":"pg","size":"small","pools":[{"name":"b","machine":"m8"}]}}`),
			then: []string{pg + " update_requested", pg + " pools_planned"}, phase: fsm.Updating},
		{name: "what is wanted is there, then the old pool is emptied", given: replacing, when: done(pg, fsmtest.PoolsUp), then: []string{pg + " retiring_started"}, phase: fsm.Retiring},
		{name: "somebody holds it", given: retiring, when: failed(pg, ev.Dependency), then: []string{pg + " attempt_failed"}, phase: fsm.Retiring, why: "dependency"},
		{name: "it is never given up", given: fsmtest.History(retiring, fsmtest.Is(pg, tried(40))), when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed"}, phase: fsm.Retiring},
		{name: "it takes as long as it takes", given: retiring, when: expired(pg), phase: fsm.Retiring},
		{name: "the old pool is gone", given: retiring, when: done(pg, ev.PoolsRetired{}), then: []string{pg + " pools_retired"}, phase: fsm.Active, why: "-"},
		{name: "the old pool is wanted again", given: retiring, when: update(pg, body), then: []string{pg + " update_requested", pg + " pools_planned"}, phase: fsm.Updating},
		{name: "its tenants still have their machines", given: fsmtest.History(retiring, fsmtest.CustomerIs("acme"), fsmtest.PlanReady(), fsmtest.TenantIs("acme/prod", ev.PlacingStarted{})), when: settle("tenant acme/prod"),
			then: []string{"tenant acme/prod placed", "tenant acme/prod provisioning_started"}, phase: fsm.Provisioning},
		{name: "before it is begun the pools are free", given: fsmtest.History(home, fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs)), when: update(pg, `{"spec":{"app":"pg","size":"small","pools":[{"name":"b","machine":"m8"}]}}`),
			then: []string{pg + " update_requested"}, phase: fsm.Requested},
		{name: "another size is another infra", given: fsmtest.History(home, fsmtest.InfraBuilt()), when: update(pg, `{"spec":{"app":"pg","size":"big","pools":[{"name":"a","machine":"m4"}]}}`),
			not: "refused…spec.size: can't be changed"},
		{name: "an attempt fails", given: provisioning, when: failed(pg, ev.InternalReason), then: []string{pg + " attempt_failed"}, phase: fsm.Provisioning},
		{name: "given up", given: fsmtest.History(provisioning, fsmtest.Is(pg, tried(4))), when: failed(pg, ev.InternalReason), then: []string{pg + " attempt_failed", pg + " failed"}, phase: fsm.Failed},
		{name: "too slow", given: provisioning, when: expired(pg), then: []string{pg + " failed"}, phase: fsm.Failed, why: "timeout"},
		{name: "retried", given: fsmtest.History(provisioning, fsmtest.Is(pg, givenUp(ev.Timeout))), when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.Requested},
	})
}

func TestTenantLives(t *testing.T) {
	const prod, free = "tenant acme/prod", `{"spec":{"plan":"free"}}`
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt())
	placing := fsmtest.TenantIs("acme/prod", ev.PlacingStarted{})
	waiting := fsmtest.TenantIs("acme/prod", fsmtest.Starting[:2]...)
	provisioning := fsmtest.History(home, fsmtest.TenantIs("acme/prod", fsmtest.Starting...))
	broken := fsmtest.History(home, fsmtest.TenantIs("acme/prod", append(append([]ev.Event{}, fsmtest.Starting...), givenUp(ev.InternalReason))...))
	live(t, []life{
		{name: "requested", given: home, when: create(prod, free), then: []string{prod + " requested"}, phase: fsm.Requested},
		{name: "no such customer", given: fsmtest.PlanReady(), when: create(prod, free), not: "invalid…owner: there is no customer acme: create it first"},
		{name: "no such plan", given: home, when: create(prod, `{"spec":{"plan":"fre"}}`), not: `invalid…spec.plan: there is no plan -/fre; did you mean "free"?`},
		{name: "all that is missing at once", when: create(prod, free), not: "2 faults…owner: there is no customer acme…spec.plan: there is no plan -/free"},
		{name: "an application type the plan does not have", given: home, when: create(prod, `{"spec":{"plan":"free","app":"mysql"}}`), not: `invalid…spec.app: plan -/free does not offer "mysql"; it offers pg, kafka`},
		{name: "a draft is waited for", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanIs("free", func(s *ev.PlanSpec) { s.Draft = true })), when: create(prod, free), then: []string{prod + " requested"},
			why: "dependency: waits for plan -/free, which is Draft"},
		{name: "nothing has to be waited for", given: fsmtest.History(home, fsmtest.TenantIs("acme/prod")), when: settle(prod),
			then: []string{prod + " placing_started", prod + " placed", prod + " provisioning_started"}, phase: fsm.Provisioning},
		{name: "subscribed, and there is no place", given: fsmtest.History(fsmtest.Platform(), fsmtest.TenantIs("acme/prod")), when: settle(prod), then: []string{prod + " placing_started"}, phase: fsm.Placing},
		{name: "placed", given: fsmtest.History(home, placing), when: settle(prod), then: []string{prod + " placed", prod + " provisioning_started"}, phase: fsm.Provisioning},
		{name: "no place", given: fsmtest.History(fsmtest.Platform(), placing), when: settle(prod), phase: fsm.Placing, why: "capacity_unavailable: no tenant infra fits: plan -/free wants pg of size small"},
		{name: "placed where it is still being built", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanReady(), fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs), placing), when: settle(prod),
			then: []string{prod + " placed"}, phase: fsm.Waiting, why: "dependency: waits for dataplane -/eu, which is Requested"},
		{name: "its dataplane is not ready yet", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs), waiting), when: settle(prod), phase: fsm.Waiting},
		{name: "its tenant infra is not ready yet", given: fsmtest.History(fsmtest.Platform(), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs), waiting), when: settle(prod), phase: fsm.Waiting, why: "waits for tenantinfra -/eu_pg, which is Requested"},
		{name: "its place is ready", given: fsmtest.History(home, waiting), when: settle(prod), then: []string{prod + " provisioning_started"}, phase: fsm.Provisioning},
		{name: "its namespace is there", given: provisioning, when: done(prod, ev.Activated{}), then: []string{prod + " activated"}, phase: fsm.Active, why: "-"},
		{name: "other neighbours are let in", given: fsmtest.History(home, fsmtest.TenantActive()), when: update(prod, `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`),
			then: []string{prod + " update_requested"}, phase: fsm.Provisioning},
		{name: "a late report of the old neighbours", given: fsmtest.History(home, fsmtest.TenantActive(ev.UpdateRequested[ev.TenantSpec]{Spec: ev.TenantSpec{Plan: "-/free", App: "pg", AllowNamespaces: []string{"ops"}}})),
			when: late(prod, provisioning, ev.Activated{}), phase: fsm.Provisioning},
		{name: "another plan is a move", given: fsmtest.History(home, fsmtest.DedicatedPlan(), fsmtest.TenantActive()), when: update(prod, `{"spec":{"plan":"business","app":"pg"}}`), not: "refused…spec.plan: an update does not move the tenant"},
		{name: "before it is placed the plan is free to choose", given: fsmtest.History(home, fsmtest.DedicatedPlan(), placing), when: update(prod, `{"spec":{"plan":"business","app":"pg"}}`),
			then: []string{prod + " update_requested"}, phase: fsm.Placing},
		{name: "an attempt fails", given: provisioning, when: failed(prod, ev.Unreachable), then: []string{prod + " attempt_failed"}, phase: fsm.Provisioning, why: "unreachable"},
		{name: "given up", given: fsmtest.History(provisioning, fsmtest.Is(prod, tried(4))), when: failed(prod, ev.InternalReason), then: []string{prod + " attempt_failed", prod + " failed"}, phase: fsm.Failed},
		{name: "too slow", given: provisioning, when: expired(prod), then: []string{prod + " failed"}, phase: fsm.Failed},
		{name: "retried, its place is kept", given: broken, when: retry(prod), then: []string{prod + " retry_requested"}, phase: fsm.Waiting},
		{name: "waiting has no deadline", given: fsmtest.History(home, waiting), when: expired(prod), phase: fsm.Waiting},
	})
}

func TestApplicationLives(t *testing.T) {
	const pg, body = "application acme/prod_pg", `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`
	const other = `{"spec":{"manifests":[{"kind":"Service"}]}}`
	deployed := []ev.Event{fsmtest.Installing, ev.Deployed{Revision: 1, Objects: []string{"ConfigMap"}}}
	counted := fsmtest.History(fsmtest.TenantHome(), fsmtest.Is(pg, ev.Requested[ev.ApplicationSpec]{UID: "u", Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"replicas": 3.0}}}}))
	upgrading := fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(append(deployed, ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}})...))
	const third = `{"spec":{"manifests":[{"kind":"Secret"}]}}`
	undoing := fsmtest.History(upgrading, fsmtest.Is(pg, ev.RollingBackStarted{To: 1, Reason: fsmtest.Attempt(0, ev.Timeout).Reason}))
	upgraded := fsmtest.History(upgrading, fsmtest.Is(pg, ev.Deployed{Revision: 2}))
	back := func(name string, to int) question { return ask(name, ev.Rollback{To: to}) }
	live(t, []life{
		{name: "requested for a tenant", given: fsmtest.TenantHome(), when: create(pg, body), then: []string{pg + " requested"}, phase: fsm.Pending},
		{name: "no such tenant", given: fsmtest.TenantHome(), when: create("application acme/prd_pg", body), not: `invalid…name: there is no tenant acme/prd; did you mean "prod"?`},
		{name: "numbers are the same however they are written", given: counted, when: create(pg, `{"spec":{"manifests":[{"replicas":3}]}}`)},
		{name: "the tenant is not ready yet", given: fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantIs("acme/prod"), fsmtest.AppIs()), when: settle(pg), phase: fsm.Pending, why: "dependency: waits for tenant acme/prod, which is Requested"},
		{name: "the tenant is ready", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs()), when: settle(pg), then: []string{pg + " installing_started"}, phase: fsm.Installing},
		{name: "installed", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " deployed"}, phase: fsm.Deployed, why: "-"},
		{name: "changed", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(deployed...)), when: update(pg, other), then: []string{pg + " update_requested"}, phase: fsm.Upgrading},
		{name: "upgraded", given: upgrading, when: done(pg, ev.Deployed{Revision: 2}), then: []string{pg + " deployed"}, phase: fsm.Deployed},
		{name: "a late report of the installation", given: upgrading, when: late(pg, fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), ev.Deployed{Revision: 1}), phase: fsm.Upgrading},
		{name: "changed while it is installed", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: update(pg, other), then: []string{pg + " update_requested"}, phase: fsm.Installing},
		{name: "an attempt fails", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: failed(pg, ev.Unreachable), then: []string{pg + " attempt_failed"}, phase: fsm.Installing},
		{name: "a manifest the cluster can't take", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " failed"}, phase: fsm.Failed},
		{name: "a failed one is put right", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing, givenUp(ev.ConfigProblem))), when: update(pg, other), then: []string{pg + " update_requested"}, phase: fsm.Pending},
		{name: "an upgrade that is too slow is undone", given: upgrading, when: expired(pg), then: []string{pg + " rolling_back_started"}, phase: fsm.RollingBack, why: "timeout: ensure_application"},
		{name: "undone, the reason stays", given: undoing, when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " rolled_back"}, phase: fsm.Failed, why: "timeout"},
		{name: "what can't be undone has failed", given: undoing, when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " failed"}, phase: fsm.Failed},
		{name: "something else is wanted while it is undone", given: undoing, when: update(pg, third), then: []string{pg + " update_requested"}, phase: fsm.Upgrading},
		{name: "an installation that is too slow", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: expired(pg), then: []string{pg + " failed"}, phase: fsm.Failed},
		{name: "rolled back", given: upgraded, when: back(pg, 0), then: []string{pg + " rollback_requested"}, phase: fsm.RollingBack},
		{name: "rolled back to a revision", given: upgraded, when: back(pg, 1), then: []string{pg + " rollback_requested"}, phase: fsm.RollingBack},
		{name: "a revision that is not kept", given: upgraded, when: back(pg, 7), not: "invalid…to: revision 7 is not kept"},
		{name: "what is back is deployed", given: fsmtest.History(upgraded, fsmtest.Is(pg, ev.RollbackRequested[ev.ApplicationSpec]{To: 1, Spec: fsmtest.PgSpec})), when: done(pg, ev.Deployed{Revision: 3}), then: []string{pg + " deployed"}, phase: fsm.Deployed},
		{name: "nothing was deployed before", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1})), when: back(pg, 0), not: "refused…nothing else was deployed before"},
		{name: "what is not installed yet can't be rolled back", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: back(pg, 0), not: "refused…only what was deployed"},
		{name: "retried", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing, givenUp(ev.Timeout))), when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.Pending},
	})
}
