package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

const (
	many = "plan -/many"
	web  = "cellapplication -/eu_pg_c1_web"
	prod = "tenant acme/prod"
)

// manyCells is a platform with a multi-tenant plan and a tenant infra with cells.
func manyCells() []fsmtest.Fact { return manyCellsOf(2, 0) }

// manyCellsOf has at most so many cells, of which so many are to stand empty.
func manyCellsOf(most, warm int) []fsmtest.Fact {
	return fsmtest.History(fsmtest.Platform(), fsmtest.PlanIs("many", func(s *ev.PlanSpec) { *s = fsmtest.ManySpec }),
		infraWithCells(ev.Cells{Tenants: 2, Isolation: "policy", Max: most, Warm: warm, KeepEmpty: "1h"}))
}

// manyCell is a cell of the plan, with what happened to it.
func manyCell(happened ...ev.Event) []fsmtest.Fact {
	born := ev.Requested[ev.CellSpec]{UID: "c", Spec: ev.CellSpec{Tenants: 2, KeepEmpty: "1h", Plan: "-/many", Version: 1}}
	return fsmtest.History(fsmtest.Is(c1, append([]ev.Event{born}, happened...)...), fsmtest.Is(web, ev.Requested[ev.CellApplicationSpec]{UID: "w", Spec: fsmtest.ManySpec.Applications[0].Spec()}))
}

var (
	opening  = ev.OpeningStarted{Cluster: "cluster", Namespace: "cell---pg-c1"}
	deployed = []ev.Event{ev.InstallingStarted{Cluster: "cluster", Namespace: "cell---pg-c1"}, ev.Deployed{Revision: 1}}
)

// openCell is a cell of the plan that is open.
func openCell() []fsmtest.Fact { return openCellOn(manyCells()) }

func openCellOn(ground []fsmtest.Fact) []fsmtest.Fact {
	return fsmtest.History(ground, manyCell(opening, ev.CellPrepared{}), fsmtest.Is(web, deployed...), fsmtest.Is(c1, ev.CellOpened{}))
}

// reportingCell is an open cell that drains, on a dataplane where drift is only reported.
func reportingCell() []fsmtest.Fact {
	spec := fsmtest.EuSpec
	reportsDrift(&spec)
	started := opening
	started.Site.Dataplane = "-/eu"
	return fsmtest.History(manyCells(), fsmtest.Is("dataplane -/eu", ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec}, ev.UpdateDone{}),
		manyCell(started, ev.CellPrepared{}), fsmtest.Is(web, deployed...), fsmtest.Is(c1, ev.CellOpened{}, ev.DrainingStarted{}))
}

// sharer is a tenant of the plan in that cell, with what happened to it since.
func sharer(happened ...ev.Event) []fsmtest.Fact {
	placed := ev.Placed{Placement: ev.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Cell: "-/eu_pg_c1", Stay: "s", Namespace: "cell---pg-c1", Record: "acme--prod", Plan: "-/many", PlanVersion: 1}}
	born := ev.Requested[ev.TenantSpec]{UID: "u-prod", Spec: ev.TenantSpec{Plan: "-/many"}}
	return fsmtest.History(fsmtest.Is(c1, ev.SlotTaken{Tenant: "acme/prod", UID: "u-prod", Stay: "s", For: ev.SlotPlaced}),
		fsmtest.Is(prod, append([]ev.Event{born, ev.PlacingStarted{}, placed}, happened...)...))
}

