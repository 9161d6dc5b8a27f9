package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// Applications are looked at where their tenant serves, until it is closed there and once they have followed it; what is made again
// there keeps the tenant from being closed.
func TestApplicationsAreRepairedOnTheWay(t *testing.T) {
	hand := noted(movingPg, fsmtest.Gone("ConfigMap acme--prod/a")...)
	again := ev.Deployed{Revision: 1, Objects: []string{"ConfigMap/a"}}
	twice := []string{movingPg + " drifted", movingPg + " repair_started"}
	ways := func(home []fsmtest.Fact, q question, use func(*ev.Move)) (begun, copied []fsmtest.Fact) {
		begun = facts(t, home, roam(ev.TenantUse{CPU: 1}, use))
		return begun, facts(t, begun, settle(moving), done(moving, ev.MovePrepared{}), settle(moving), done(movingPg, again), q)
	}
	begun, copied := ways(clusterHome(), settle("customer acme"), fsmtest.AsIs)
	confirms := fsmtest.History(clusterHome(), fsmtest.PlanIs("asks", func(s *ev.PlanSpec) {
		s.Move = &ev.PlanMove{Data: ev.DataNone, Cut: "15m", Hold: "10m", Confirm: true}
	}))
	_, asks := ways(confirms, settle(moving), func(m *ev.Move) { m.Plan = "-/asks" })
	_, waits := ways(waitingHome(), clock("2026-03-01T12:00:00Z", settle(moving)), func(m *ev.Move) { m.Plan = "-/waits" })
	waits = facts(t, waits, clock("2026-03-01T12:00:00Z", ask(moving, ev.Confirm{})))
	night := func(q question) question { return clock("2026-03-01T23:00:00Z", q) }

	early := facts(t, begun, hand)
	install := facts(t, early, settle(moving), done(moving, ev.MovePrepared{}))
	mending := facts(t, copied, hand)
	closed := facts(t, copied, settle(moving))
	moved := facts(t, closed, done(moving, ev.MoveQuiesced{}), settle(moving))
	opened := facts(t, moved, done(moving, ev.MoveOpened{}))
	followed := facts(t, opened, settle(movingPg))
	live(t, []life{
		{name: "while it waits for its place", given: begun, when: hand, then: twice, phase: fsm.Upgrading},
		{name: "that is not held until it has moved", given: early, when: done(movingPg, again), then: []string{movingPg + " deployed"}, phase: fsm.Deployed, why: "-"},
		{name: "and is waited for before it is installed there", given: install, when: settle(moving), phase: fsm.Moving, why: "application acme/prod_pg has been changed by hand, and is made again as it was before the tenant is closed"},
		{name: "what can't be made again gives the move up", given: facts(t, install, failed(movingPg, ev.ConfigProblem)), when: settle(moving), then: []string{moving + " move_aborting"}},
		{name: "nor does what somebody has put right wait till then", given: facts(t, early, failed(movingPg, ev.ConfigProblem), noted(movingPg), settle(moving), done(moving, ev.MovePrepared{})), when: settle(moving), phase: fsm.Moving, why: "application acme/prod_pg has been changed by hand, and is made again"},
		{name: "it goes along when that is made sure of", given: facts(t, early, failed(movingPg, ev.ConfigProblem), noted(movingPg), settle(moving), done(moving, ev.MovePrepared{}), done(movingPg, again)), when: settle(moving), then: []string{movingPg + " copy_started"}},
		{name: "once it is there, where it serves", given: copied, when: hand, then: twice, phase: fsm.Copied},
		{name: "a second look meanwhile", given: mending, when: hand, phase: fsm.Copied},
		{name: "made again there", given: mending, when: done(movingPg, again), then: []string{movingPg + " deployed"}, phase: fsm.Copied},
		{name: "it is not closed meanwhile", given: mending, when: settle(moving), phase: fsm.Moving},
		{name: "but then", given: facts(t, mending, done(movingPg, again)), when: settle(moving), then: []string{moving + " move_installed"}},
		{name: "it takes as often as it takes", given: facts(t, mending, failed(movingPg, ev.ConfigProblem)), when: failed(movingPg, ev.InternalReason), then: []string{movingPg + " attempt_failed"}, phase: fsm.Copied},
		{name: "nobody confirms what would close it", given: facts(t, asks, hand), when: ask(moving, ev.Confirm{}), not: "refused…application acme/prod_pg has been changed by hand…confirm it then"},
		{name: "it is confirmed then", given: facts(t, asks, hand, done(movingPg, again)), when: ask(moving, ev.Confirm{}), then: []string{moving + " move_confirmed"}},
		{name: "nor while its own namespace is made again", given: facts(t, asks, noted(moving, fsmtest.Gone("NetworkPolicy acme--prod/aerie-default-deny")...)), when: ask(moving, ev.Confirm{}), not: "refused…tenant acme/prod has been changed by hand"},
		{name: "its time comes meanwhile", given: facts(t, waits, hand), when: night(settle(moving)), phase: fsm.Moving},
		{name: "and its timer", given: facts(t, waits, hand), when: night(expired(moving)), phase: fsm.Moving},
		{name: "it is closed when all is made again", given: facts(t, waits, hand, done(movingPg, again)), when: night(settle(moving)), then: []string{moving + " move_window_opened"}},
		{name: "a night that is over by then", given: facts(t, waits, hand, done(movingPg, again)), when: clock("2026-03-02T09:00:00Z", expired(moving)), then: []string{moving + " move_window_missed"}},
		{name: "given up meanwhile", given: mending, when: ask(moving, ev.Abort{}), then: []string{moving + " move_aborting", movingPg + " copy_dropped"}},
		{name: "where it stays it is looked at again at rest", given: facts(t, mending, ask(moving, ev.Abort{}), done(moving, ev.Deleted{})), when: hand, then: twice, phase: fsm.Upgrading},
		{name: "deleted meanwhile", given: mending, when: ask(movingPg, ev.Delete{}), then: []string{movingPg + " deletion_requested", movingPg + " drained"}, phase: fsm.Uninstalling},
		{name: "closed it is not looked at", given: closed, when: hand, phase: fsm.Copied},
		{name: "nor before it has followed", given: opened, when: hand, phase: fsm.Copied},
		{name: "then where it has gone", given: followed, when: hand, then: twice, phase: fsm.Upgrading},
		{name: "and made again there", given: facts(t, followed, hand), when: done(movingPg, again), then: []string{movingPg + " deployed"}, phase: fsm.Deployed, why: "-"},
		{name: "a look that finds nothing", given: copied, when: noted(movingPg), phase: fsm.Copied},
	})
	// The fixtures' tenants have no target where they begin.
	for at, given := range map[string][]fsmtest.Fact{"": mending, "-/us": facts(t, followed, hand)} {
		owed, is := fsm.Machines[ev.Application].Owed(mustGet(t, fsmtest.WorldOf(t, given), movingPg)).(ev.EnsureApplication)
		if !is || owed.Target.Dataplane != at || !owed.Repair {
			t.Errorf("what was changed by hand on %q is made again by %+v", at, owed)
		}
	}
}
