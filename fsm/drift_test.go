package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func noted(name string, found ...ev.Drift) question { return ask(name, ev.NoteDrift{Found: found}) }

func reportsDrift(s *ev.DataplaneSpec) { s.Drift = ev.DriftReport }

func TestDriftIsRepaired(t *testing.T) {
	const eu, pg, prod, app = "dataplane -/eu", "tenantinfra -/eu_pg", "tenant acme/prod", "application acme/prod_pg"
	home := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt())
	lost := fsmtest.History(home, fsmtest.Is(eu, ev.Drifted{Found: fsmtest.Gone(ev.PartCluster)}, ev.RepairStarted{}))
	again := fsmtest.History(lost, fsmtest.Is(eu, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "c"}))
	live(t, []life{
		{name: "nothing has drifted", given: home, when: noted(eu), phase: fsm.Active, why: "-"},
		{name: "a network is gone", given: home, when: noted(eu, fsmtest.Gone(ev.PartNetwork)...), then: []string{eu + " drifted", eu + " repair_started"}, phase: fsm.Updating, why: "in_progress: ensure_network"},
		{name: "a part of it is found as it was", given: lost, when: done(eu, ev.NetworkReady{Network: "net"}), then: []string{eu + " network_ready"}, phase: fsm.Updating, why: "ensure_cluster"},
		{name: "its machines are back", given: again, when: done(eu, ev.SystemPoolReady{Nodes: 1}), then: []string{eu + " system_pool_ready"}, phase: fsm.Updating, why: "upgrade_pools"},
		{name: "all is back", given: fsmtest.History(again, fsmtest.Is(eu, ev.SystemPoolReady{Nodes: 1}, ev.PoolsUpgraded{Version: "1.36"}, fsmtest.AllAddons)), when: done(eu, ev.Activated{}), then: []string{eu + " update_done"}, phase: fsm.Active, why: "-"},
		{name: "what is being repaired is not looked at", given: lost, when: noted(eu, fsmtest.Gone(ev.PartCluster)...), phase: fsm.Updating},
		{name: "a repair that fails leaves what is there", given: lost, when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " degraded"}, phase: fsm.Degraded},
		{name: "another wish waits for its turn", given: fsmtest.History(lost, fsmtest.Is(eu, ev.NetworkReady{Network: "net"}, ev.UpdateRequested[ev.DataplaneSpec]{Spec: fsmtest.EuSpec})), when: settle(eu), phase: fsm.Updating, why: "ensure_cluster"},

		{name: "a pool is gone", given: fsmtest.History(home, fsmtest.InfraBuilt()), when: noted(pg, fsmtest.Gone("pool a")...), then: []string{pg + " drifted", pg + " repair_started"}, phase: fsm.Updating},
		{name: "nothing is looked at on a cluster that is gone", given: fsmtest.History(lost, fsmtest.InfraBuilt()), when: noted(pg, fsmtest.Gone("pool a")...), phase: fsm.Active},
		{name: "a namespace is gone", given: fsmtest.TenantHome(), when: noted(prod, fsmtest.Gone("Namespace acme--prod")...), then: []string{prod + " drifted", prod + " repair_started"}, phase: fsm.Provisioning},
		{name: "an object is gone", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1})), when: noted(app, fsmtest.Gone("ConfigMap x")...), then: []string{app + " drifted", app + " repair_started"}, phase: fsm.Upgrading},
		{name: "what is installed is not looked at", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing)), when: noted(app, fsmtest.Gone("ConfigMap x")...), phase: fsm.Installing},
		{name: "a customer has nothing to look at", given: fsmtest.CustomerIs("acme"), when: noted("customer acme", fsmtest.Gone("x")...)},
	})
}

