package fsm_test

import (
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func TestSuspensionLives(t *testing.T) {
	const prod, pg = "tenant acme/prod", "application acme/prod_pg"
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt())
	active := fsmtest.History(home, fsmtest.TenantActive())
	suspending := fsmtest.History(home, fsmtest.TenantActive(ev.SuspendRequested{}))
	suspended := fsmtest.History(suspending, fsmtest.Is(prod, ev.Suspended{}))
	resuming := fsmtest.History(suspended, fsmtest.Is(prod, ev.ResumeRequested{}))
	deployed := fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1})
	installing := fsmtest.AppIs(fsmtest.Installing)
	drifted := ev.NoteDrift{Found: []ev.Drift{{What: "Deployment acme--prod/web", How: ev.DriftChanged}}}
	given := ev.SuspendGivenUp{Reason: fsmtest.Attempt(0, ev.ConfigProblem).Reason}
	suspend, resume := ask(prod, ev.Suspend{}), ask(prod, ev.Resume{})
	live(t, []life{
		{name: "suspended", given: active, when: suspend, then: []string{prod + " suspend_requested"}, phase: fsm.Suspending, why: "in_progress: suspend_tenant is under way"},
		{name: "suspended twice", given: suspending, when: suspend, phase: fsm.Suspending},
		{name: "nothing runs", given: suspending, when: done(prod, ev.Suspended{TookMS: 7}), then: []string{prod + " suspended"}, phase: fsm.Suspended, why: "-"},
		{name: "only what is active is suspended", given: fsmtest.History(home, fsmtest.TenantIs("acme/prod", fsmtest.Starting...)), when: suspend, not: "refused…is Provisioning: only what is Active can be suspended"},
		{name: "what is being installed waits", given: fsmtest.History(active, installing), when: suspend, then: []string{prod + " suspend_requested", pg + " change_held"}, phase: fsm.Suspending},
		{name: "what is deployed stays", given: fsmtest.History(active, deployed), when: suspend, then: []string{prod + " suspend_requested"}},
		{name: "resumed", given: suspended, when: resume, then: []string{prod + " resume_requested"}, phase: fsm.Resuming},
		{name: "resumed while it falls asleep", given: suspending, when: resume, then: []string{prod + " resume_requested"}, phase: fsm.Resuming},
		{name: "suspended while it wakes", given: resuming, when: suspend, then: []string{prod + " suspend_requested"}, phase: fsm.Suspending},
		{name: "what is awake is not resumed", given: active, when: resume, phase: fsm.Active},
		{name: "what is not made yet can't be resumed", given: fsmtest.History(home, fsmtest.TenantIs("acme/prod")), when: resume, not: "refused…only what is Suspended can be resumed"},
		{name: "all runs again", given: resuming, when: done(prod, ev.Resumed{TookMS: 7}), then: []string{prod + " resumed"}, phase: fsm.Active, why: "-"},
		{name: "a late end of falling asleep", given: resuming, when: late(prod, suspending, ev.Suspended{}), phase: fsm.Resuming},
		{name: "it can't be suspended", given: suspending, when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed", prod + " suspend_given_up"}, phase: fsm.Resuming, why: "config_problem"},
		{name: "it is awake again, and says why", given: fsmtest.History(suspending, fsmtest.Is(prod, given)), when: done(prod, ev.Resumed{}), then: []string{prod + " resumed"}, phase: fsm.Active, why: "config_problem"},
		{name: "it is tried again", given: fsmtest.History(suspending, fsmtest.Is(prod, given, ev.Resumed{})), when: suspend, then: []string{prod + " suspend_requested"}, phase: fsm.Suspending, why: "suspend_tenant is under way"},
		{name: "it can't be woken", given: fsmtest.History(resuming, fsmtest.Is(prod, tried(4))), when: failed(prod, ev.InternalReason), then: []string{prod + " attempt_failed", prod + " update_failed"}, phase: fsm.Suspended, why: "internal"},
		{name: "it falls asleep too slowly", given: suspending, when: expired(prod), then: []string{prod + " suspend_given_up"}, phase: fsm.Resuming, why: "timeout"},
		{name: "an update does not wake it", given: suspended, when: update(prod, `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`), then: []string{prod + " update_requested"}, phase: fsm.Suspending},
		{name: "an update that fails does not either", given: fsmtest.History(suspended, fsmtest.Is(prod, ev.UpdateRequested[ev.TenantSpec]{Spec: fsmtest.ProdSpec})), when: failed(prod, ev.ConfigProblem),
			then: []string{prod + " attempt_failed", prod + " update_failed"}, phase: fsm.Suspended, why: "config_problem"},
		{name: "somebody has woken it by hand", given: suspended, when: ask(prod, drifted), then: []string{prod + " drifted", prod + " repair_started"}, phase: fsm.Suspending},
		{name: "what of it has been stopped is no drift", given: fsmtest.History(suspended, deployed), when: ask(pg, drifted), phase: fsm.Deployed},
		{name: "deleted while it sleeps", given: suspended, when: ask(prod, ev.Delete{}), then: []string{prod + " deletion_requested", prod + " drained"}, phase: fsm.Deleting},
		{name: "deleted while it falls asleep", given: suspending, when: ask(prod, ev.Delete{}), then: []string{prod + " deletion_requested", prod + " drained"}, phase: fsm.Deleting},
		{name: "a new application waits", given: fsmtest.History(suspended, fsmtest.AppIs()), when: settle(pg), phase: fsm.Pending, why: "dependency: waits for tenant acme/prod, which is Suspended"},
		{name: "an update of an application waits", given: fsmtest.History(suspended, deployed), when: update(pg, `{"spec":{"manifests":[{"kind":"Service"}]}}`),
			then: []string{pg + " update_requested", pg + " change_held"}, phase: fsm.Upgrading, why: "dependency: waits for tenant acme/prod, which is Suspended"},
	})
}

