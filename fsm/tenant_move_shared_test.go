package fsm_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// openCellAt is a cell of the multi-tenant plan that is open, on a dataplane.
func openCellAt(path, namespace string) []fsmtest.Fact {
	born := ev.Requested[ev.CellSpec]{UID: "c-" + path, Spec: ev.CellSpec{Tenants: 2, KeepEmpty: "1h", Plan: "-/many", Version: 1}}
	web := fsmtest.ManySpec.Applications[0].Spec()
	return fsmtest.History(fsmtest.Is("cell "+path, born, ev.OpeningStarted{Cluster: "cluster", Namespace: namespace}, ev.CellPrepared{}),
		fsmtest.Is("cellapplication "+path+"_web", ev.Requested[ev.CellApplicationSpec]{UID: "w-" + path, Spec: web},
			ev.InstallingStarted{Cluster: "cluster", Namespace: namespace},
			ev.Deployed{Revision: 1, Endpoints: []ev.EndpointAddress{{Name: "db", Host: "web." + namespace + ".svc.cluster.local", Port: 5432}}}),
		fsmtest.Is("cell "+path, ev.CellOpened{}))
}

// sharedHome is a tenant in a cell, beside another cell on its dataplane and one on another dataplane, of a plan with programs for
// moves.
func sharedHome() []fsmtest.Fact {
	roams := fsmtest.ManySpec
	job := func(image string) *ev.PlanJob { return &ev.PlanJob{Image: image, Deadline: "10m", Attempts: 1} }
	roams.Move = &ev.PlanMove{Data: ev.DataJobs, Cut: "15m", Hold: "10m", Quiesce: job("quiesce:1"), Copy: job("copy:1"), Verify: job("verify:1"), Unquiesce: job("unquiesce:1")}
	us := func(s *ev.TenantInfraSpec) {
		s.Cells = &ev.Cells{Tenants: 2, Isolation: "policy", Max: 2, KeepEmpty: "1h"}
	}
	return fsmtest.History(openCell(), sharer(ev.TenantProvisioningStarted{Cluster: "cluster", Join: fsmtest.ManySpec.Tenants.Join}, ev.TenantJoined{}, ev.Activated{}),
		fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: roams}), openCellAt("-/eu_pg_c2", "cell---pg-c2"),
		fsmtest.DataplaneIs("-/us", fsmtest.AsIs, fsmtest.Built()...),
		fsmtest.InfraIs("-/us_pg", us, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}), openCellAt("-/us_pg_c1", "cell---pg-c1"))
}

const c2 = "cell -/eu_pg_c2"

func toCell(path string) question { return ask(prod, ev.Move{Cell: path}) }