func TestCellsOfPlansLive(t *testing.T) {
	waiting := fsmtest.Is(prod, ev.Requested[ev.TenantSpec]{UID: "u-prod", Spec: ev.TenantSpec{Plan: "-/many"}}, ev.PlacingStarted{})
	second := fsmtest.History(openCell(), fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: fsmtest.ManySpecOf("2")}))
	bounded := fsmtest.ManySpecOf("2")
	bounded.CellQuota = &ev.CellQuota{CPU: "20", Pods: 50}
	third := fsmtest.History(openCell(), fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: bounded}))
	closing := fsmtest.History(openCell(), fsmtest.Is(c1, ev.DeletionRequested{}))
	warm := openCellOn(manyCellsOf(3, 1))
	kept := fsmtest.History(warm, fsmtest.Is(c1, ev.KeptWarm{}))
	retired := fsmtest.Is(many, ev.Retired{})
	lost := ev.NoteDrift{Found: fsmtest.Gone("Namespace cell---pg-c1")}
	drains := facts(t, openCell(), ask(c1, ev.Drain{}))
	reports := reportingCell()
	live(t, []life{
		{name: "made by a person, with its applications", given: manyCells(), when: create(c1, `{"spec":{"tenants":2,"plan":"many","planVersion":1}}`), then: []string{c1 + " requested", web + " requested"}},
		{name: "which version", given: manyCells(), when: ask(c1, ev.Create{Spec: ev.CellSpec{Tenants: 2, Plan: "many", Version: 7}}), not: "invalid…spec.planVersion: plan -/many has the versions 1 to 1"},
		{name: "a plan without cells", given: manyCells(), when: create(c1, `{"spec":{"tenants":2,"plan":"free","planVersion":1}}`), not: "invalid…spec.plan: plan -/free is resource-shared"},
		{name: "its infra is ready", given: fsmtest.History(manyCells(), manyCell()), when: settle(c1), then: []string{c1 + " opening_started"}, phase: fsm.Opening},
		{name: "it is made anew if somebody asks", given: fsmtest.History(manyCells(), manyCell(opening, ev.CellPrepared{})), when: retry(c1), then: []string{c1 + " opening_started"}, phase: fsm.Opening},
		{name: "its namespace is there", given: fsmtest.History(manyCells(), manyCell(opening)), when: done(c1, ev.CellPrepared{}), then: []string{c1 + " prepared"}, phase: fsm.Opening, why: "dependency: waits for " + web + ", which is Pending"},
		{name: "its application waits for that", given: fsmtest.History(manyCells(), manyCell(opening)), when: settle(web), phase: fsm.Pending, why: "dependency: waits for " + c1},
		{name: "and is installed there", given: fsmtest.History(manyCells(), manyCell(opening, ev.CellPrepared{})), when: settle(web), then: []string{web + " installing_started"}},
		{name: "it opens with its applications", given: fsmtest.History(manyCells(), manyCell(opening, ev.CellPrepared{}), fsmtest.Is(web, deployed...)), when: settle(c1), then: []string{c1 + " opened"}, phase: fsm.Open, why: "-"},
		{name: "one that can't be made still knows why when a tenant leaves", given: fsmtest.History(manyCells(), manyCell(opening), sharer(), fsmtest.Is(c1, givenUp(ev.ConfigProblem)),
			fsmtest.Is(c1, ev.SlotFreed{Tenant: "acme/prod", UID: "u-prod", Stay: "s"})), when: retry(c1), then: []string{c1 + " retry_requested"}, phase: fsm.Opening},
		{name: "one that closes can't be upgraded", given: closing, when: ask(c1, ev.UpgradeCell{Plan: "many@1"}), not: "refused…is being closed"},
		{name: "nor does a change of its infra reach it", given: closing, when: update("tenantinfra -/eu_pg", infraBody(`{"tenants":3}`)), then: []string{"tenantinfra -/eu_pg update_requested"}},
		{name: "its namespace can't be made", given: fsmtest.History(manyCells(), manyCell(opening)), when: failed(c1, ev.ConfigProblem), then: []string{c1 + " attempt_failed", c1 + " failed"}, phase: fsm.Failed},
		{name: "retried", given: fsmtest.History(manyCells(), manyCell(opening, givenUp(ev.ConfigProblem))), when: retry(c1), then: []string{c1 + " retry_requested"}, phase: fsm.Opening},
		{name: "its namespace was changed by hand", given: openCell(), when: ask(c1, ev.NoteDrift{Found: fsmtest.Gone("Namespace cell---pg-c1")}), then: []string{c1 + " drifted", c1 + " repair_started"}, phase: fsm.Opening},
		{name: "also while it drains, and it takes nobody", given: drains, when: ask(c1, lost), then: []string{c1 + " drifted", c1 + " repair_started"}, phase: fsm.Draining, why: "in_progress: ensure_cell"},
		{name: "it is there again", given: facts(t, drains, ask(c1, lost)), when: done(c1, ev.CellPrepared{}), then: []string{c1 + " prepared"}, phase: fsm.Draining, why: "-"},
		{name: "it can't be made again yet", given: facts(t, drains, ask(c1, lost)), when: failed(c1, ev.ConfigProblem), then: []string{c1 + " attempt_failed"}, phase: fsm.Draining, why: "config_problem"},
		{name: "somebody asks for another try", given: facts(t, drains, ask(c1, lost), failed(c1, ev.ConfigProblem)), when: retry(c1), then: []string{c1 + " retry_requested"}, phase: fsm.Draining, why: "in_progress: ensure_cell"},
		{name: "it takes tenants again before it is there", given: facts(t, drains, ask(c1, lost)), when: ask(c1, ev.Drain{End: true}), then: []string{c1 + " drain_ended"}, phase: fsm.Opening, why: "in_progress: ensure_cell"},
		{name: "it is to drain while it is made again", given: facts(t, openCell(), ask(c1, lost)), when: ask(c1, ev.Drain{}), then: []string{c1 + " draining_started"}, phase: fsm.Draining, why: "in_progress: ensure_cell"},
		{name: "one that drains is told of where drift is reported", given: reports, when: ask(c1, lost), then: []string{c1 + " drifted"}, phase: fsm.Draining, why: "drifted"},
		{name: "until somebody has it made again", given: facts(t, reports, ask(c1, lost)), when: retry(c1), then: []string{c1 + " retry_requested"}, phase: fsm.Draining, why: "in_progress: ensure_cell"},
		{name: "or puts it back", given: facts(t, reports, ask(c1, lost)), when: ask(c1, ev.NoteDrift{}), then: []string{c1 + " drift_ended"}, phase: fsm.Draining, why: "-"},
		{name: "one that never opened has nothing to lose", given: facts(t, fsmtest.History(manyCells(), manyCell(opening, ev.CellPrepared{})), ask(c1, ev.Drain{})), when: ask(c1, lost), phase: fsm.Draining},

		{name: "who finds none opens one, with its applications", given: fsmtest.History(manyCells(), waiting), when: settle(prod),
			then: []string{"cell -/eu_pg_c3fsp5u requested", "cell -/eu_pg_c3fsp5u slot_taken", "cellapplication -/eu_pg_c3fsp5u_web requested", prod + " placed"}, phase: fsm.Waiting},
		{name: "who finds one takes a slot", given: fsmtest.History(openCell(), waiting), when: settle(prod), then: []string{prod + " placed", prod + " provisioning_started", c1 + " slot_taken"}, phase: fsm.Provisioning},
		{name: "a cell of no plan is not for it", given: fsmtest.History(manyCells(), cellIs(ev.CellOpened{}), fsmtest.Is("cell -/eu_pg_c2", ev.Requested[ev.CellSpec]{UID: "d", Spec: ev.CellSpec{Tenants: 2}}), waiting), when: settle(prod),
			phase: fsm.Placing, why: "capacity_unavailable: no tenant infra fits"},
		{name: "nor is its cell for others", given: fsmtest.History(openCell(), fsmtest.Is("cell -/eu_pg_c2", ev.Requested[ev.CellSpec]{UID: "d", Spec: ev.CellSpec{Tenants: 2, Plan: "-/many", Version: 1}}), fsmtest.TenantIs("acme/new", ev.PlacingStarted{})), when: settle("tenant acme/new"),
			phase: fsm.Placing, why: "capacity_unavailable: no tenant infra fits"},
		{name: "an infra without cells has no room for it", given: fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.PlanIs("many", func(s *ev.PlanSpec) { *s = fsmtest.ManySpec }), waiting), when: settle(prod), phase: fsm.Placing, why: "with cells"},

		{name: "who opens one opens those that are to stand empty", given: fsmtest.History(manyCellsOf(3, 1), waiting), when: settle(prod),
			then: []string{"cell -/eu_pg_c3fsp5u requested", "cell -/eu_pg_c3fsp5u slot_taken", "cellapplication -/eu_pg_c3fsp5u_web requested", "cell -/eu_pg_cagsl2f requested", "cellapplication -/eu_pg_cagsl2f_web requested", prod + " placed"}, phase: fsm.Waiting},
		{name: "so does who takes one that stood empty", given: fsmtest.History(kept, waiting), when: settle(prod),
			then: []string{"cell -/eu_pg_c3fsp5u requested", "cellapplication -/eu_pg_c3fsp5u_web requested", prod + " placed", prod + " provisioning_started", c1 + " slot_taken"}, phase: fsm.Provisioning},
		{name: "more are to stand empty, of its plan", given: openCell(), when: update("tenantinfra -/eu_pg", infraBody(`{"tenants":2,"max":3,"warm":2}`)),
			then: []string{"tenantinfra -/eu_pg update_requested", c1 + " update_requested", "cell -/eu_pg_cuytn2v requested", "cellapplication -/eu_pg_cuytn2v_web requested"}},
		{name: "empty for its time it goes", given: openCell(), when: emptyForLong, then: []string{c1 + " deletion_requested"}, phase: fsm.Closing},
		{name: "unless it is to stand empty", given: warm, when: emptyForLong, then: []string{c1 + " kept_warm"}, phase: fsm.Open, why: "-"},
		{name: "for a plan that takes nobody none stands empty", given: fsmtest.History(warm, retired), when: emptyForLong, then: []string{c1 + " deletion_requested"}, phase: fsm.Closing},
		{name: "nor any more", given: fsmtest.History(kept, retired), when: settle(c1), then: []string{c1 + " deletion_requested", web + " deletion_requested", web + " drained"}, phase: fsm.Closing},
		{name: "it stays while people may come", given: kept, when: settle(c1), phase: fsm.Open, why: "-"},

		{name: "another version", given: second, when: ask(c1, ev.UpgradeCell{Plan: "many@2"}), then: []string{c1 + " update_requested", web + " update_requested"}, phase: fsm.Open},
		{name: "with other bounds", given: third, when: ask(c1, ev.UpgradeCell{Plan: "many@2"}), then: []string{c1 + " update_requested", c1 + " opening_started", web + " update_requested"}, phase: fsm.Opening, why: "in_progress: ensure_cell"},
		{name: "by a spec", given: third, when: ask(c1, ev.Update{Spec: ev.CellSpec{Tenants: 2, KeepEmpty: "1h", Plan: "-/many", Version: 2}}), then: []string{c1 + " update_requested", c1 + " opening_started", web + " update_requested"}, phase: fsm.Opening},
		{name: "its namespace has them", given: facts(t, third, ask(c1, ev.UpgradeCell{Plan: "many@2"})), when: done(c1, ev.CellPrepared{}), then: []string{c1 + " prepared"}, phase: fsm.Opening, why: "dependency: waits for " + web},
		{name: "also of one that drains", given: facts(t, third, ask(c1, ev.Drain{}), ask(c1, ev.UpgradeCell{Plan: "many@2"})), when: done(c1, ev.CellPrepared{}), then: []string{c1 + " prepared"}, phase: fsm.Draining},
		{name: "and back to none", given: facts(t, third, ask(c1, ev.UpgradeCell{Plan: "many@2"})), when: ask(c1, ev.UpgradeCell{Plan: "many@1"}), then: []string{c1 + " update_requested", c1 + " opening_started", web + " update_requested"}, phase: fsm.Opening},
		{name: "that it has", given: second, when: ask(c1, ev.UpgradeCell{Plan: "many@1"}), phase: fsm.Open},
		{name: "that is not known", given: second, when: ask(c1, ev.UpgradeCell{Plan: "many@3"}), not: "invalid…plan: plan -/many has the versions 1 to 2"},
		{name: "of another plan", given: second, when: ask(c1, ev.UpgradeCell{Plan: "free@1"}), not: "invalid…plan: " + c1 + " is of plan many, and stays so"},
		{name: "of none", given: fsmtest.History(manyCells(), cellIs(ev.CellOpened{})), when: ask(c1, ev.UpgradeCell{Plan: "many@1"}), not: "invalid…plan: " + c1 + " is of no plan"},
		{name: "what is missing comes back", given: fsmtest.History(openCell(), fsmtest.Is(web, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{})), when: ask(c1, ev.UpgradeCell{Plan: "many@1"}), then: []string{web + " requested"}},
		{name: "an application is as the plan says", given: openCell(), when: update(web, `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`), not: "invalid…spec: is what many@1 says"},
		{name: "and none is made besides", given: openCell(), when: create("cellapplication -/eu_pg_c1_db", `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`), not: "invalid…name: " + c1 + " has the applications of many@1, and none is called db"},

		{name: "deleted with its applications", given: openCell(), when: ask(c1, ev.Delete{}), then: []string{c1 + " deletion_requested"}, phase: fsm.Closing},
		{name: "these first", given: closing, when: settle(c1), then: []string{web + " deletion_requested", web + " drained"}, phase: fsm.Closing},
		{name: "then its namespace", given: fsmtest.History(closing, fsmtest.Is(web, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{})), when: settle(c1), then: []string{c1 + " drained"}, phase: fsm.Closing},
		{name: "then it is gone", given: fsmtest.History(closing, fsmtest.Is(web, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}), fsmtest.Is(c1, ev.Drained{})), when: done(c1, ev.Deleted{}), then: []string{c1 + " deleted"}, phase: fsm.Closed},
		{name: "its plan is used by it", given: openCell(), when: ask(many, ev.Delete{}), not: "refused: plan -/many is used by " + c1},
		{name: "a plan stays multi-tenant", given: manyCells(), when: ask(many, ev.Update{Spec: fsmtest.FreeSpec}), not: "refused…spec.deployment: a released plan stays multi-tenant"},
	})
}