// The programs by which operators stop what they run are those of the plan and of what is installed, as they are named when the tenant is to
// sleep, and when it is to wake.
func TestOperatorsStopByPrograms(t *testing.T) {
	const prod, pg, web = "tenant acme/prod", "application acme/prod_pg", "application acme/prod_web"
	program := func(image string) *ev.PlanJob { return &ev.PlanJob{Image: image, Deadline: "45m", Attempts: 1} }
	spec := fsmtest.PgSpec
	spec.Suspension = &ev.ApplicationSuspension{Suspend: program("down:1"), Resume: program("up:1")}
	app := fsmtest.Is(pg, ev.Requested[ev.ApplicationSpec]{UID: "u-pg", Spec: spec}, fsmtest.Installing, ev.Deployed{Revision: 1})
	planned := fsmtest.PlanIs("operated", func(s *ev.PlanSpec) {
		s.Suspension = &ev.PlanSuspension{Suspend: program("all-down:1"), Resume: program("all-up:1"), Egress: []string{"10.0.0.0/8"}}
	})
	home := fsmtest.TenantHome()
	onPlan := facts(t, fsmtest.History(home, planned), usedBy(ev.Move{Plan: "-/operated"}, ev.TenantUse{}), settle(prod), settle(prod), done(prod, ev.Activated{}))
	suspend, resume := ask(prod, ev.Suspend{}), ask(prod, ev.Resume{})
	owed := func(given []fsmtest.Fact) string {
		e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(prod))
		said := fmt.Sprintf("within %s: ", fsm.Machines[ev.Tenant].LimitsOf(e).Within)
		var p *ev.MovePrograms
		switch owed := fsm.Machines[ev.Tenant].Owed(e).(type) {
		case ev.SuspendTenant:
			p = owed.Programs
			said += fmt.Sprintf("%q sleep", owed.Operated)
		case ev.ResumeTenant:
			p = owed.Programs
			said += "wake"
		}
		if p == nil {
			return said
		}
		for _, j := range p.Jobs {
			said += " " + j.Job.Image
		}
		return said + fmt.Sprintf(" after %q, to %v", p.Stops, p.Egress)
	}
	bare, withApp := facts(t, home, suspend), facts(t, fsmtest.History(home, app), suspend)
	asleep := facts(t, withApp, done(prod, ev.Suspended{}))
	other := fsmtest.PgSpec
	other.Suspension = &ev.ApplicationSuspension{Suspend: program("down:2"), Resume: program("up:2")}
	beside := fsmtest.Is(web, ev.Requested[ev.ApplicationSpec]{UID: "u-web", Spec: other}, fsmtest.Installing, ev.Deployed{Revision: 1})
	both := facts(t, fsmtest.History(home, app, beside), suspend, done(prod, ev.Suspended{}))
	gone, goes := ask(pg, ev.Delete{}), done(pg, ev.Deleted{})
	for _, c := range []struct {
		name, want string
		given      []fsmtest.Fact
	}{
		{"bare", `within 30m0s: [] sleep`, bare},
		{"bare, and wakes", `within 30m0s: wake`, facts(t, bare, done(prod, ev.Suspended{}), resume)},
		{"its application names programs", `within 1h15m0s: ["pg"] sleep down:1 after ["pg"], to []`, withApp},
		{"that wakes", `within 1h15m0s: wake up:1 after ["pg"], to []`, facts(t, asleep, resume)},
		{"the plan does too", `within 1h15m0s: ["" "pg"] sleep all-down:1 down:1 after ["" "pg"], to [10.0.0.0/8]`, facts(t, fsmtest.History(onPlan, app), suspend)},
		{"the plan alone does", `within 1h15m0s: [""] sleep all-down:1 after [""], to [10.0.0.0/8]`, facts(t, onPlan, suspend)},
		{"the plan alone does, and it could not fall asleep", `within 1h15m0s: wake all-up:1 after [""], to [10.0.0.0/8]`, facts(t, onPlan, suspend, failed(prod, ev.ConfigProblem))},
		{"both do, and it wakes", `within 1h15m0s: wake all-up:1 up:1 after ["" "pg"], to [10.0.0.0/8]`, facts(t, fsmtest.History(onPlan, app), suspend, resume)},
		{"it falls asleep again", `within 1h15m0s: ["pg"] sleep down:1 after ["pg"], to []`, facts(t, asleep, resume, suspend)},
		{"somebody has started something", `within 1h15m0s: ["pg"] sleep down:1 after ["pg"], to []`, facts(t, asleep, ask(prod, ev.NoteDrift{Found: []ev.Drift{{What: "Deployment acme--prod/web", How: ev.DriftChanged}}}))},
		{"it fell asleep, woke, and its application is gone", `within 30m0s: [] sleep`, facts(t, asleep, resume, done(prod, ev.Resumed{}), ask(pg, ev.Delete{}), done(pg, ev.Deleted{}), suspend)},
		{"its application is gone while it sleeps", `within 30m0s: wake`, facts(t, asleep, gone, goes, resume)},
		{"its application goes while it sleeps", `within 30m0s: wake`, facts(t, asleep, gone, resume)},
		{"and it is to sleep on", `within 30m0s: [] sleep`, facts(t, asleep, gone, goes, resume, suspend)},
		{"one of two is gone while it sleeps", `within 1h15m0s: wake up:2 after ["web"], to []`, facts(t, both, gone, goes, resume)},
		{"one of two names none any more", `within 1h15m0s: wake up:1 up:3 after ["pg" "web"], to []`,
			facts(t, both, update(pg, `{"spec":{"manifests":[{"kind":"Service"}]}}`), update(web, `{"spec":{"manifests":[{"kind":"Service"}],"suspension":{"suspend":{"image":"down:3","deadline":"45m"},"resume":{"image":"up:3","deadline":"45m"}}}}`), resume)},
		{"an old log says nothing of what is gone", `within 1h15m0s: wake up:1 after ["pg"], to []`, fsmtest.History(asleep, fsmtest.Is(prod, ev.ResumeRequested{}))},
	} {
		if got := owed(c.given); got != c.want {
			t.Errorf("%s: owed is %s, want %s", c.name, got, c.want)
		}
	}
	round := func(given []fsmtest.Fact) int {
		e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(prod))
		switch owed := fsm.Machines[ev.Tenant].Owed(e).(type) {
		case ev.SuspendTenant:
			return owed.Programs.Round
		case ev.ResumeTenant:
			return owed.Programs.Round
		}
		return 0
	}
	vain := facts(t, asleep, resume, failed(prod, ev.ConfigProblem))
	for i, given := range [][]fsmtest.Fact{withApp, facts(t, asleep, resume), facts(t, vain, resume), facts(t, vain, retry(prod), failed(prod, ev.ConfigProblem), suspend)} {
		if got := round(given); got != i+1 {
			t.Errorf("%d: it is round %d", i, got)
		}
	}
	waits := facts(t, withApp, failed(prod, ev.QuotaExceeded)) // its time begins anew, and nothing else
	if got := round(waits); got != 1 {
		t.Errorf("what waits is round %d", got)
	}
	e, _ := fsmtest.WorldOf(t, asleep).Get(fsmtest.RefOf(prod))
	made := fsm.Machines[ev.Tenant].ExpectedEffects(e, fsmtest.WorldOf(t, asleep).Refs())[0].(ev.SuspendTenant)
	if made.Programs != nil || fmt.Sprint(made.Operated) != "[pg]" {
		t.Errorf("a look at it runs %+v", made)
	}
	elsewhere := fsmtest.History(asleep, fsmtest.PlanIs("roams", func(s *ev.PlanSpec) { s.Move = &ev.PlanMove{Data: ev.DataNone, Cut: "15m", Hold: "10m"} }),
		fsmtest.DataplaneIs("-/us", fsmtest.AsIs, fsmtest.Built()...), fsmtest.InfraIs("-/us_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}))
	many := home
	for i := range 21 {
		many = append(many, fsmtest.Is(fmt.Sprintf("application acme/prod_a%d", i), ev.Requested[ev.ApplicationSpec]{UID: fmt.Sprint(i), Spec: spec}, fsmtest.Installing, ev.Deployed{Revision: 1})...)
	}
	vainly := facts(t, withApp, failed(prod, ev.ConfigProblem), failed(prod, ev.ConfigProblem))
	live(t, []life{
		{name: "it could neither be suspended nor resumed, and serves", given: facts(t, withApp, failed(prod, ev.ConfigProblem)), when: failed(prod, ev.ConfigProblem),
			then: []string{prod + " attempt_failed", prod + " resumed"}, phase: fsm.Active, why: "config_problem"},
		{name: "a Secret of its programs is not there", given: facts(t, withApp, failed(prod, ev.ConfigProblem), failed(prod, ev.Dependency)), when: expired(prod), then: []string{prod + " resumed"}, phase: fsm.Active, why: "dependency"},
		{name: "it is suspended again", given: vainly, when: suspend, then: []string{prod + " suspend_requested"}, phase: fsm.Suspending},
		{name: "that is tried again", given: vainly, when: retry(prod), then: []string{prod + " suspend_requested"}, phase: fsm.Suspending},
		{name: "it was woken while it fell asleep, and serves", given: facts(t, withApp, resume), when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed", prod + " resumed"}, phase: fsm.Active, why: "config_problem"},
		{name: "it has slept", given: facts(t, asleep, resume), when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed", prod + " update_failed"}, phase: fsm.Suspended, why: "config_problem"},
		{name: "its cluster does not answer", given: facts(t, withApp, failed(prod, ev.ConfigProblem)), when: expired(prod), then: []string{prod + " update_failed"}, phase: fsm.Suspended, why: "timeout"},
	})
	live(t, []life{{name: "too many programs", given: many, when: suspend, not: "refused…21 programs would have operators stop what they run for tenant acme/prod, too many: 20 at most"}})
	live(t, []life{{name: "it goes nowhere", given: elsewhere, when: roam(ev.TenantUse{}, fsmtest.AsIs), not: "refused…programs had operators stop what they run for it…resume it first"}})
}

func TestWhatIsHeld(t *testing.T) {
	const prod, pg = "tenant acme/prod", "application acme/prod_pg"
	suspended := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantActive(ev.SuspendRequested{}, ev.Suspended{}))
	awake := fsmtest.Is(prod, ev.ResumeRequested{}, ev.Resumed{})
	other := ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}
	held := fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1}, ev.UpdateRequested[ev.ApplicationSpec]{Spec: other}, ev.ChangeHeld{})
	live(t, []life{
		{name: "it takes no time", given: fsmtest.History(suspended, held), when: expired(pg), phase: fsm.Upgrading},
		{name: "it waits on", given: fsmtest.History(suspended, held), when: settle(pg), phase: fsm.Upgrading},
		{name: "another wish waits too", given: fsmtest.History(suspended, held), when: update(pg, `{"spec":{"manifests":[{"kind":"Secret"}]}}`), then: []string{pg + " update_requested"}, phase: fsm.Upgrading, why: "dependency"},
		{name: "a late report of before", given: fsmtest.History(suspended, held), when: late(pg, fsmtest.History(suspended, held[:len(held)-1]), ev.Deployed{Revision: 2}), phase: fsm.Upgrading},
		{name: "a rollback waits", given: fsmtest.History(suspended, fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1}, ev.UpdateRequested[ev.ApplicationSpec]{Spec: other}, ev.Deployed{Revision: 2})),
			when: ask(pg, ev.Rollback{}), then: []string{pg + " rollback_requested", pg + " change_held"}, phase: fsm.RollingBack},
		{name: "what was given up waits for its tenant", given: fsmtest.History(suspended, fsmtest.AppIs(fsmtest.Installing, givenUp(ev.Timeout))), when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.Pending, why: "dependency"},
		{name: "it goes on when the tenant is awake", given: fsmtest.History(suspended, held, awake), when: settle(pg), then: []string{pg + " change_released"}, phase: fsm.Upgrading, why: "in_progress: ensure_application is under way"},
		{name: "it comes about", given: fsmtest.History(suspended, held, awake, fsmtest.Is(pg, ev.ChangeReleased{})), when: done(pg, ev.Deployed{Revision: 2}), then: []string{pg + " deployed"}, phase: fsm.Deployed, why: "-"},
		{name: "it is deleted while it waits", given: fsmtest.History(suspended, held), when: ask(pg, ev.Delete{}), then: []string{pg + " deletion_requested", pg + " drained"}, phase: fsm.Uninstalling},
	})
}

