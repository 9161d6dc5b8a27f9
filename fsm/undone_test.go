package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

const undonePg = "application acme/prod_pg"

// undone is an application whose upgrade was undone: its old release runs, and it says why the new one does not.
func undone(more ...ev.Event) []ev.Event {
	upgrade := ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}}
	return append([]ev.Event{ev.InstallingStarted{Site: ev.Target{Dataplane: "-/eu"}, Cluster: "cluster", Namespace: "acme--prod"}, ev.Deployed{Revision: 1}, upgrade,
		ev.RollingBackStarted{To: 1, Reason: fsmtest.Attempt(0, ev.InternalReason).Reason}, ev.RolledBack{Revision: 1}}, more...)
}

func TestTheOldReleaseIsRepairedAfterAFailedUpgrade(t *testing.T) {
	const pg = undonePg
	lost := fsmtest.Gone("ConfigMap x")
	drifted := ev.Drifted{Found: lost}
	vain := func(repair bool) ev.Event {
		return ev.UpdateFailed{Reason: fsmtest.Attempt(0, ev.ConfigProblem).Reason, Repair: repair}
	}
	home := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(undone(events...)...))
	}
	reported := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), fsmtest.PlanReady(), fsmtest.DataplaneIs("-/eu", reportsDrift, fsmtest.Built()...),
			fsmtest.InfraBuilt(), fsmtest.TenantActive(), fsmtest.AppIs(undone(events...)...))
	}
	repairs := []string{pg + " drifted", pg + " repair_started"}
	live(t, []life{
		{name: "nothing of it is gone", given: home(), when: noted(pg), phase: fsm.Failed, why: "internal"},
		{name: "something is", given: home(), when: noted(pg, lost...), then: repairs, phase: fsm.RollingBack, why: "in_progress"},
		{name: "it is there again, and what was asked for is not", given: home(drifted, ev.RepairStarted{}), when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " rolled_back"}, phase: fsm.Failed, why: "internal"},
		{name: "and that can be tried again", given: home(drifted, ev.RepairStarted{}, ev.RolledBack{Revision: 1}), when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.Pending},
		{name: "a repair is tried again by a person", given: home(drifted, ev.RepairStarted{}, tried(1), ev.RetryRequested{}), when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " rolled_back"}, phase: fsm.Failed, why: "internal"},
		{name: "it is found gone again", given: home(drifted, ev.RepairStarted{}, ev.RolledBack{Revision: 1}), when: noted(pg, lost...), then: repairs, phase: fsm.RollingBack},
		{name: "it can't be brought back", given: home(drifted, ev.RepairStarted{}), when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " update_failed"}, phase: fsm.Failed, why: "config_problem"},
		{name: "that is not tried again by itself", given: home(drifted, ev.RepairStarted{}, vain(true)), when: noted(pg, lost...), phase: fsm.Failed, why: "config_problem"},
		{name: "more is gone", given: home(drifted, ev.RepairStarted{}, vain(true)), when: noted(pg, fsmtest.Gone("Secret y")...), then: repairs, phase: fsm.RollingBack},
		{name: "somebody has put it right", given: home(drifted, ev.RepairStarted{}, vain(true)), when: noted(pg), then: []string{pg + " drift_ended"}, phase: fsm.Failed, why: "internal"},
		{name: "what was asked for is tried instead", given: home(drifted, ev.RepairStarted{}, vain(true)), when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.Pending},

		{name: "it is only reported", given: reported(), when: noted(pg, lost...), then: []string{pg + " drifted"}, phase: fsm.Failed, why: "drifted"},
		{name: "brought back when somebody asks", given: reported(drifted), when: retry(pg), then: []string{pg + " repair_started"}, phase: fsm.RollingBack},
		{name: "or by others", given: reported(drifted), when: noted(pg), then: []string{pg + " drift_ended"}, phase: fsm.Failed, why: "internal"},

		{name: "what asks for something else is an upgrade that can be undone", given: home(ev.RetryRequested{}, fsmtest.Installing), when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " rolling_back_started"}, phase: fsm.RollingBack, why: "config_problem"},
		{name: "it can be rolled back for good", given: home(), when: ask(pg, ev.Rollback{}), then: []string{pg + " rollback_requested"}, phase: fsm.RollingBack},
		{name: "it goes", given: home(drifted, ev.RepairStarted{}, vain(true)), when: ask(pg, ev.Delete{}), then: []string{pg + " deletion_requested", pg + " drained"}, phase: fsm.Uninstalling},
		{name: "what could not be undone is nobody's to judge", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(append(undone()[:4], ev.Failed{Reason: fsmtest.Attempt(0, ev.ConfigProblem).Reason})...)), when: noted(pg, lost...), phase: fsm.Failed, why: "config_problem"},
	})
}