func TestDriftIsReported(t *testing.T) {
	const eu, app = "dataplane -/eu", "application acme/prod_pg"
	home := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", reportsDrift, fsmtest.Built()...))
	pool := fsmtest.Gone(ev.PartSystemPool)
	drifted := fsmtest.History(home, fsmtest.Is(eu, ev.Drifted{Found: pool}))
	repairs := fsmtest.EuSpec
	live(t, []life{
		{name: "told once", given: home, when: noted(eu, pool...), then: []string{eu + " drifted"}, phase: fsm.Active, why: "drifted: by somebody else, system pool was deleted"},
		{name: "seen again it is no news", given: drifted, when: noted(eu, pool...), phase: fsm.Active, why: "drifted"},
		{name: "more of it is", given: drifted, when: noted(eu, append(pool, fsmtest.Gone(ev.PartBase)...)...), then: []string{eu + " drifted"}, phase: fsm.Active, why: "base was deleted"},
		{name: "put right by somebody else", given: drifted, when: noted(eu), then: []string{eu + " drift_ended"}, phase: fsm.Active, why: "-"},
		{name: "repaired when somebody asks", given: drifted, when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Updating, why: "ensure_network"},
		{name: "repaired when the policy is another", given: fsmtest.History(drifted, fsmtest.Is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: repairs}, ev.SystemPoolReady{Nodes: 1}, ev.UpdateDone{})), when: noted(eu, fsmtest.Gone(ev.PartBase)...),
			then: []string{eu + " drifted", eu + " repair_started"}, phase: fsm.Updating},
		{name: "a secret with another value is rolled out all the same", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanReady(), home, fsmtest.InfraBuilt(), fsmtest.TenantActive(), fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1})),
			when: noted(app, ev.Drift{What: ev.PartSecrets, How: ev.DriftChanged}), then: []string{app + " drifted", app + " repair_started"}, phase: fsm.Upgrading},
		{name: "it can be deleted", given: drifted, when: ask(eu, ev.Delete{}), then: []string{eu + " deletion_requested", eu + " drained"}, phase: fsm.Deleting},
	})
}

// withoutIt reports that something could not be done because what it stands on is gone.
func withoutIt(name, part string) question {
	return report(name, func(r *ev.Report) {
		r.Outcome, r.Failure = ev.Drifted{Found: fsmtest.Gone(part)}, fsmtest.Attempt(0, ev.Dependency)
	})
}

func TestGoneOnTheWay(t *testing.T) {
	const eu = "dataplane -/eu"
	update := ev.UpdateRequested[ev.DataplaneSpec]{Spec: fsmtest.EuSpec}
	building := func(n int) []fsmtest.Fact {
		return fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:n]...))
	}
	spec := fsmtest.EuSpec
	reportsDrift(&spec)
	reported := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", reportsDrift, fsmtest.Built()...), fsmtest.Is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec}))
	drifted := []string{eu + " drifted"}
	live(t, []life{
		{name: "a network while the cluster is made", given: building(2), when: withoutIt(eu, ev.PartNetwork), then: drifted, phase: fsm.Networking},
		{name: "a cluster while its machines are", given: building(3), when: withoutIt(eu, ev.PartCluster), then: drifted, phase: fsm.Networking},
		{name: "a cluster of an update", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(), fsmtest.Is(eu, update)), when: withoutIt(eu, ev.PartCluster), then: drifted, phase: fsm.Updating},
		{name: "only reported", given: reported, when: withoutIt(eu, ev.PartCluster), then: []string{eu + " attempt_failed"}, phase: fsm.Updating, why: "dependency"},
		{name: "asked for", given: fsmtest.History(reported, fsmtest.Is(eu, ev.RetryRequested{})), when: done(eu, ev.Drifted{Found: fsmtest.Gone(ev.PartNetwork)}), then: drifted, phase: fsm.Updating},
	})
}

// Who lost its cluster or all its machines is not ready, whatever is done about it; who lost its base is.
func TestWhatIsLostIsNotReady(t *testing.T) {
	for part, ready := range map[string]bool{ev.PartNetwork: false, ev.PartCluster: false, ev.PartSystemPool: false, ev.PartBase: true} {
		w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.DataplaneIs("-/eu", reportsDrift, fsmtest.Built()...), fsmtest.Is("dataplane -/eu", ev.Drifted{Found: fsmtest.Gone(part)})))
		e := mustGet(t, w, "dataplane -/eu")
		if e.Holds(fsm.ConditionReady) != ready || e.Holds("InSync") {
			t.Errorf("without its %s: %+v", part, e.Conditions)
		}
	}
}
