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