// A cell has the bounds of its version of the plan, and of no later one.
func TestBoundsOfCells(t *testing.T) {
	bounded := fsmtest.ManySpecOf("2")
	bounded.CellQuota, bounded.Limits = &ev.CellQuota{CPU: "20", Pods: 50}, ev.PlanLimit{CPU: "1", Memory: "1Gi"}
	second := fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: bounded})
	owed := func(given []fsmtest.Fact) string {
		e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(c1))
		is, _ := fsm.Machines[ev.Cell].Owed(e).(ev.EnsureCell)
		if is.Bounds == nil {
			return "none"
		}
		return fmt.Sprintf("%+v", *is.Bounds)
	}
	born := ev.Requested[ev.CellSpec]{UID: "c", Spec: ev.CellSpec{Tenants: 2, Plan: "-/many", Version: 2}}
	for name, c := range map[string]struct {
		given []fsmtest.Fact
		want  string
	}{
		"of a version without": {facts(t, fsmtest.History(manyCells(), manyCell(), second), settle(c1)), "none"},
		"of a version with":    {facts(t, fsmtest.History(manyCells(), second, fsmtest.Is(c1, born)), settle(c1)), "{Quota:{CPU:20 Memory: Storage: Pods:50} Limits:{CPU:1 Memory:1Gi}}"},
		"brought to it":        {facts(t, fsmtest.History(openCell(), second), ask(c1, ev.UpgradeCell{Plan: "many@2"})), "{Quota:{CPU:20 Memory: Storage: Pods:50} Limits:{CPU:1 Memory:1Gi}}"},
		"while it drains":      {facts(t, fsmtest.History(openCell(), second), ask(c1, ev.Drain{}), ask(c1, ev.UpgradeCell{Plan: "many@2"})), "{Quota:{CPU:20 Memory: Storage: Pods:50} Limits:{CPU:1 Memory:1Gi}}"},
	} {
		if got := owed(c.given); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	plan := fsmtest.FreeSpec
	plan.CellQuota = &ev.CellQuota{Pods: 1}
	if faults := plan.Check(); len(faults) != 1 || faults[0].Field != "spec.cellQuota" {
		t.Error(faults)
	}
}

