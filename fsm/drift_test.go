package fsm

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

func gone(what string) []ev.Drift { return []ev.Drift{{What: what, How: ev.DriftDeleted}} }

func noted(name string, found ...ev.Drift) question { return ask(name, ev.NoteDrift{Found: found}) }

func reportsDrift(s *ev.DataplaneSpec) { s.Drift = ev.DriftReport }

func TestDriftIsRepaired(t *testing.T) {
	const eu, pg, prod, app = "dataplane -/eu", "tenantinfra -/eu_pg", "tenant acme/prod", "application acme/prod_pg"
	home := history(accountReady(), euBuilt())
	lost := history(home, is(eu, ev.Drifted{Found: gone(ev.PartCluster)}, ev.RepairStarted{}))
	again := history(lost, is(eu, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "c"}))
	live(t, []life{
		{name: "nothing has drifted", given: home, when: noted(eu), phase: Active, why: "-"},
		{name: "a network is gone", given: home, when: noted(eu, gone(ev.PartNetwork)...), then: []string{eu + " drifted", eu + " repair_started"}, phase: Updating, why: "in_progress: ensure_network"},
		{name: "a part of it is found as it was", given: lost, when: done(eu, ev.NetworkReady{Network: "net"}), then: []string{eu + " network_ready"}, phase: Updating, why: "ensure_cluster"},
		{name: "its machines are back", given: again, when: done(eu, ev.SystemPoolReady{Nodes: 1}), then: []string{eu + " system_pool_ready"}, phase: Updating, why: "upgrade_pools"},
		{name: "all is back", given: history(again, is(eu, ev.SystemPoolReady{Nodes: 1}, ev.PoolsUpgraded{Version: "1.36"}, allAddons)), when: done(eu, ev.Activated{}), then: []string{eu + " update_done"}, phase: Active, why: "-"},
		{name: "what is being repaired is not looked at", given: lost, when: noted(eu, gone(ev.PartCluster)...), phase: Updating},
		{name: "a repair that fails leaves what is there", given: lost, when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " degraded"}, phase: Degraded},
		{name: "another wish waits for its turn", given: history(lost, is(eu, ev.NetworkReady{Network: "net"}, ev.UpdateRequested[ev.DataplaneSpec]{Spec: euSpec})), when: settle(eu), phase: Updating, why: "ensure_cluster"},

		{name: "a pool is gone", given: history(home, infraBuilt()), when: noted(pg, gone("pool a")...), then: []string{pg + " drifted", pg + " repair_started"}, phase: Updating},
		{name: "nothing is looked at on a cluster that is gone", given: history(lost, infraBuilt()), when: noted(pg, gone("pool a")...), phase: Active},
		{name: "a namespace is gone", given: tenantHome(), when: noted(prod, gone("Namespace acme--prod")...), then: []string{prod + " drifted", prod + " repair_started"}, phase: Provisioning},
		{name: "an object is gone", given: history(tenantHome(), appIs(installing, ev.Deployed{Revision: 1})), when: noted(app, gone("ConfigMap x")...), then: []string{app + " drifted", app + " repair_started"}, phase: Upgrading},
		{name: "what is installed is not looked at", given: history(tenantHome(), appIs(installing)), when: noted(app, gone("ConfigMap x")...), phase: Installing},
		{name: "a customer has nothing to look at", given: customerIs("acme"), when: noted("customer acme", gone("x")...)},
	})
}

func TestDriftIsReported(t *testing.T) {
	const eu = "dataplane -/eu"
	home := history(accountReady(), dataplaneIs("-/eu", reportsDrift, built()...))
	pool := gone(ev.PartSystemPool)
	drifted := history(home, is(eu, ev.Drifted{Found: pool}))
	repairs := euSpec
	live(t, []life{
		{name: "told once", given: home, when: noted(eu, pool...), then: []string{eu + " drifted"}, phase: Active, why: "drifted: by somebody else, system pool was deleted"},
		{name: "seen again it is no news", given: drifted, when: noted(eu, pool...), phase: Active, why: "drifted"},
		{name: "more of it is", given: drifted, when: noted(eu, append(pool, gone(ev.PartBase)...)...), then: []string{eu + " drifted"}, phase: Active, why: "base was deleted"},
		{name: "put right by somebody else", given: drifted, when: noted(eu), then: []string{eu + " drift_ended"}, phase: Active, why: "-"},
		{name: "repaired when somebody asks", given: drifted, when: retry(eu), then: []string{eu + " retry_requested"}, phase: Updating, why: "ensure_network"},
		{name: "repaired when the policy is another", given: history(drifted, is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: repairs}, ev.SystemPoolReady{Nodes: 1}, ev.UpdateDone{})), when: noted(eu, gone(ev.PartBase)...),
			then: []string{eu + " drifted", eu + " repair_started"}, phase: Updating},
		{name: "it can be deleted", given: drifted, when: ask(eu, ev.Delete{}), then: []string{eu + " deletion_requested", eu + " drained"}, phase: Deleting},
	})
}

// withoutIt reports that something could not be done because what it stands on is gone.
func withoutIt(name, part string) question {
	return report(name, func(r *ev.Report) {
		r.Outcome, r.Failure = ev.Drifted{Found: gone(part)}, attempt(0, ev.Dependency)
	})
}

func TestGoneOnTheWay(t *testing.T) {
	const eu = "dataplane -/eu"
	update := ev.UpdateRequested[ev.DataplaneSpec]{Spec: euSpec}
	building := func(n int) []fact { return history(accountReady(), dataplaneIs("-/eu", asIs, built()[:n]...)) }
	spec := euSpec
	reportsDrift(&spec)
	reported := history(accountReady(), dataplaneIs("-/eu", reportsDrift, built()...), is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec}))
	drifted := []string{eu + " drifted"}
	live(t, []life{
		{name: "a network while the cluster is made", given: building(2), when: withoutIt(eu, ev.PartNetwork), then: drifted, phase: Networking},
		{name: "a cluster while its machines are", given: building(3), when: withoutIt(eu, ev.PartCluster), then: drifted, phase: Networking},
		{name: "a cluster of an update", given: history(accountReady(), euBuilt(), is(eu, update)), when: withoutIt(eu, ev.PartCluster), then: drifted, phase: Updating},
		{name: "only reported", given: reported, when: withoutIt(eu, ev.PartCluster), then: []string{eu + " attempt_failed"}, phase: Updating, why: "dependency"},
		{name: "asked for", given: history(reported, is(eu, ev.RetryRequested{})), when: done(eu, ev.Drifted{Found: gone(ev.PartNetwork)}), then: drifted, phase: Updating},
	})
}

// Who lost its cluster is not ready, whatever is done about it; who lost a machine is.
func TestWhatIsLostIsNotReady(t *testing.T) {
	for part, ready := range map[string]bool{ev.PartNetwork: false, ev.PartCluster: false, ev.PartSystemPool: true, ev.PartBase: true} {
		w := worldOf(t, history(dataplaneIs("-/eu", reportsDrift, built()...), is("dataplane -/eu", ev.Drifted{Found: gone(part)})))
		e := mustGet(t, w, "dataplane -/eu")
		if e.Holds(ConditionReady) != ready || e.Holds("InSync") {
			t.Errorf("without its %s: %+v", part, e.Conditions)
		}
	}
}