func TestMovesFromCellToCell(t *testing.T) {
	home := sharedHome()
	over := toCell("-/eu_pg_c2")
	begun := facts(t, home, over)
	reserved := facts(t, begun, settle(prod))
	prepared := facts(t, reserved, done(prod, ev.MovePrepared{}))
	installed := facts(t, prepared, settle(prod))
	quiesced := facts(t, installed, done(prod, ev.MoveQuiesced{}))
	copied := facts(t, quiesced, done(prod, ev.MoveCopied{}))
	verified := facts(t, copied, done(prod, ev.MoveVerified{}))
	moved := facts(t, verified, settle(prod))
	opened := facts(t, moved, done(prod, ev.MoveOpened{}))
	held := facts(t, opened, expired(prod))
	leaving := facts(t, held, settle(prod))
	left := facts(t, leaving, done(prod, ev.TenantLeft{}))
	arrived := facts(t, left, done(prod, ev.Deleted{}))
	early := facts(t, reserved, ask(prod, ev.Abort{}), settle(prod))
	aborting := facts(t, quiesced, ask(prod, ev.Abort{}))
	stopped := facts(t, aborting, done(prod, ev.MoveStopped{}))
	reopened := facts(t, stopped, done(prod, ev.MoveReopened{}), settle(prod))
	broken := fsmtest.Is("cellapplication -/eu_pg_c2_web", ev.UpdateRequested[ev.CellApplicationSpec]{}, givenUp(ev.ConfigProblem))
	opening := fsmtest.History(openCell(), sharer(ev.TenantProvisioningStarted{Cluster: "cluster"}, ev.Activated{}))
	noMove := fsmtest.History(opening, openCellAt("-/eu_pg_c2", "cell---pg-c2"))
	slots := func(path string) []fsmtest.Fact {
		var all []ev.Event
		for _, name := range []string{"a", "b"} {
			all = append(all, ev.SlotTaken{Tenant: "acme/" + name, UID: name, Stay: name, For: ev.SlotPlaced})
		}
		return fsmtest.Is("cell "+path, append(all, ev.Filled{})...)
	}
	live(t, []life{
		{name: "begun, and its slot is taken", given: home, when: over, then: []string{prod + " move_started", c2 + " slot_taken"}, phase: fsm.Moving},
		{name: "the cell has its applications", given: begun, when: settle(prod), then: []string{prod + " move_reserved"}, why: "relocate_tenant"},
		{name: "one of which is not there", given: fsmtest.History(begun, fsmtest.Is("cellapplication -/eu_pg_c2_web", ev.UpdateRequested[ev.CellApplicationSpec]{})), when: settle(prod), phase: fsm.Moving, why: "waits for cellapplication -/eu_pg_c2_web"},
		{name: "and can't be", given: fsmtest.History(begun, broken), when: settle(prod), then: []string{prod + " move_aborting", prod + " move_aborted", prod + " activated", c2 + " slot_freed"}, phase: fsm.Active},
		{name: "it has joined", given: reserved, when: done(prod, ev.MovePrepared{}), then: []string{prod + " move_prepared"}},
		{name: "and the applications are there still", given: prepared, when: settle(prod), then: []string{prod + " move_installed"}},
		{name: "it is closed", given: installed, when: done(prod, ev.MoveQuiesced{}), then: []string{prod + " move_quiesced"}},
		{name: "its data is there", given: quiesced, when: done(prod, ev.MoveCopied{}), then: []string{prod + " move_copied"}},
		{name: "and all of it: the commit", given: verified, when: settle(prod), then: []string{prod + " moved"}},
		{name: "it is open", given: moved, when: done(prod, ev.MoveOpened{}), then: []string{prod + " move_opened"}, why: "what it has left in cell -/eu_pg_c1 stays for 10m0s"},
		{name: "then it leaves where it was", given: held, when: settle(prod), then: []string{prod + " leaving_started"}, why: "leave_tenant"},
		{name: "left", given: leaving, when: done(prod, ev.TenantLeft{}), then: []string{prod + " left"}, why: "forget_tenant"},
		{name: "and is forgotten there", given: left, when: done(prod, ev.Deleted{}), then: []string{prod + " move_released", prod + " activated", c1 + " slot_freed"}, phase: fsm.Active, why: "-"},

		{name: "a join that fails", given: reserved, when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed", prod + " move_aborting"}},
		{name: "aborted before anything was made", given: facts(t, begun, ask(prod, ev.Abort{})), when: settle(prod), then: []string{prod + " move_aborted", prod + " activated", c2 + " slot_freed"}, phase: fsm.Active},
		{name: "who has joined leaves", given: early, when: done(prod, ev.TenantLeft{}), then: []string{prod + " left"}, why: "forget_tenant"},
		{name: "and is where it was", given: facts(t, early, done(prod, ev.TenantLeft{})), when: done(prod, ev.Deleted{}), then: []string{prod + " move_aborted", prod + " activated", c2 + " slot_freed"}, phase: fsm.Active, why: "-"},
		{name: "closed for too long", given: installed, when: expired(prod), then: []string{prod + " move_aborting"}},
		{name: "its programs end first", given: aborting, when: done(prod, ev.MoveStopped{}), then: []string{prod + " move_stopped"}},
		{name: "then it opens", given: stopped, when: done(prod, ev.MoveReopened{}), then: []string{prod + " move_reopened"}},
		{name: "and leaves there", given: facts(t, stopped, done(prod, ev.MoveReopened{})), when: settle(prod), then: []string{prod + " leaving_started"}, why: "leave_tenant"},
		{name: "a leave that fails is tried again, and the slot is kept", given: reopened, when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed"}, phase: fsm.Moving},
		{name: "so it is behind the commit", given: leaving, when: failed(prod, ev.ConfigProblem), then: []string{prod + " attempt_failed"}, phase: fsm.Moving},
		{name: "no abort behind the commit", given: moved, when: ask(prod, ev.Abort{}), not: "refused…can only go on to its end"},
		{name: "a late close of before the abort", given: aborting, when: late(prod, installed, ev.MoveQuiesced{}), phase: fsm.Moving},
		{name: "neither cell goes", given: begun, when: ask(c2, ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "nor that which it has left", given: leaving, when: ask(c1, ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "deleted on the way it leaves there first", given: facts(t, quiesced, ask(prod, ev.Delete{})), when: settle(prod), then: []string{prod + " leaving_started"}, phase: fsm.Deleting},
		{name: "deleted when it has arrived", given: facts(t, arrived, ask(prod, ev.Delete{})), when: settle(prod), then: []string{prod + " leaving_started"}, phase: fsm.Deleting},

		{name: "to a dataplane, in whatever cell", given: home, when: ask(prod, ev.Move{Dataplane: "-/us"}), then: []string{prod + " move_started", "cell -/us_pg_c1 slot_taken"}, phase: fsm.Moving},
		{name: "a plan that says nothing of the data", given: noMove, when: over, not: "refused…plan: cell -/eu_pg_c2 has other applications than -/eu_pg_c1, in which it is now, and plan -/many does not say…spec.move.data must be jobs"},
		{name: "a cell of no plan", given: fsmtest.History(home, fsmtest.Is("cell -/eu_pg_c3", ev.Requested[ev.CellSpec]{UID: "d", Spec: ev.CellSpec{Tenants: 2}})), when: toCell("-/eu_pg_c3"), not: "refused…cell: cell -/eu_pg_c3 has no applications of plan -/many"},
		{name: "a cell that is full", given: fsmtest.History(home, slots("-/eu_pg_c2")), when: over, not: "refused…cell: " + c2 + " is full"},
		{name: "a cell that drains", given: fsmtest.History(home, fsmtest.Is(c2, ev.DrainingStarted{})), when: over, not: "refused…cell: " + c2 + " takes nobody more: it is Draining"},
		{name: "a cell on another dataplane than is said", given: home, when: ask(prod, ev.Move{Cell: "-/us_pg_c1", Dataplane: "-/eu"}), not: "refused…is not on dataplane -/eu"},
	})
	where := map[string][]fsmtest.Fact{
		"prepare cell---pg-c2 join:1": reserved,
		"quiesce cell---pg-c1 closed": installed,
		"copy cell---pg-c2":           quiesced,
		"verify cell---pg-c2":         copied,
		"open cell---pg-c2":           moved,
		"leave:1 cell---pg-c1":        leaving,
		"forget cell---pg-c1":         left,
		"record cell---pg-c2":         facts(t, arrived, ask(prod, ev.NoteDrift{Found: fsmtest.Gone("ConfigMap acme--prod")})),
		"stop cell---pg-c2":           aborting,
		"abort cell---pg-c1":          stopped,
		"leave:1 cell---pg-c2":        reopened,
		"forget cell---pg-c2":         facts(t, reopened, done(prod, ev.TenantLeft{})),
		"leave:1 cell---pg-c2, then ": facts(t, quiesced, ask(prod, ev.Delete{}), settle(prod)),
		"leave:1 cell---pg-c1, last":  facts(t, quiesced, ask(prod, ev.Delete{}), settle(prod), done(prod, ev.TenantLeft{}), done(prod, ev.Deleted{}), settle(prod)),
		"record cell---pg-c1":         facts(t, begun, ask(prod, ev.Pause{}), ask(prod, ev.NoteDrift{Found: fsmtest.Gone("ConfigMap acme--prod")})),
	}
	for want, given := range where {
		if want, _, _ = strings.Cut(want, ","); !strings.HasPrefix(owedInCell(t, given), want) {
			t.Errorf("owed is %s, want %s", owedInCell(t, given), want)
		}
	}
	for given, want := range map[int]string{0: "[-/eu_pg_c1 -/eu_pg_c2]", 1: "[-/eu_pg_c2 -/eu_pg_c1]", 2: "[-/eu_pg_c2]", 3: "[-/eu_pg_c1 -/eu_pg_c2]"} {
		e, _ := fsmtest.WorldOf(t, [][]fsmtest.Fact{begun, left, arrived, aborting}[given]).Get(fsmtest.RefOf(prod))
		if got := fmt.Sprint(fsm.CellsOf(e)); got != want {
			t.Errorf("it has slots in %s, want %s", got, want)
		}
	}
}

// owedInCell says what is owed to the tenant, and in which cell.
func owedInCell(t *testing.T, given []fsmtest.Fact) string {
	e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(prod))
	switch owed := fsm.Machines[ev.Tenant].Owed(e).(type) {
	case ev.RelocateTenant:
		at := owed.Step + " " + owed.Placement.Namespace
		if owed.Step == ev.StepQuiesce && owed.Closed {
			at += " closed"
		}
		if owed.Join != nil {
			at += " " + owed.Join.Image
		}
		if owed.Programs != nil && (len(owed.Programs.Here) != 1 || owed.Programs.There[0].Host != "web.cell---pg-c2.svc.cluster.local") {
			at += fmt.Sprintf(", with the endpoints %v", owed.Programs)
		}
		return at
	case ev.LeaveTenant:
		return owed.Job.Image + " " + owed.Namespace
	case ev.ForgetTenant:
		return "forget " + owed.Namespace
	case ev.RecordTenant:
		return "record " + owed.Namespace
	default:
		return fmt.Sprintf("%T", owed)
	}
}

// What a dry run prints of a move from cell to cell is what happens, there, to another dataplane and back.
func TestWhatADryRunFromCellToCellPrintsHappens(t *testing.T) {
	given := sharedHome()
	for i, to := range []string{"-/eu_pg_c2", "-/us_pg_c1", "-/eu_pg_c1"} {
		w := fsmtest.WorldOf(t, given)
		c := toCell(to)(t, w)
		e, _ := w.Get(c.Ref)
		if _, must := fsm.SurveyOfMove(e, c, w.Refs()); must {
			t.Fatal("the namespace of a cell is surveyed as if it were the tenant's")
		}
		plan, err := fsm.PlanMove(e, c, w.Refs())
		if err != nil {
			t.Fatal(err)
		}
		if made := strings.Join(plan.Made, ";"); plan.InterruptedMS != 15*60*1000 || !strings.Contains(made, "a slot in cell "+to) {
			t.Errorf("the plan says %+v", plan)
		}
		before := len(given)
		given = facts(t, given, ask(prod, ev.Move{Cell: to, PlanID: plan.PlanID}), settle(prod), done(prod, ev.MovePrepared{}), settle(prod), done(prod, ev.MoveQuiesced{}),
			done(prod, ev.MoveCopied{}), done(prod, ev.MoveVerified{}), settle(prod), done(prod, ev.MoveOpened{}), expired(prod), settle(prod), done(prod, ev.TenantLeft{}), done(prod, ev.Deleted{}))
		happens(t, *plan, prod, given[before:])
		e, _ = fsmtest.WorldOf(t, given).Get(c.Ref)
		d := e.Data.(fsm.TenantData)
		if on := []string{"-/eu", "-/us", "-/eu"}[i]; d.Placement.Cell != to || cmp.Or(d.Site.Dataplane, "-/eu") != on || d.Away != nil || d.Move != nil || !d.Shared.Joined {
			t.Errorf("it is at %+v, %+v", d.Placement, d.Site)
		}
	}
}