// What stands is looked at as it was before the upgrade, and is brought back as that.
func TestWhatWasBroughtBackIsTheOldRelease(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(undone()...)))
	e := mustGet(t, w, undonePg)
	made := fsm.Machines[ev.Application].ExpectedEffects(e, w.Refs())
	if len(made) != 1 || made[0].(ev.EnsureApplication).Manifests[0]["kind"] != "ConfigMap" || made[0].(ev.EnsureApplication).Revision != 1 {
		t.Fatalf("looked at as %+v", made)
	}
	w = fsmtest.WorldOf(t, fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(undone(ev.Drifted{Found: fsmtest.Gone("x")}, ev.RepairStarted{})...)))
	owed := fsm.Machines[ev.Application].Owed(mustGet(t, w, undonePg)).(ev.EnsureApplication)
	if owed.Manifests[0]["kind"] != "ConfigMap" || owed.Revision != 1 || !owed.Repair || owed.Rollback {
		t.Errorf("brought back as %+v", owed)
	}
}

// A repair of the old release that failed for what it stands on goes on with that, and the wish keeps its own reason.
func TestARepairOfWhatWasBroughtBackGoesOn(t *testing.T) {
	unreachable := fsmtest.Attempt(0, ev.Unreachable).Reason
	given := fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(undone(ev.Drifted{Found: fsmtest.Gone("x")}, ev.RepairStarted{}, ev.UpdateFailed{Reason: unreachable, Repair: true})...),
		fsmtest.Is("tenant acme/prod", ev.Drifted{Found: fsmtest.Gone("Namespace acme--prod")}, ev.RepairStarted{}, ev.Activated{}))
	live(t, []life{{name: "its tenant is back", given: given, when: settle(undonePg), then: []string{undonePg + " repair_started"}, phase: fsm.RollingBack}})
}

// Who has failed since a repair had is looked at: what else is lost is brought back, and what others have put right is made sure of.
func TestAFailedRepairIsInspectedAgain(t *testing.T) {
	const prod, pg, cell = "tenant acme/prod", undonePg, "cell -/eu_pg_a"
	why := ev.Failed{Reason: fsmtest.Attempt(0, ev.ConfigProblem).Reason}
	drifted := ev.Drifted{Found: fsmtest.Gone("Namespace x")}
	repair := []ev.Event{drifted, ev.RepairStarted{}, why}
	tenant := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantActive(repair...))
	app := fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(append([]ev.Event{fsmtest.Installing, ev.Deployed{Revision: 1}}, repair...)...))
	for name, of := range map[string]struct {
		given []fsmtest.Fact
		ref   string
		to    fsm.Phase
	}{"a tenant": {tenant, prod, fsm.Waiting}, "an application": {app, pg, fsm.RollingBack}} {
		live(t, []life{
			{name: name + " that lacks the same", given: of.given, when: noted(of.ref, fsmtest.Gone("Namespace x")...), phase: fsm.Failed, why: "config_problem"},
			{name: name + " that lacks more", given: of.given, when: noted(of.ref, fsmtest.Gone("Role y")...), then: []string{of.ref + " drifted", of.ref + " repair_started"}, phase: of.to},
			{name: name + " that others have put right", given: of.given, when: noted(of.ref), then: []string{of.ref + " drift_ended", of.ref + " repair_started"}, phase: of.to},
		})
	}
	never := fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(fsmtest.Installing, why))
	repaired := fsmtest.History(app, fsmtest.Is(pg, ev.DriftEnded{}, ev.RepairStarted{}))
	live(t, []life{
		{name: "what was never there is not looked at", given: never, when: noted(pg, fsmtest.Gone("Namespace x")...), phase: fsm.Failed, why: "config_problem"},
		{name: "it is there again", given: repaired, when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " deployed"}, phase: fsm.Deployed, why: "-"},
		{name: "or fails again, and is left", given: fsmtest.History(repaired, fsmtest.Is(pg, why)), when: noted(pg), phase: fsm.Failed, why: "config_problem"},
	})
}

