package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// snapshotHome is a home whose two dataplanes are in one region, beside a plan whose tenants take their volumes along by snapshots.
func snapshotHome(region string) []fsmtest.Fact {
	return fsmtest.History(fsmtest.TenantHome(),
		fsmtest.PlanIs("snaps", func(s *ev.PlanSpec) {
			s.Move = &ev.PlanMove{Data: ev.DataSnapshot, Cut: "15m", Hold: "10m", Switch: program("switch:1")}
		}),
		fsmtest.PlanIs("asks", func(s *ev.PlanSpec) {
			s.Move = &ev.PlanMove{Data: ev.DataSnapshot, Cut: "15m", Hold: "10m", Confirm: true}
		}),
		fsmtest.DataplaneIs("-/us", func(s *ev.DataplaneSpec) { s.Region = region }, fsmtest.Built()...),
		fsmtest.InfraIs("-/us_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}),
		fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1, Objects: []string{"ConfigMap/a"}}))
}

// regionOfHome is the region of the dataplane that the tenant is on.
func regionOfHome(t *testing.T) string {
	t.Helper()
	e, _ := fsmtest.WorldOf(t, fsmtest.TenantHome()).Get(fsmtest.RefOf("dataplane -/eu"))
	return e.Data.(fsm.DataplaneData).Spec.Region
}