func TestTenantsShareACell(t *testing.T) {
	job := fsmtest.ManySpec.Tenants
	started := ev.TenantProvisioningStarted{Cluster: "cluster", Join: job.Join}
	active := fsmtest.History(openCell(), sharer(started, ev.TenantJoined{}, ev.Activated{}))
	going := fsmtest.History(active, fsmtest.Is(prod, ev.DeletionRequested{}, ev.Drained{}))
	leaving := fsmtest.History(going, fsmtest.Is(prod, ev.LeavingStarted{Leave: job.Leave}))
	live(t, []life{
		{name: "it joins when the cell is open", given: fsmtest.History(openCell(), sharer()), when: settle(prod), then: []string{prod + " provisioning_started"}, phase: fsm.Provisioning, why: "in_progress: join_tenant"},
		{name: "not before", given: fsmtest.History(manyCells(), manyCell(opening), sharer()), when: settle(prod), phase: fsm.Waiting, why: "dependency: waits for " + c1 + ", which is Opening"},
		{name: "nor while an application of it has failed", given: fsmtest.History(openCell(), fsmtest.Is(web, ev.UpdateRequested[ev.CellApplicationSpec]{}, givenUp(ev.ConfigProblem)), sharer()), when: settle(prod), phase: fsm.Waiting, why: "dependency: waits for " + web + ", which is Failed"},
		{name: "joined", given: fsmtest.History(openCell(), sharer(started)), when: done(prod, ev.TenantJoined{}), then: []string{prod + " joined"}, phase: fsm.Provisioning, why: "record_tenant"},
		{name: "then it is active", given: fsmtest.History(openCell(), sharer(started, ev.TenantJoined{})), when: done(prod, ev.Activated{}), then: []string{prod + " activated"}, phase: fsm.Active, why: "-"},
		{name: "a plan without a program to join", given: fsmtest.History(openCell(), sharer(ev.TenantProvisioningStarted{Cluster: "cluster"})), when: done(prod, ev.Activated{}), then: []string{prod + " activated"}, phase: fsm.Active},
		{name: "a join that fails", given: fsmtest.History(openCell(), sharer(started)), when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed", prod + " failed"}, phase: fsm.Failed, why: "config_problem"},
		{name: "is tried again", given: fsmtest.History(openCell(), sharer(started, givenUp(ev.ConfigProblem))), when: retry(prod), then: []string{prod + " retry_requested"}, phase: fsm.Waiting},
		{name: "or given up", given: fsmtest.History(openCell(), sharer(started, givenUp(ev.ConfigProblem))), when: ask(prod, ev.Delete{}), then: []string{prod + " deletion_requested", prod + " drained"}, phase: fsm.Deleting},

		{name: "it leaves", given: going, when: settle(prod), then: []string{prod + " leaving_started"}, phase: fsm.Deleting, why: "leave_tenant"},
		{name: "a leave that fails is tried again, and the slot is kept", given: leaving, when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed"}, phase: fsm.Deleting, why: "config_problem"},
		{name: "left", given: leaving, when: done(prod, ev.TenantLeft{}), then: []string{prod + " left"}, phase: fsm.Deleting, why: "forget_tenant"},
		{name: "gone", given: fsmtest.History(leaving, fsmtest.Is(prod, ev.TenantLeft{})), when: done(prod, ev.Deleted{}), then: []string{prod + " deleted", c1 + " slot_freed"}, phase: fsm.Gone},
		{name: "who never came leaves nothing", given: fsmtest.History(openCell(), sharer()), when: ask(prod, ev.Delete{}), then: []string{prod + " deletion_requested", prod + " drained", prod + " deleted", c1 + " slot_freed"}, phase: fsm.Gone},

		{name: "no application of its own", given: active, when: create("application acme/prod_pg", `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`), not: "invalid…name: tenant acme/prod shares the applications of its cell and has none of its own"},
		{name: "no namespaces of its own", given: manyCells(), when: create(prod, `{"spec":{"plan":"many","allowNamespaces":["ops"]}}`), not: "invalid…spec.allowNamespaces: is of a namespace, and tenants of plan -/many have none of their own"},
		{name: "nothing to suspend", given: active, when: ask(prod, ev.Suspend{}), not: "refused: tenant acme/prod shares the applications of its cell"},
		{name: "nothing to adopt", given: openCell(), when: ask(prod, ev.Adopt{UID: "lost", Dataplane: "-/eu", Create: ev.Create{Spec: ev.TenantSpec{Plan: "many"}}}), not: "refused: tenant acme/prod can't be adopted: its plan is multi-tenant"},
		{name: "its record was changed by hand", given: active, when: ask(prod, ev.NoteDrift{Found: fsmtest.Gone("ConfigMap cell---pg-c1/acme--prod")}), then: []string{prod + " drifted", prod + " repair_started"}, phase: fsm.Provisioning},
	})
}

// A tenant that shares the applications of a cell moves to a version of its plan that the cell has. To another cell it goes
// as its plan says.
func TestMovesOfTenantsThatShareACell(t *testing.T) {
	home := fsmtest.History(openCell(), sharer(ev.TenantProvisioningStarted{Cluster: "cluster"}, ev.Activated{}), fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: fsmtest.ManySpecOf("2")}))
	upgraded := facts(t, home, ask(c1, ev.UpgradeCell{Plan: "many@2"}))
	second := ask(prod, ev.Move{Plan: "many@2"})
	begun := facts(t, upgraded, second)
	moved := facts(t, begun, settle(prod))
	own := fsmtest.History(home, fsmtest.TenantIs("acme/own", fsmtest.Starting...), fsmtest.Is("tenant acme/own", ev.Activated{}))
	live(t, []life{
		{name: "where it is already", given: facts(t, moved, done(prod, ev.Activated{})), when: second, phase: fsm.Active},
		{name: "the cell is not there yet", given: home, when: second, not: "refused…" + c1 + ", whose applications it shares, has version 1 of plan -/many, not 2: \"aerie cell upgrade -/eu_pg_c1 --plan many@2\""},
		{name: "nor by itself", given: home, when: ask(prod, ev.Move{}), not: "refused…has version 1 of plan -/many, not 2"},
		{name: "to a version that the cell has", given: upgraded, when: second, then: []string{prod + " move_started"}, phase: fsm.Moving},
		{name: "its record is to say so", given: begun, when: settle(prod), then: []string{prod + " move_reserved", prod + " moved"}, phase: fsm.Moving, why: "in_progress: record_tenant"},
		{name: "it says so", given: moved, when: done(prod, ev.Activated{}), then: []string{prod + " move_released", prod + " activated"}, phase: fsm.Active, why: "-"},
		{name: "it is not suspended meanwhile", given: begun, when: ask(prod, ev.Suspend{}), not: "refused: tenant acme/prod shares the applications of its cell"},
		{name: "to a plan of machines", given: home, when: ask(prod, ev.Move{Plan: "free"}), not: "refused…plan: it shares the applications of cell -/eu_pg_c1, and has its own then, and plan -/free does not say what becomes of its data"},
		{name: "from one", given: own, when: ask("tenant acme/own", ev.Move{Plan: "many"}), not: "refused…plan: it has applications of its own, and shares those of a cell then, and plan -/many does not say what becomes of its data"},
		{name: "to a cell that is not there", given: home, when: ask(prod, ev.Move{Plan: "many@1", Cell: "-/eu_pg_c2"}), not: "refused…cell: there is no cell -/eu_pg_c2"},
		{name: "to a dataplane without room", given: home, when: ask(prod, ev.Move{Plan: "many@1", Dataplane: "-/us"}), not: "refused…no tenant infra on dataplane -/us fits"},
	})
	w := fsmtest.WorldOf(t, moved)
	e, _ := w.Get(fsmtest.RefOf(prod))
	if owed, is := fsm.Machines[ev.Tenant].Owed(e).(ev.RecordTenant); !is || owed.PlanVersion != 2 || owed.Record != "acme--prod" || owed.Namespace != "cell---pg-c1" {
		t.Errorf("owed is %+v", owed)
	}
	movesOut := fsmtest.History(manyCells(), manyCell(), fsmtest.TenantIs("acme/own", fsmtest.Starting...), fsmtest.Is("tenant acme/own", ev.Activated{}))
	live(t, []life{
		{name: "a cell of a plan is for its tenants alone", given: movesOut, when: ask("tenant acme/own", ev.Move{Cell: "-/eu_pg_c1"}), not: "refused…cell: " + c1 + " takes only tenants of plan -/many"},
	})
}

