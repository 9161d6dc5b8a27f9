package fsm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// waitingHome is a home beside a plan to which a tenant comes that is confirmed first, and closed at night only.
func waitingHome() []fsmtest.Fact {
	return fsmtest.History(clusterHome(), fsmtest.PlanIs("waits", func(s *ev.PlanSpec) {
		s.Move = &ev.PlanMove{Data: ev.DataNone, Cut: "15m", Hold: "10m", Confirm: true, ConfirmWithin: "8h",
			Window: &ev.MoveWindow{From: "22:00", To: "04:00"}}
	}))
}

// clock is a question at a time.
func clock(at string, q question) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		c := q(t, w)
		c.Time, _ = time.Parse(time.RFC3339, at)
		return c
	}
}

func TestMovesWaitForPeopleAndTimes(t *testing.T) {
	over := roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Plan = "-/waits" })
	begun := facts(t, waitingHome(), over)
	installed := facts(t, begun, settle(moving), done(moving, ev.MovePrepared{}), settle(moving), done(movingPg, ev.Deployed{Revision: 1}),
		clock("2026-03-01T12:00:00Z", settle(moving)))
	confirmed := facts(t, installed, clock("2026-03-01T12:00:00Z", ask(moving, ev.Confirm{})))
	night := clock("2026-03-01T23:00:00Z", settle(moving))
	closed := facts(t, confirmed, night)
	paused := facts(t, installed, ask(moving, ev.Pause{}))
	moved := facts(t, closed, done(moving, ev.MoveQuiesced{}), settle(moving))
	held := facts(t, moved, done(moving, ev.MoveOpened{}))
	hand := noted(moving, fsmtest.Gone("NetworkPolicy acme--prod/aerie-default-deny")...)
	mended := []string{moving + " drifted", moving + " repair_started"}
	for at, given := range map[string][]fsmtest.Fact{"-/eu": facts(t, installed, hand), "-/us": facts(t, held, hand)} {
		e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
		owed, is := fsm.Machines[ev.Tenant].Owed(e).(ev.EnsureTenant)
		if !is || owed.Placement.Dataplane != at || owed.Closed {
			t.Errorf("what was changed by hand on %s is made again by %+v", at, fsm.Machines[ev.Tenant].Owed(e))
		}
	}
	live(t, []life{
		{name: "it waits for somebody", given: installed, when: settle(moving), phase: fsm.Moving, why: `all is ready on -/us, and it waits until somebody says "aerie tenant confirm acme/prod"; after 8h0m0s it is given up`},
		{name: "not before all is ready", given: begun, when: ask(moving, ev.Confirm{}), not: "refused…is at step reserve: confirm it when all is ready there"},
		{name: "confirmed", given: installed, when: ask(moving, ev.Confirm{}), then: []string{moving + " move_confirmed"}, why: "waits until it may be closed: every day from 22:00 to 04:00 (UTC); next at"},
		{name: "at night it is closed at once", given: installed, when: clock("2026-03-01T23:00:00Z", ask(moving, ev.Confirm{})), then: []string{moving + " move_confirmed"}, why: "waits until it may be closed"},
		{name: "confirmed twice", given: confirmed, when: ask(moving, ev.Confirm{})},
		{name: "nobody confirms", given: installed, when: expired(moving), then: []string{moving + " move_aborting"}},
		{name: "nobody confirms a move that waits for nobody", given: facts(t, clusterHome(), roam(ev.TenantUse{CPU: 1}, fsmtest.AsIs)), when: ask(moving, ev.Confirm{}), not: "refused…waits for nobody"},
		{name: "nor what does not move", given: waitingHome(), when: ask(moving, ev.Confirm{}), not: "refused…does not move"},
		{name: "by day it goes no further", given: confirmed, when: clock("2026-03-01T12:01:00Z", settle(moving)), phase: fsm.Moving},
		{name: "its time has come", given: confirmed, when: night, then: []string{moving + " move_window_opened"}, why: "relocate_tenant is under way"},
		{name: "a night that nobody has seen", given: confirmed, when: clock("2026-03-02T09:00:00Z", expired(moving)), then: []string{moving + " move_window_missed"}, why: "next at"},
		{name: "paused while it waits", given: installed, when: ask(moving, ev.Pause{}), then: []string{moving + " move_paused"}, why: "the move is paused"},
		{name: "paused it is not confirmed", given: paused, when: ask(moving, ev.Confirm{}), not: "refused…is paused: continue it first"},
		{name: "paused it is not given up", given: paused, when: expired(moving), phase: fsm.Moving},
		{name: "paused at night", given: facts(t, confirmed, ask(moving, ev.Pause{})), when: night, phase: fsm.Moving},
		{name: "aborted while it waits", given: confirmed, when: ask(moving, ev.Abort{}), then: []string{moving + " move_aborting"}},
		{name: "not paused once it is closed", given: closed, when: ask(moving, ev.Pause{}), not: "refused…has been closed since 2026-03-01T23:00:00Z"},
		{name: "its namespace was changed by hand while it waits", given: installed, when: hand, then: mended, why: "it waits until somebody says"},
		{name: "and while it is paused", given: paused, when: hand, then: mended, why: "the move is paused"},
		{name: "it is made again where it serves", given: facts(t, installed, hand), when: done(moving, ev.Activated{}), then: []string{moving + " drift_ended"}, why: "it waits until somebody says"},
		{name: "a look that finds nothing", given: installed, when: noted(moving), phase: fsm.Moving},
		{name: "a second look meanwhile", given: facts(t, installed, hand), when: hand, phase: fsm.Moving},
		{name: "it is confirmed meanwhile", given: facts(t, installed, hand), when: ask(moving, ev.Confirm{}), then: []string{moving + " move_confirmed"}, why: "waits until it may be closed"},
		{name: "closed it is not looked at", given: closed, when: hand, phase: fsm.Moving},
		{name: "nor once it has moved and is not open", given: moved, when: hand, phase: fsm.Moving},
		{name: "open there it is looked at there", given: held, when: hand, then: mended, why: "stays for 10m0s"},
		{name: "and made again there", given: facts(t, held, hand), when: done(moving, ev.Activated{}), then: []string{moving + " drift_ended"}, why: "stays for 10m0s"},
		{name: "nor when it goes back", given: facts(t, installed, ask(moving, ev.Abort{})), when: hand, phase: fsm.Moving},
		{name: "closed it goes on as ever", given: facts(t, closed, done(moving, ev.MoveQuiesced{})), when: settle(moving), then: []string{moving + " moved"}},
	})
	e, _ := fsmtest.WorldOf(t, closed).Get(fsmtest.RefOf(moving))
	m := e.Data.(fsm.TenantData).Move
	if want := "2026-03-01T23:00:00Z"; m.Closed.Format(time.RFC3339) != want {
		t.Errorf("it has been closed since %s, want %s", m.Closed, want)
	}
	if l := fsm.Machines[ev.Tenant].LimitsOf(e); !l.From.Equal(m.Closed) || l.Within != 15*time.Minute {
		t.Errorf("the interruption counts from %s, %s long", l.From, l.Within)
	}
	w := fsmtest.WorldOf(t, waitingHome())
	tenant, _ := w.Get(fsmtest.RefOf(moving))
	plan, err := fsm.PlanMove(tenant, over(t, w), w.Refs())
	if err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprint(plan.Steps); !strings.Contains(said, "{confirm waits until somebody confirms it; after 8h0m0s it is given up [move_confirmed]} {window waits for the time: every day from 22:00 to 04:00 (UTC) [move_window_opened]} {quiesce") {
		t.Errorf("the dry run says %s", said)
	}
}

