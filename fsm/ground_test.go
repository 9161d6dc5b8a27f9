package fsm_test

import (
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// lacking is the past failure of an attempt, and that was all.
func lacking(code ev.ReasonCode) []ev.Event {
	return []ev.Event{*fsmtest.Attempt(0, code), givenUp(code)}
}

// TestWhatFailedForItsGroundGoesOn has what stands on something given up, and that brought back or not.
func TestWhatFailedForItsGroundGoesOn(t *testing.T) {
	const (
		eu, infra, pg, db = "dataplane -/eu", "tenantinfra -/eu_pg", "application acme/prod_pg", "addon -/eu_db"
		namespace         = "Namespace acme--prod"
	)
	broken := func(name, what string) []fsmtest.Fact {
		return fsmtest.Is(name, ev.Drifted{Found: fsmtest.Gone(what)}, ev.RepairStarted{})
	}
	repaired := func(name, what string, end ev.Event) []fsmtest.Fact {
		return fsmtest.History(broken(name, what), fsmtest.Is(name, end))
	}
	euBack := fsmtest.History(broken(eu, ev.PartCluster), fsmtest.Is(eu, ev.Degraded{Reason: fsmtest.Attempt(0, ev.QuotaExceeded).Reason}), fsmtest.Is(eu, ev.RetryRequested{}, ev.UpdateDone{}))
	byHand := func(name, what string) []fsmtest.Fact {
		return fsmtest.Is(name, ev.Drifted{Found: fsmtest.Gone(what)}, ev.DriftEnded{})
	}
	tenantBack := repaired(prod, namespace, ev.Activated{})
	app := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs(append([]ev.Event{fsmtest.Installing}, events...)...))
	}
	failed := func(code ev.ReasonCode) []fsmtest.Fact { return app(lacking(code)...) }
	other := ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}}
	rollingBack := fsmtest.History(app(ev.Deployed{Revision: 1}, other, *fsmtest.Attempt(0, ev.Dependency), ev.RollingBackStarted{To: 1, Reason: fsmtest.Attempt(0, ev.Dependency).Reason}))
	pgOn := []string{pg + " retry_requested", pg + " installing_started"}
	tenant := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantIs("acme/prod", append(slices.Clone(fsmtest.Starting), lacking(ev.Dependency)...)...))
	prodOn := []string{prod + " retry_requested", prod + " provisioning_started"}
	asleep := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantActive(ev.SuspendRequested{}), fsmtest.Is(prod, events...))
	}
	vain := func(repair bool) ev.Event {
		return ev.UpdateFailed{Reason: fsmtest.Attempt(0, ev.Dependency).Reason, Repair: repair}
	}
	pools := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: fsmtest.InfraSpec}, *fsmtest.Attempt(0, ev.Dependency), vain(false)))
	installed := fsmtest.History(fsmtest.Platform(), addonIs(append([]ev.Event{ev.InstallingStarted{Cluster: "c", Namespace: "db"}}, lacking(ev.Dependency)...)...))
	cellFailed := fsmtest.History(manyCells(), manyCell(append([]ev.Event{opening}, lacking(ev.Dependency)...)...))
	webFailed := fsmtest.History(openCell(), fsmtest.Is(web, ev.RepairStarted{}), fsmtest.Is(web, lacking(ev.Dependency)...))
	cellBack := repaired(c1, "Namespace cell---pg-c1", ev.CellPrepared{})
	live(t, []life{
		{name: "an application whose ground is as it was", given: failed(ev.Dependency), when: settle(pg), phase: fsm.Failed, why: "dependency"},
		{name: "its tenant was repaired", given: fsmtest.History(failed(ev.Dependency), tenantBack), when: settle(pg), then: pgOn, phase: fsm.Installing},
		{name: "its tenant is being repaired", given: fsmtest.History(failed(ev.Dependency), broken(prod, namespace)), when: settle(pg), phase: fsm.Failed},
		{name: "somebody has put it right by hand", given: fsmtest.History(failed(ev.Dependency), byHand(prod, namespace)), when: settle(pg), then: pgOn},
		{name: "its machines are back", given: fsmtest.History(failed(ev.CapacityUnavailable), repaired(infra, ev.PoolPart+"a", ev.UpdateDone{})), when: settle(pg), then: pgOn},
		{name: "its dataplane is back", given: fsmtest.History(failed(ev.Timeout), euBack), when: settle(pg), then: pgOn},
		{name: "it was repaired before that", given: fsmtest.History(fsmtest.TenantHome(), tenantBack, fsmtest.AppIs(append([]ev.Event{fsmtest.Installing}, lacking(ev.Dependency)...)...)), when: settle(pg), phase: fsm.Failed},
		{name: "it was repaired while that was tried still", given: fsmtest.History(app(*fsmtest.Attempt(0, ev.Dependency)), tenantBack, fsmtest.Is(pg, givenUp(ev.Dependency))), when: settle(pg), then: pgOn},
		{name: "once for each repair", given: fsmtest.History(failed(ev.Dependency), tenantBack, fsmtest.Is(pg, ev.RetryRequested{}, fsmtest.Installing), fsmtest.Is(pg, lacking(ev.Dependency)...)), when: settle(pg), phase: fsm.Failed, why: "dependency"},
		{name: "a chart that is wrong stays so", given: fsmtest.History(failed(ev.ConfigProblem), tenantBack, euBack), when: settle(pg), phase: fsm.Failed, why: "config_problem"},
		{name: "and one whose pods crash", given: fsmtest.History(failed(ev.InternalReason), tenantBack), when: settle(pg), phase: fsm.Failed, why: "internal"},
		{name: "an upgrade that was undone is done again", given: fsmtest.History(rollingBack, tenantBack, fsmtest.Is(pg, ev.RolledBack{Revision: 1})), when: settle(pg), then: pgOn},
		{name: "not while its tenant moves", given: fsmtest.History(failed(ev.Dependency), tenantBack, fsmtest.Is(prod, ev.MoveStarted{})), when: settle(pg), phase: fsm.Failed},
		{name: "what is to go does not come back", given: fsmtest.History(failed(ev.Dependency), fsmtest.Is(pg, ev.DeletionRequested{}), tenantBack), when: settle(pg), then: []string{pg + " drained"}, phase: fsm.Uninstalling},

		{name: "a tenant whose cluster is back", given: fsmtest.History(tenant, euBack), when: settle(prod), then: prodOn, phase: fsm.Provisioning},
		{name: "a tenant whose cluster is not", given: fsmtest.History(tenant, broken(eu, ev.PartCluster)), when: settle(prod), phase: fsm.Failed, why: "dependency"},
		{name: "one that could not be woken wakes", given: fsmtest.History(asleep(ev.Suspended{}, ev.ResumeRequested{}, *fsmtest.Attempt(0, ev.Dependency), vain(false)), euBack), when: settle(prod), then: []string{prod + " resume_requested"}, phase: fsm.Resuming},
		{name: "unless it was to sleep since", given: fsmtest.History(asleep(ev.Suspended{}, ev.ResumeRequested{}, vain(false), ev.RetryRequested{}, ev.Suspended{}), euBack), when: settle(prod), phase: fsm.Suspended, why: "-"},
		{name: "or is told to sleep on", given: asleep(ev.Suspended{}, ev.ResumeRequested{}, vain(false)), when: ask(prod, ev.Suspend{}), then: []string{prod + " suspend_requested"}, phase: fsm.Suspending},
		{name: "what else was asked of one that sleeps", given: fsmtest.History(asleep(ev.Suspended{}, ev.UpdateRequested[ev.TenantSpec]{Spec: fsmtest.ProdSpec}, vain(false)), euBack), when: settle(prod), then: []string{prod + " retry_requested"}, phase: fsm.Suspending},
		{name: "one that could not fall asleep does", given: fsmtest.History(asleep(ev.SuspendGivenUp{Reason: fsmtest.Attempt(0, ev.Dependency).Reason}, ev.Resumed{}), euBack), when: settle(prod), then: []string{prod + " suspend_requested"}, phase: fsm.Suspending},

		{name: "unless it is told to stay awake", given: asleep(ev.SuspendGivenUp{Reason: fsmtest.Attempt(0, ev.Dependency).Reason}, ev.Resumed{}), when: ask(prod, ev.Resume{}), then: []string{prod + " retry_requested"}, phase: fsm.Provisioning},
		{name: "pools that an update could not bring about", given: fsmtest.History(pools, euBack), when: settle(infra), then: []string{infra + " retry_requested"}, phase: fsm.Updating},
		{name: "an addon", given: fsmtest.History(installed, euBack), when: settle(db), then: []string{db + " retry_requested", db + " installing_started"}, phase: fsm.Installing},
		{name: "a cell", given: fsmtest.History(cellFailed, euBack), when: settle(c1), then: []string{c1 + " retry_requested"}, phase: fsm.Opening},
		{name: "an application of a cell", given: fsmtest.History(webFailed, cellBack), when: settle(web), then: []string{web + " retry_requested", web + " installing_started"}, phase: fsm.Installing},
		{name: "one whose cell was put right by hand", given: fsmtest.History(webFailed, byHand(c1, "Namespace cell---pg-c1")), when: settle(web), then: []string{web + " retry_requested", web + " installing_started"}},
	})
	w := fsmtest.WorldOf(t, failed(ev.Dependency))
	for _, on := range []string{eu, infra, prod} {
		if waits := w.Waiting(fsmtest.RefOf(on)); !slices.Contains(waits, fsmtest.RefOf(pg)) {
			t.Errorf("for %s wait %v", on, waits)
		}
	}
	if why := w.Blocker(mustGet(t, w, pg)); why == nil || why.Retried {
		t.Errorf("it says %+v", why) // --wait ends: somebody has to put it right first
	}
	w = fsmtest.WorldOf(t, failed(ev.InternalReason))
	if waits := w.Waiting(fsmtest.RefOf(prod)); len(waits) > 0 {
		t.Errorf("what failed by itself waits: %v", waits)
	}
}