// Each beginning of a join is another try: what has failed before is not what fails now.
func TestEachJoinIsAnotherTry(t *testing.T) {
	var digests []string
	job := fsmtest.ManySpec.Tenants
	started := ev.TenantProvisioningStarted{Cluster: "cluster", Join: job.Join}
	for _, happened := range [][]ev.Event{{started}, {started, givenUp(ev.ConfigProblem), ev.RetryRequested{}, started}} {
		w := fsmtest.WorldOf(t, fsmtest.History(openCell(), sharer(happened...)))
		e, _ := w.Get(fsmtest.RefOf(prod))
		join := fsm.Machines[ev.Tenant].Owed(e).(ev.JoinTenant)
		if join.Record != "acme--prod" || join.Infra != "pg" || join.Stay != "s" {
			t.Errorf("%+v", join)
		}
		digests = append(digests, fsm.DigestOf(join))
	}
	if len(digests) != 2 || digests[0] == digests[1] {
		t.Error(strings.Join(digests, " "))
	}
}

// looks counts the tenant infras whose cells a decision looks at.
type looks struct {
	*state.Entities
	at map[ev.Ref]bool
}

func (l looks) CellsOn(infra ev.Ref) []fsm.CellRoom {
	l.at[infra] = true
	return l.Entities.CellsOn(infra)
}