// A dataplane that waits for its add-ons, and what empties pools, may be on the way for days: what it loses is made again meanwhile.
func TestWhatTakesDaysIsLookedAt(t *testing.T) {
	const eu, infra = "dataplane -/eu", "tenantinfra -/eu_pg"
	pool := fsmtest.Gone(ev.PartSystemPool)
	boots := func(s *ev.DataplaneSpec) { s.Bootstrap = []string{"dns"} }
	built := append(fsmtest.Built()[:len(fsmtest.Built())-1:len(fsmtest.Built())-1], ev.BaseReady{})
	equips := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", boots, append(built, events...)...))
	}
	old := ev.PoolsPlanned{Retiring: []ev.NodePool{{Name: "system", Machine: "s1"}}, Generations: []ev.PoolGeneration{{Name: "system", Now: 1, Last: 1}}}
	retires := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(ev.UpdateRequested[ev.DataplaneSpec]{Spec: fsmtest.EuSpec}, old, ev.SystemPoolReady{Nodes: 1}, ev.UpdateDone{}, ev.RetiringStarted{}))
	repaired := fsmtest.Is(eu, ev.Drifted{Found: pool}, ev.RepairStarted{}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "c"}, ev.SystemPoolReady{Nodes: 1}, ev.PoolsUpgraded{Version: "1.36"}, fsmtest.AllAddons)
	with := fsmtest.InfraSpec
	with.Scheduling = "preferred"
	was := ev.PoolsPlanned{Retiring: []ev.NodePool{{Name: "a", Machine: "m2"}}, Generations: []ev.PoolGeneration{{Name: "a", Now: 1, Last: 1}}}
	empties := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(), fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: with}, was, fsmtest.PoolsUp, ev.RetiringStarted{}))
	live(t, []life{
		{name: "its add-ons can't come, and its machines are gone", given: equips(), when: noted(eu, pool...), then: []string{eu + " drifted", eu + " repair_started"}, phase: fsm.Networking, why: "ensure_network"},
		{name: "it waits on when they are back", given: equips(ev.Drifted{Found: pool}, ev.RepairStarted{}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "c"}, ev.SystemPoolReady{Nodes: 1}, fsmtest.AllAddons), when: done(eu, ev.Activated{}), then: []string{eu + " base_ready"}, phase: fsm.Equipping},
		{name: "its new machines are gone while the old are emptied", given: retires, when: noted(eu, pool...), then: []string{eu + " drifted", eu + " repair_started"}, phase: fsm.Updating, why: "ensure_network"},
		{name: "and it goes on to empty them", given: fsmtest.History(retires, repaired), when: done(eu, ev.Activated{}), then: []string{eu + " update_done", eu + " retiring_started"}, phase: fsm.Retiring, why: "removal of pools"},
		{name: "a tenant infra likewise", given: empties, when: noted(infra, fsmtest.Gone("pool a")...), then: []string{infra + " drifted", infra + " repair_started"}, phase: fsm.Updating},
		{name: "and on it goes", given: fsmtest.History(empties, fsmtest.Is(infra, ev.Drifted{Found: fsmtest.Gone("pool a")}, ev.RepairStarted{})), when: done(infra, fsmtest.PoolsUp), then: []string{infra + " retiring_started"}, phase: fsm.Retiring},
	})
}