// TestARepairKeepsWhatWasAskedFor has tenants repaired, or taken into cells, that could not fall asleep or wake: they are to do so
// still, and it is said of them.
func TestARepairKeepsWhatWasAskedFor(t *testing.T) {
	const infra = "tenantinfra -/eu_pg"
	reason := fsmtest.Attempt(0, ev.Dependency).Reason
	drifted := ev.Drifted{Found: fsmtest.Gone("Namespace acme--prod")}
	past := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantActive(ev.SuspendRequested{}), fsmtest.Is(prod, events...))
	}
	then := func(before []fsmtest.Fact, events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(before, fsmtest.Is(prod, events...))
	}
	euBack := fsmtest.Is("dataplane -/eu", ev.Drifted{Found: fsmtest.Gone(ev.PartCluster)}, ev.RepairStarted{}, ev.UpdateDone{})
	asleep := past(ev.Suspended{}, ev.ResumeRequested{}, ev.UpdateFailed{Reason: reason})
	asleepBack := fsmtest.History(asleep, euBack)
	awake := past(ev.SuspendGivenUp{Reason: reason}, ev.Resumed{})
	awakeBack := fsmtest.History(awake, euBack)
	inVain := past(ev.Suspended{}, ev.UpdateRequested[ev.TenantSpec]{Spec: fsmtest.ProdSpec}, ev.UpdateFailed{Reason: reason})
	pools := fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: fsmtest.InfraSpec}, ev.UpdateFailed{Reason: reason})
	poolsBack := fsmtest.Is(infra, ev.Drifted{Found: fsmtest.Gone(ev.PoolPart + "a")}, ev.RepairStarted{}, ev.UpdateDone{})
	wakes, sleeps, ends := []string{prod + " resume_requested"}, []string{prod + " suspend_requested"}, []string{prod + " update_done"}
	live(t, []life{
		{name: "it was to wake", given: then(asleep, drifted, ev.RepairStarted{}), when: done(prod, ev.Suspended{}), then: ends, phase: fsm.Suspended, why: "dependency"},
		{name: "and wakes when its ground is back", given: fsmtest.History(then(asleep, drifted, ev.RepairStarted{}, ev.UpdateDone{}), euBack), when: settle(prod), then: wakes, phase: fsm.Resuming},
		{name: "or was back before the repair", given: then(asleepBack, drifted, ev.RepairStarted{}, ev.UpdateDone{}), when: settle(prod), then: wakes, phase: fsm.Resuming},
		{name: "or before somebody put it right by hand", given: then(asleepBack, drifted, ev.DriftEnded{}), when: settle(prod), then: wakes, phase: fsm.Resuming},
		{name: "or when its repair has failed for that too", given: fsmtest.History(then(asleep, drifted, ev.RepairStarted{}, ev.UpdateFailed{Reason: reason, Repair: true}), euBack), when: settle(prod), then: wakes},
		{name: "once", given: then(asleepBack, ev.ResumeRequested{}, ev.UpdateFailed{Reason: reason}, drifted, ev.RepairStarted{}, ev.UpdateDone{}), when: settle(prod), phase: fsm.Suspended, why: "dependency"},
		{name: "unless it is told to sleep on", given: then(asleepBack, drifted, ev.RepairStarted{}, ev.UpdateDone{}), when: ask(prod, ev.Suspend{}), then: []string{prod + " suspend_requested"}, phase: fsm.Suspending},
		{name: "a repair of before this release", given: then(asleep, drifted, ev.RepairStarted{}, ev.Suspended{}), when: settle(prod), phase: fsm.Suspended, why: "-"},
		{name: "who was asked for something else than to wake has that", given: then(inVain, drifted, ev.RepairStarted{}), when: done(prod, ev.Suspended{}), then: []string{prod + " suspended"}, phase: fsm.Suspended, why: "-"},
		{name: "for good", given: then(inVain, drifted, ev.RepairStarted{}, ev.Suspended{}, drifted, ev.DriftEnded{}), when: settle(prod), phase: fsm.Suspended, why: "-"},
		{name: "it was to wake, and is taken in", given: then(asleep, ev.TakenIn{Cell: c1}), when: done(prod, ev.Suspended{}), then: ends, phase: fsm.Suspended, why: "dependency"},

		{name: "it was to fall asleep", given: then(awake, drifted, ev.RepairStarted{}), when: done(prod, ev.Activated{}), then: ends, phase: fsm.Active, why: "dependency"},
		{name: "and does when its ground is back", given: fsmtest.History(then(awake, drifted, ev.RepairStarted{}, ev.UpdateDone{}), euBack), when: settle(prod), then: sleeps, phase: fsm.Suspending},
		{name: "or was back before the repair of it", given: then(awakeBack, drifted, ev.RepairStarted{}, ev.UpdateDone{}), when: settle(prod), then: sleeps, phase: fsm.Suspending},
		{name: "its repair has failed for that too", given: fsmtest.History(then(awake, drifted, ev.RepairStarted{}, givenUp(ev.Dependency)), euBack), when: settle(prod),
			then: []string{prod + " repair_started", prod + " provisioning_started"}, phase: fsm.Provisioning},
		{name: "and it is as it was after another", given: then(awake, drifted, ev.RepairStarted{}, givenUp(ev.Dependency), ev.RepairStarted{}, ev.TenantProvisioningStarted{Cluster: "cluster"}), when: done(prod, ev.Activated{}), then: ends, phase: fsm.Active, why: "dependency"},
		{name: "another wish in the middle of it counts", given: then(awake, drifted, ev.RepairStarted{}, ev.UpdateRequested[ev.TenantSpec]{Spec: fsmtest.ProdSpec}), when: done(prod, ev.Activated{}), then: []string{prod + " activated"}, phase: fsm.Active, why: "-"},
		{name: "another repair of before this release", given: then(awake, drifted, ev.RepairStarted{}, ev.Activated{}), when: settle(prod), phase: fsm.Active, why: "-"},
		{name: "it was to fall asleep, and is taken in", given: then(awake, ev.TakenIn{Cell: c1}), when: done(prod, ev.Activated{}), then: ends, phase: fsm.Active, why: "dependency"},

		{name: "pools whose dataplane was back before they were repaired", given: fsmtest.History(fsmtest.Platform(), pools, euBack, poolsBack), when: settle(infra), then: []string{infra + " retry_requested"}, phase: fsm.Updating},
	})
}