// A repair of one that is held on its way gives up no move, however long it takes and however often it fails; the step does that
// once the move goes on.
func TestARepairOnTheWayGivesUpNoMove(t *testing.T) {
	paused := facts(t, waitingHome(), roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Plan = "-/waits" }), settle(moving), ask(moving, ev.Pause{}))
	begun := mustGet(t, fsmtest.WorldOf(t, paused), moving).PhaseSince
	over := func(t *testing.T, w *state.Entities) ev.Command { return ask(moving, ev.Expire{Since: begun})(t, w) }
	hand := noted(moving, fsmtest.Gone("NetworkPolicy acme--prod/aerie-default-deny")...)
	fails := failed(moving, ev.InternalReason)
	vain := facts(t, paused, hand, fails, fails, fails, fails)
	w := fsmtest.WorldOf(t, vain)
	e := mustGet(t, w, moving)
	if owed := fsm.Machines[ev.Tenant].Owed(e); owed.Effect() != (ev.EnsureTenant{}).Effect() {
		t.Fatalf("what is owed is %+v", owed)
	}
	if l := fsm.Machines[ev.Tenant].LimitsOf(e); l.Within != 0 {
		t.Errorf("a repair on the way may last %s", l.Within)
	}
	live(t, []life{
		{name: "it takes long", given: facts(t, paused, hand), when: over, phase: fsm.Moving},
		{name: "it fails again", given: vain, when: fails, then: []string{moving + " attempt_failed"}},
		{name: "it takes long and fails", given: vain, when: over, phase: fsm.Moving},
		{name: "the move goes on meanwhile, from no failure", given: facts(t, vain, fails, ask(moving, ev.Continue{})), when: fails, then: []string{moving + " attempt_failed"}},
		{name: "and has its limits again", given: facts(t, vain, ask(moving, ev.Continue{})), when: expired(moving), then: []string{moving + " move_aborting"}},
	})
}