// A tenant of a multi-tenant plan is placed without a look at the places of all others.
func TestPlacementInCellsOfAPlanIsNoWalk(t *testing.T) {
	all := openCell()
	for i := range 20 {
		path := fmt.Sprintf("-/d%d", i)
		all = fsmtest.History(all, fsmtest.DataplaneIs(path, fsmtest.AsIs, fsmtest.Built()...),
			fsmtest.InfraIs(path+"_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}))
	}
	w := fsmtest.WorldOf(t, fsmtest.History(all, fsmtest.Is(prod, ev.Requested[ev.TenantSpec]{UID: "u-prod", Spec: ev.TenantSpec{Plan: "-/many"}}, ev.PlacingStarted{})))
	l := looks{w, map[ev.Ref]bool{}}
	e, _ := w.Get(fsmtest.RefOf(prod))
	if _, err := fsm.Machines[ev.Tenant].Decide(e, settle(prod)(t, w), fsm.NewRefs(l)); err != nil {
		t.Fatal(err)
	}
	if len(l.at) != 1 {
		t.Errorf("it looked at %d tenant infras, want the one that has cells", len(l.at))
	}
}

// A tenant that waits for the applications of an open cell waits for those of the version that the cell is upgraded to.
func TestWhoWaitsForACellIsToldOfItsNewApplications(t *testing.T) {
	next := fsmtest.ManySpecOf("2")
	next.Applications = append(next.Applications, ev.PlanApplication{Name: "more", Manifests: next.Applications[0].Manifests})
	w := fsmtest.WorldOf(t, fsmtest.History(openCell(), fsmtest.Is(web, ev.UpdateRequested[ev.CellApplicationSpec]{}), sharer(),
		fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: next})))
	more := fsmtest.RefOf("cellapplication -/eu_pg_c1_more")
	if waiting := w.Waiting(more); len(waiting) > 0 {
		t.Fatalf("%v wait before the upgrade", waiting)
	}
	spec := ev.CellSpec{Tenants: 2, KeepEmpty: "1h", Plan: "-/many", Version: 2}
	for _, f := range fsmtest.History(fsmtest.Is(c1, ev.UpdateRequested[ev.CellSpec]{Spec: spec}), fsmtest.Is("cellapplication -/eu_pg_c1_more", ev.Requested[ev.CellApplicationSpec]{UID: "m"})) {
		if err := w.Apply(fsmtest.Recorded(w, f.Ref, f.Events)); err != nil {
			t.Fatal(err)
		}
	}
	if waiting := w.Waiting(more); !slices.Contains(waiting, fsmtest.RefOf(prod)) {
		t.Errorf("those who wait are %v", waiting)
	}
}