// TestWhoIsStrandedWaitsWhereItsTenantIs has a tenant go somewhere else while its application is given up.
func TestWhoIsStrandedWaitsWhereItsTenantIs(t *testing.T) {
	const pg = "application acme/prod_pg"
	us := fsmtest.History(fsmtest.DataplaneIs("-/us", fsmtest.AsIs, fsmtest.Built()...), fsmtest.InfraIs("-/us_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "other"}, fsmtest.PoolsUp, ev.Activated{}))
	at := ev.Placement{Dataplane: "-/us", TenantInfra: "-/us_pg", Namespace: "acme--prod", Plan: "-/free", PlanVersion: 1, Size: "small", Stay: "s2"}
	w := fsmtest.WorldOf(t, fsmtest.History(us, fsmtest.TenantHome(), fsmtest.AppIs(append([]ev.Event{fsmtest.Installing}, lacking(ev.Dependency)...)...)))
	check := func(waits string, not string) {
		t.Helper()
		for on, want := range map[string]bool{waits: true, not: false} {
			if all := w.Waiting(fsmtest.RefOf(on)); slices.Contains(all, fsmtest.RefOf(pg)) != want {
				t.Errorf("for %s wait %v", on, all)
			}
		}
	}
	check("dataplane -/eu", "dataplane -/us")
	moved := fsmtest.Recorded(w, fsmtest.RefOf(prod), []ev.Event{ev.MoveStarted{To: at, Spec: fsmtest.ProdSpec}, ev.Moved{Placement: at, Spec: fsmtest.ProdSpec}})
	if err := w.Apply(moved); err != nil {
		t.Fatal(err)
	}
	check("dataplane -/us", "dataplane -/eu")
}