// TestTooMuchToHold refuses a suspension that would have to hold more than one decision may change.
func TestTooMuchToHold(t *testing.T) {
	facts := fsmtest.TenantHome()
	for i := range 101 {
		facts = append(facts, fsmtest.Is(fmt.Sprintf("application acme/prod_a%d", i), ev.Requested[ev.ApplicationSpec]{UID: fmt.Sprint(i), Spec: fsmtest.PgSpec}, fsmtest.Installing)...)
	}
	live(t, []life{{name: "101 at once", given: facts, when: ask("tenant acme/prod", ev.Suspend{}), not: "refused…101 applications of tenant acme/prod are being changed"}})
}

// TestARetryIsForWhatWasAskedFor has people retry what could not fall asleep, wake, or become another: they mean what they asked for,
// and what can't be had yet is said still.
func TestARetryIsForWhatWasAskedFor(t *testing.T) {
	const prod, pg, eu = "tenant acme/prod", "application acme/prod_pg", "dataplane -/eu"
	reason := fsmtest.Attempt(0, ev.InternalReason).Reason
	vain, drifted := ev.UpdateFailed{Reason: reason}, ev.Drifted{Found: fsmtest.Gone("Namespace acme--prod")}
	other := ev.UpdateRequested[ev.TenantSpec]{Spec: fsmtest.ProdSpec}
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt())
	past := func(events ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(home, fsmtest.TenantActive(ev.SuspendRequested{}), fsmtest.Is(prod, events...))
	}
	asleep := func(events ...ev.Event) []fsmtest.Fact {
		return past(append([]ev.Event{ev.Suspended{}, ev.ResumeRequested{}, vain}, events...)...)
	}
	waking := func(events ...ev.Event) []fsmtest.Fact {
		return past(append([]ev.Event{ev.SuspendGivenUp{Reason: reason}}, events...)...)
	}
	awake := func(events ...ev.Event) []fsmtest.Fact { return waking(append([]ev.Event{ev.Resumed{}}, events...)...) }
	reported := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), fsmtest.PlanReady(), fsmtest.DataplaneIs("-/eu", reportsDrift, fsmtest.Built()...), fsmtest.InfraBuilt(),
		fsmtest.TenantActive(ev.SuspendRequested{}, ev.Suspended{}, ev.ResumeRequested{}, vain, drifted))
	upgrade := ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}}
	undoing := fsmtest.History(home, fsmtest.TenantActive(), fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1}, upgrade, ev.RollingBackStarted{To: 1, Reason: reason}, tried(1)))
	undone := fsmtest.History(undoing, fsmtest.Is(pg, ev.RetryRequested{}, ev.RolledBack{Revision: 1}))
	wakes, sleeps, repairs, again := []string{prod + " resume_requested"}, []string{prod + " suspend_requested"}, []string{prod + " repair_started"}, []string{prod + " retry_requested"}
	live(t, []life{
		{name: "it could not be woken", given: asleep(), when: retry(prod), then: wakes, phase: fsm.Resuming},
		{name: "it is told to sleep on instead", given: asleep(), when: ask(prod, ev.Suspend{}), then: sleeps, phase: fsm.Suspending},
		{name: "and stays so though that fails", given: asleep(ev.SuspendRequested{}, vain), when: retry(prod), then: again, phase: fsm.Suspending},
		{name: "it is being repaired in vain", given: asleep(drifted, ev.RepairStarted{}, tried(1)), when: retry(prod), then: wakes, phase: fsm.Resuming},
		{name: "its repair has failed", given: asleep(drifted, ev.RepairStarted{}, ev.UpdateFailed{Reason: reason, Repair: true}), when: retry(prod), then: wakes, phase: fsm.Resuming},
		{name: "what has drifted is brought back first", given: reported, when: retry(prod), then: repairs, phase: fsm.Suspending},
		{name: "and it is to wake still", given: fsmtest.History(reported, fsmtest.Is(prod, ev.RepairStarted{})), when: done(prod, ev.Suspended{}), then: []string{prod + " update_done"}, phase: fsm.Suspended, why: "internal"},
		{name: "another spec of one that sleeps", given: past(ev.Suspended{}, other, vain), when: retry(prod), then: again, phase: fsm.Suspending},
		{name: "waking is tried again at once", given: past(ev.Suspended{}, ev.ResumeRequested{}, tried(1)), when: retry(prod), then: again, phase: fsm.Resuming},

		{name: "it could not fall asleep", given: awake(), when: retry(prod), then: sleeps, phase: fsm.Suspending},
		{name: "its applications wait for that", given: fsmtest.History(awake(), fsmtest.AppIs(fsmtest.Installing)), when: retry(prod), then: []string{prod + " suspend_requested", pg + " change_held"}, phase: fsm.Suspending},
		{name: "it is told to stay awake instead", given: awake(), when: ask(prod, ev.Resume{}), then: again, phase: fsm.Provisioning},
		{name: "it is woken in vain since it could not", given: waking(tried(1)), when: retry(prod), then: sleeps, phase: fsm.Suspending},
		{name: "the repair of one that could not has failed", given: awake(drifted, ev.RepairStarted{}, ev.Failed{Reason: reason}), when: retry(prod), then: repairs, phase: fsm.Waiting},
		{name: "it is repaired in vain", given: awake(drifted, ev.RepairStarted{}, tried(1)), when: retry(prod), then: repairs, phase: fsm.Provisioning},
		{name: "and is to fall asleep still", given: awake(drifted, ev.RepairStarted{}, tried(1), ev.RepairStarted{}), when: done(prod, ev.Activated{}), then: []string{prod + " update_done"}, phase: fsm.Active, why: "internal"},
		{name: "one that is to go goes", given: awake(ev.DeletionRequested{}, ev.Drained{}, tried(1)), when: retry(prod), then: again, phase: fsm.Deleting},

		{name: "an upgrade that is undone in vain", given: undoing, when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.RollingBack, why: "internal"},
		{name: "and is not what was asked for when it is", given: fsmtest.History(undoing, fsmtest.Is(pg, ev.RetryRequested{})), when: done(pg, ev.Deployed{Revision: 1}), then: []string{pg + " rolled_back"}, phase: fsm.Failed, why: "internal"},
		{name: "so that it can be tried again", given: undone, when: retry(pg), then: []string{pg + " retry_requested"}, phase: fsm.Pending},
		{name: "a version that could not be had", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.36"), fsmtest.Is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec(version("1.37"))}, vain)), when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Updating, why: "ensure_network"},
	})
	many := awake()
	for i := range 101 {
		many = append(many, fsmtest.Is(fmt.Sprintf("application acme/prod_a%d", i), ev.Requested[ev.ApplicationSpec]{UID: fmt.Sprint(i), Spec: fsmtest.PgSpec}, fsmtest.Installing)...)
	}
	live(t, []life{{name: "it is told why it can't", given: many, when: retry(prod), not: "refused…101 applications of tenant acme/prod are being changed"}})
}
