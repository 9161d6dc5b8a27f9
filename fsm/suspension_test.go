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