// All cells of a plan are brought to its newest version, one after the other. The first that fails stops it, and a retry goes on.
func TestUpgradeOfAllCells(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) { *s = fsmtest.ManySpec })
	p.withInfra(func(s *ev.TenantInfraSpec) {
		s.Cells = &ev.Cells{Tenants: 1, Isolation: "policy", Max: 5, KeepEmpty: "1h"}
	})
	for _, who := range []string{"acme/a", "acme/b", "acme/c"} {
		p.subscribe(who)
		p.run()
	}
	var cells []string
	for _, who := range []string{"acme/a", "acme/b", "acme/c"} {
		cells = append(cells, p.place(who).Cell)
	}
	slices.Sort(cells)
	versions := func() (all []int) {
		for _, c := range cells {
			e, _ := p.w.Get(fsmtest.RefOf("cell " + c))
			all = append(all, e.Data.(fsm.CellData).Spec.Version)
		}
		return all
	}
	const plan = "plan -/free"
	if told := p.do(plan, ev.UpgradeCells{}, false); told != nil {
		t.Fatal("all have it: ", told)
	}
	p.do(plan, ev.Update{Spec: fsmtest.ManySpecOf("2")}, false)
	p.broken = func(r ev.Ref) bool { return r.Path() == cells[1]+"_web" }
	p.do(plan, ev.UpgradeCells{}, false)
	p.do(plan, ev.Settle{}, true)
	p.want(p.why(plan), "in_progress: brings cell")
	p.want(p.run(), "plan -/free cells_upgrade_stopped")
	p.want(versions(), "[2 2 1]")
	p.want(p.why(plan), "config_problem: cellapplication "+cells[1]+"_web: the cloud said no; mend it, then retry the plan")
	p.do(plan, ev.Retry{}, false)
	p.want(p.run(), "plan -/free cells_upgrade_stopped") // it is not mended
	p.broken = func(ev.Ref) bool { return false }
	p.do("cellapplication "+cells[1]+"_web", ev.Retry{}, false)
	p.run()
	p.do(plan, ev.Retry{}, false)
	p.want(p.run(), "plan -/free cells_upgraded")
	p.want(versions(), "[2 2 2]")
	p.want(p.why(plan), "-")
	p.broken = func(r ev.Ref) bool { return r.Path() == cells[0]+"_web" }
	p.do(plan, ev.UpgradeCells{Version: 1}, false)
	p.want(p.run(), "plan -/free cells_upgrade_stopped")
	p.broken = func(ev.Ref) bool { return false }
	p.do("cellapplication "+cells[0]+"_web", ev.Retry{}, false)
	p.do(plan, ev.Update{Spec: fsmtest.ManySpecOf("3")}, false) // the reason goes with it
	p.run()
	p.do(plan, ev.Retry{}, false)
	p.want(p.run(), "plan -/free cells_upgraded") // and back
	p.want(versions(), "[1 1 1]")
	_, err := fsmtest.DecideIn(p.w, ev.Command{ID: "x", Ref: fsmtest.RefOf(plan), Payload: ev.UpgradeCells{Version: 9}})
	p.want(err, "version: plan -/free has the versions 1 to 3")
}