func TestMovesBySnapshots(t *testing.T) {
	home := snapshotHome(regionOfHome(t))
	snaps := func(m *ev.Move) { m.Plan = "-/snaps" }
	volume := ev.TenantUse{CPU: 1, Volumes: []string{"claim data of volume v1"}}
	over := roam(volume, snaps)
	begun := facts(t, home, over)
	prepared := facts(t, begun, settle(moving), done(moving, ev.MovePrepared{}))
	readied := facts(t, prepared, settle(moving))
	spoiled := facts(t, prepared, noted(movingPg, fsmtest.Gone("ConfigMap acme--prod/a")...))
	asks := facts(t, home, roam(volume, func(m *ev.Move) { m.Plan = "-/asks" }), settle(moving), done(moving, ev.MovePrepared{}), settle(moving))
	quiesced := facts(t, readied, done(moving, ev.MoveQuiesced{}))
	brought := facts(t, quiesced, done(moving, ev.MoveCopied{}))
	copying := facts(t, brought, settle(moving))
	copied := facts(t, copying, done(movingPg, ev.Deployed{Revision: 1}))
	installed := facts(t, copied, settle(moving))
	verified := facts(t, installed, done(moving, ev.MoveVerified{}))
	moved := facts(t, verified, settle(moving))
	aborting := facts(t, copying, ask(moving, ev.Abort{}))
	asleep := fsmtest.History(home, fsmtest.Is(moving, ev.SuspendRequested{}, ev.Suspended{}))
	pulled := fsmtest.History(home, fsmtest.Is("dataplane -/us", ev.HandedOver{Mode: ev.ModePull, After: 1}))
	live(t, []life{
		{name: "begun", given: home, when: over, then: []string{moving + " move_started"}, phase: fsm.Moving},
		{name: "nothing is installed before it is closed", given: prepared, when: settle(moving), then: []string{moving + " move_readied"}, why: "relocate_tenant is under way"},
		{name: "nor is it while something of it is made again", given: spoiled, when: settle(moving), phase: fsm.Moving, why: "application acme/prod_pg has been changed by hand, and is made again"},
		{name: "but then", given: facts(t, spoiled, done(movingPg, ev.Deployed{Revision: 1})), when: settle(moving), then: []string{moving + " move_readied"}},
		{name: "what can't be made again gives the move up", given: facts(t, spoiled, failed(movingPg, ev.ConfigProblem)), when: settle(moving), then: []string{moving + " move_aborting"}},
		{name: "what can't be made again while it waits for somebody", given: facts(t, asks, noted(movingPg, fsmtest.Gone("ConfigMap acme--prod/a")...), failed(movingPg, ev.ConfigProblem)), when: settle(moving), then: []string{moving + " move_aborting"}},
		{name: "who confirms it before that is refused", given: facts(t, asks, noted(movingPg, fsmtest.Gone("ConfigMap acme--prod/a")...)), when: ask(moving, ev.Confirm{}), not: "refused…confirm it then"},
		{name: "it rests", given: readied, when: done(moving, ev.MoveQuiesced{}), then: []string{moving + " move_quiesced"}},
		{name: "its volumes are there", given: quiesced, when: done(moving, ev.MoveCopied{}), then: []string{moving + " move_copied"}},
		{name: "then its applications come", given: brought, when: settle(moving), then: []string{movingPg + " copy_started"}, why: "waits for application acme/prod_pg"},
		{name: "they are there", given: copied, when: settle(moving), then: []string{moving + " move_installed"}},
		{name: "and have their volumes", given: installed, when: done(moving, ev.MoveVerified{}), then: []string{moving + " move_verified"}},
		{name: "the commit", given: verified, when: settle(moving), then: []string{moving + " moved"}},
		{name: "they are not there in time", given: copying, when: expired(moving), then: []string{moving + " move_aborting", movingPg + " copy_dropped"}},
		{name: "a volume that is not made", given: installed, when: expired(moving), then: []string{moving + " move_aborting"}},
		{name: "one that can't be taken", given: quiesced, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed", moving + " move_aborting"}},
		{name: "an application that can't be installed", given: facts(t, copying, failed(movingPg, ev.ConfigProblem)), when: settle(moving), then: []string{moving + " move_aborting"}},
		{name: "paused before it is closed", given: prepared, when: ask(moving, ev.Pause{}), then: []string{moving + " move_paused"}},
		{name: "not while they are installed", given: copying, when: ask(moving, ev.Pause{}), not: "refused…has been closed since"},
		{name: "what was begun is opened again first", given: aborting, when: done(moving, ev.MoveReopened{}), then: []string{moving + " move_reopened"}},
		{name: "a suspended one", given: asleep, when: over, then: []string{moving + " move_started"}},
		{name: "a volume that no snapshot brings", given: home, when: roam(ev.TenantUse{Volumes: volume.Volumes, Blocked: []string{"claim data in zone a can't come along"}}, snaps), not: "refused…claim data in zone a can't come along"},
		{name: "another region", given: snapshotHome("moon"), when: over, not: "refused…spec.move.data of plan -/snaps is snapshot, and snapshots stay within an account and a region: dataplane -/eu is in"},
		{name: "an agent works there", given: pulled, when: over, not: "refused…dataplane -/us is worked on by an agent, which does not take snapshots yet: both must be push"},
	})
	for want, given := range map[string][]fsmtest.Fact{
		"quiesce -/eu closed of -/eu": readied, "copy -/us closed of -/eu": quiesced, "verify -/us closed of -/eu": installed,
		"open -/us of -/eu": moved, "abort -/eu of -/eu": aborting, "redirect -/us": facts(t, moved, done(moving, ev.MoveOpened{})), "prepare -/us closed": facts(t, begun, settle(moving)),
	} {
		e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
		got := owedAt(t, given)
		if owed := fsm.Machines[ev.Tenant].Owed(e).(ev.RelocateTenant); owed.Volumes != nil {
			got += " of " + fmt.Sprint(strings.TrimSpace(owed.Volumes.Site.Dataplane+" "))
			if owed.Volumes.Site.Dataplane == "" { // its past does not say the site
				got += "-/eu"
			}
			if owed.Volumes.Stay == e.Data.(fsm.TenantData).Move.To.Stay {
				t.Errorf("%s: they come from stay %q", got, owed.Volumes.Stay)
			}
		}
		if got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
	}
	e, _ := fsmtest.WorldOf(t, readied).Get(fsmtest.RefOf(moving))
	if d := e.Data.(fsm.TenantData); d.Move.Closed.IsZero() {
		t.Error("it does not count as closed while it is being closed")
	}
}

// What a dry run says of a move by snapshots happens, event by event.
func TestWhatADryRunOfSnapshotsPrintsHappens(t *testing.T) {
	home := snapshotHome(regionOfHome(t))
	volume := ev.TenantUse{CPU: 1, Volumes: []string{"claim data of volume v1"}}
	over := roam(volume, func(m *ev.Move) { m.Plan = "-/snaps" })
	w := fsmtest.WorldOf(t, home)
	c := over(t, w)
	e, _ := w.Get(c.Ref)
	plan, err := fsm.PlanMove(e, c, w.Refs())
	if err != nil || !slices.Contains(plan.Made, "claim data of volume v1, of a snapshot that goes with what it has left") {
		t.Fatalf("the plan makes %q: %v", plan.Made, err)
	}
	given := facts(t, home, over, settle(moving), done(moving, ev.MovePrepared{}), settle(moving), done(moving, ev.MoveQuiesced{}), done(moving, ev.MoveCopied{}),
		settle(moving), done(movingPg, ev.Deployed{Revision: 1}), settle(moving), done(moving, ev.MoveVerified{}), settle(moving), settle(movingPg),
		done(moving, ev.MoveOpened{}), done(moving, ev.MoveRedirected{}), expired(moving), done(moving, ev.Deleted{}))
	happens(t, *plan, moving, given[len(home):])
	if s, is := fsm.SurveyOfMove(e, c, w.Refs()); !is || !s.Snapshots {
		t.Errorf("it is surveyed by %+v", s)
	}
}