// Whoever undoes what is made again on the way is given way to as at rest, and nothing is said twice.
func TestWhoUndoesRepairsOnTheWay(t *testing.T) {
	given := facts(t, waitingHome(), roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Plan = "-/waits" }), settle(moving), ask(moving, ev.Pause{}))
	newFight := func() *fight {
		return &fight{t: t, w: fsmtest.WorldOf(t, given), ref: fsmtest.RefOf(moving), now: fsmtest.Later}
	}
	gone := ev.NoteDrift{Found: fsmtest.Gone("Namespace acme--prod"), Every: lookEvery}
	f := newFight()
	if f.decide(gone); len(f.decide(gone)) > 0 {
		t.Error("a look while it is repaired is told")
	}
	f = newFight()
	for range 2 {
		if !f.look("Namespace acme--prod") {
			t.Fatal("what drifts once or twice is repaired at once")
		}
		f.after(lookEvery)
	}
	if f.look("Namespace acme--prod") {
		t.Fatal("it is never given way to")
	}
	if w := f.why(); w == nil || w.Code != ev.Contested || !w.NextAt.Equal(f.now.Add(lookEvery)) {
		t.Fatalf("the reason is %+v, at %s", w, f.now)
	}
	if got := f.decide(gone); len(got) > 0 {
		t.Errorf("seen again it caused %v", got)
	}
	f.after(lookEvery)
	if !f.look("Namespace acme--prod") {
		t.Error("not repaired when its time has come")
	}
	if f.look("Namespace acme--prod") {
		t.Error("not given way to any more")
	}
	if got := f.decide(ev.Retry{}); len(got) != 1 || got[0] != "repair_started" {
		t.Errorf("retry caused %v", got)
	}
	f.report(ev.Activated{})
	f.look("Namespace acme--prod")
	if got := f.decide(ev.NoteDrift{Every: lookEvery}); len(got) != 1 || got[0] != "drift_ended" {
		t.Errorf("that all is right again caused %v", got)
	}
}

// What is closed for too long is brought back by the time of the event, whatever failed meanwhile.
func TestCutCountsFromItsEvent(t *testing.T) {
	installed := facts(t, clusterHome(), roam(ev.TenantUse{CPU: 1}, fsmtest.AsIs), settle(moving), done(moving, ev.MovePrepared{}), settle(moving),
		done(movingPg, ev.Deployed{Revision: 1}), settle(moving))
	away := facts(t, installed, failed(moving, ev.Unreachable)) // an outage gives every other phase its time anew
	e, _ := fsmtest.WorldOf(t, away).Get(fsmtest.RefOf(moving))
	since := e.Data.(fsm.TenantData).Move.Closed
	tooLong := func(t *testing.T, w *state.Entities) ev.Command {
		c := expired(moving)(t, w)
		c.Payload = ev.Expire{Since: since}
		return c
	}
	live(t, []life{{name: "over an outage", given: away, when: tooLong, then: []string{moving + " move_aborting"}}})
}

// Who is told by name where to go leaves the region that its spec names; nobody else does.
func TestMovesToAnotherRegion(t *testing.T) {
	home := fsmtest.History(clusterHome(), fsmtest.DataplaneIs("-/far", func(s *ev.DataplaneSpec) { s.Region = "us-east" }, fsmtest.Built()...),
		fsmtest.InfraIs("-/far_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}))
	e, _ := fsmtest.WorldOf(t, home).Get(fsmtest.RefOf(moving))
	spec := e.Data.(fsm.TenantData).Spec
	dp, _ := fsmtest.WorldOf(t, home).Get(fsmtest.RefOf("dataplane -/eu"))
	spec.Region = dp.Data.(fsm.DataplaneData).Spec.Region
	home = fsmtest.History(home, fsmtest.Is(moving, ev.UpdateRequested[ev.TenantSpec]{Spec: spec}, ev.Activated{}))
	for to, region := range map[string]string{"-/far": "us-east", "-/us": spec.Region} {
		w := fsmtest.WorldOf(t, home)
		c := roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Dataplane = to })(t, w)
		e, _ := w.Get(c.Ref)
		plan, err := fsm.PlanMove(e, c, w.Refs())
		if err != nil {
			t.Fatal(to, err)
		}
		if said := strings.Join(plan.Changed, "; "); strings.Contains(said, "region of its spec: "+spec.Region+" becomes us-east") != (to == "-/far") {
			t.Errorf("to %s the dry run says %s", to, said)
		}
		e, _ = fsmtest.WorldOf(t, facts(t, home, roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Dataplane = to }))).Get(c.Ref)
		if got := e.Data.(fsm.TenantData).Next.Region; got != region {
			t.Errorf("to %s its spec will name %q, want %q", to, got, region)
		}
	}
}
