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
	prodDB    = "application acme/prod_db"
	prodCache = "application acme/prod_cache"
)

// tiers is a tenant of a multi-tenant plan as sharedHome has it, beside a plan whose tenants have applications of their own and come by
// programs, and other machines on its dataplane for those.
func tiers() []fsmtest.Fact {
	return fsmtest.History(sharedHome(), fsmtest.InfraIs("-/eu_own", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}),
		fsmtest.PlanIs("pro", func(s *ev.PlanSpec) {
			s.Move = &ev.PlanMove{Data: ev.DataJobs, Cut: "15m", Hold: "10m", Quiesce: program("quiesce:2"), Copy: program("copy:2"), Verify: program("verify:2"), Unquiesce: program("unquiesce:2")}
			for _, name := range []string{"db", "cache"} {
				s.Applications = append(s.Applications, ev.PlanApplication{Name: name, Manifests: []map[string]any{{"kind": "ConfigMap"}}, Endpoints: []ev.Endpoint{{Name: "sql", Service: name, Port: 5432}}})
			}
		}))
}

var proThere = []ev.EndpointAddress{{Name: "sql", Host: "192.0.2.2", Port: 5432}}

// upTo is the way of a tenant from shared applications to its own, step by step.
func upTo(t *testing.T, given []fsmtest.Fact, ask ev.Move) map[string][]fsmtest.Fact {
	t.Helper()
	at := map[string][]fsmtest.Fact{}
	for _, step := range []struct {
		name  string
		asked []question
	}{
		{"begun", []question{askOf(ask)}},
		{"reserved", []question{settle(prod)}},
		{"prepared", []question{done(prod, ev.MovePrepared{})}},
		{"copying", []question{settle(prod)}},
		{"copied", []question{done(prodCache, ev.Deployed{Revision: 1}), done(prodDB, ev.Deployed{Revision: 1, Objects: []string{"ConfigMap/db"}, Endpoints: proThere})}},
		{"installed", []question{settle(prod)}},
		{"quiesced", []question{done(prod, ev.MoveQuiesced{})}},
		{"brought", []question{done(prod, ev.MoveCopied{}), done(prod, ev.MoveVerified{})}},
		{"moved", []question{settle(prod)}},
		{"followed", []question{settle(prodDB), settle(prodCache)}},
		{"opened", []question{done(prod, ev.MoveOpened{})}},
		{"held", []question{expired(prod)}},
		{"leaving", []question{settle(prod)}},
		{"left", []question{done(prod, ev.TenantLeft{})}},
		{"arrived", []question{done(prod, ev.Deleted{})}},
	} {
		given = facts(t, given, step.asked...)
		at[step.name] = given
	}
	return at
}

func askOf(m ev.Move) question { return ask(prod, m) }

// ended is what is told of applications that end with their tenant's move.
func ended(apps ...string) (then []string) {
	for _, app := range apps {
		then = append(then, app+" deletion_requested", app+" drained", app+" deleted")
	}
	return then
}

func TestMovesToApplicationsOfItsOwn(t *testing.T) {
	home := tiers()
	up := ask(prod, ev.Move{Plan: "-/pro"})
	at := upTo(t, home, ev.Move{Plan: "-/pro"})
	gone := ended(prodCache, prodDB)
	aborting := facts(t, at["quiesced"], ask(prod, ev.Abort{}))
	stopped := facts(t, aborting, done(prod, ev.MoveStopped{}))
	early := facts(t, at["copying"], ask(prod, ev.Abort{}))
	broken := facts(t, at["copying"], failed(prodDB, ev.ConfigProblem))
	noMove := fsmtest.PlanIs("bare", fsmtest.AsIs)
	const own = "cell -/us_pg_c3fsp5u" // for those who share nothing but machines
	live(t, []life{
		{name: "begun, with what its plan gives it", given: home, when: up, then: []string{prod + " move_started", prodDB + " requested", prodCache + " requested"}, phase: fsm.Moving},
		{name: "what is given waits", given: at["begun"], when: settle(prodDB), phase: fsm.Pending},
		{name: "the place is ready", given: at["begun"], when: settle(prod), then: []string{prod + " move_reserved"}, why: "relocate_tenant"},
		{name: "it is installed there", given: at["prepared"], when: settle(prod), then: []string{prodDB + " copy_started", prodCache + " copy_started"}, why: "waits for application acme/prod_cache"},
		{name: "one is", given: at["copying"], when: done(prodDB, ev.Deployed{Revision: 1}), then: []string{prodDB + " copy_deployed"}, phase: fsm.Copied},
		{name: "all are", given: at["copied"], when: settle(prod), then: []string{prod + " move_installed"}},
		{name: "the record is closed", given: at["installed"], when: done(prod, ev.MoveQuiesced{}), then: []string{prod + " move_quiesced"}},
		{name: "the commit", given: at["brought"], when: settle(prod), then: []string{prod + " moved"}},
		{name: "what it was given is its own", given: at["moved"], when: settle(prodDB), then: []string{prodDB + " relocated"}, phase: fsm.Deployed, why: "-"},
		{name: "it is open", given: at["followed"], when: done(prod, ev.MoveOpened{}), then: []string{prod + " move_opened"}, why: "what it has left in cell -/eu_pg_c1 stays for 10m0s"},
		{name: "then it leaves the cell", given: at["held"], when: settle(prod), then: []string{prod + " leaving_started"}, why: "leave_tenant"},
		{name: "left", given: at["leaving"], when: done(prod, ev.TenantLeft{}), then: []string{prod + " left"}, why: "forget_tenant"},
		{name: "and is forgotten there", given: at["left"], when: done(prod, ev.Deleted{}), then: []string{prod + " move_released", prod + " activated", c1 + " slot_freed"}, phase: fsm.Active, why: "-"},
		{name: "then its applications change as any", given: at["arrived"], when: update(prodDB, `{"spec":{"manifests":[{"kind":"Service"}]}}`), then: []string{prodDB + " update_requested"}, phase: fsm.Upgrading},
		{name: "and go as any", given: at["arrived"], when: ask(prodDB, ev.Delete{}), then: []string{prodDB + " deletion_requested", prodDB + " drained"}, phase: fsm.Uninstalling},
		{name: "and keep it from going as any", given: at["arrived"], when: ask(prod, ev.Delete{}), not: "refused…is used by application acme/prod_cache"},

		{name: "aborted before anything was made", given: at["begun"], when: ask(prod, ev.Abort{}), then: append([]string{prod + " move_aborting"}, gone...), phase: fsm.Moving},
		{name: "then it is where it was", given: facts(t, at["begun"], ask(prod, ev.Abort{})), when: settle(prod), then: []string{prod + " move_aborted", prod + " activated"}, phase: fsm.Active, why: "-"},
		{name: "aborted while they are installed", given: at["copying"], when: ask(prod, ev.Abort{}), then: append([]string{prod + " move_aborting"}, gone...)},
		{name: "its namespace goes", given: early, when: done(prod, ev.Deleted{}), then: []string{prod + " move_aborted", prod + " activated"}, phase: fsm.Active, why: "-"},
		{name: "aborted when it is closed", given: at["quiesced"], when: ask(prod, ev.Abort{}), then: append([]string{prod + " move_aborting"}, gone...)},
		{name: "its programs end first", given: aborting, when: done(prod, ev.MoveStopped{}), then: []string{prod + " move_stopped"}},
		{name: "then its record opens", given: stopped, when: done(prod, ev.MoveReopened{}), then: []string{prod + " move_reopened"}},
		{name: "one that can't be installed brings it back", given: broken, when: settle(prod), then: append([]string{prod + " move_aborting"}, gone...)},
		{name: "closed for too long", given: at["installed"], when: expired(prod), then: append([]string{prod + " move_aborting"}, gone...)},
		{name: "no abort behind the commit", given: at["moved"], when: ask(prod, ev.Abort{}), not: "refused…can only go on to its end"},
		{name: "a late end of an installation", given: early, when: late(prodDB, at["copying"], ev.Deployed{Revision: 1}), not: "not_found"},
		{name: "another move begins them anew", given: facts(t, early, done(prod, ev.Deleted{})), when: up, then: []string{prod + " move_started", prodDB + " requested", prodCache + " requested"}},

		{name: "one that somebody deletes on the way", given: at["copying"], when: ask(prodDB, ev.Delete{}), then: []string{prodDB + " deletion_requested", prodDB + " drained"}, phase: fsm.Uninstalling, why: "remove_application"},
		{name: "is gone", given: facts(t, at["copying"], ask(prodDB, ev.Delete{})), when: done(prodDB, ev.Deleted{}), then: []string{prodDB + " deleted"}, phase: fsm.Uninstalled},
		{name: "and the move goes on without", given: facts(t, at["copying"], ask(prodDB, ev.Delete{}), done(prodDB, ev.Deleted{}), done(prodCache, ev.Deployed{Revision: 1})), when: settle(prod), then: []string{prod + " move_installed"}},
		{name: "nobody makes one on the way", given: at["copying"], when: create("application acme/prod_more", `{"spec":{"manifests":[{"kind":"Service"}]}}`), not: "invalid…shares the applications of its cell"},
		{name: "nor when it has moved", given: at["opened"], when: create("application acme/prod_more", `{"spec":{"manifests":[{"kind":"Service"}]}}`), not: "refused…operation asked"},
		{name: "deleted on the way", given: at["copying"], when: ask(prod, ev.Delete{}), then: append([]string{prod + " deletion_requested", prod + " drained"}, gone...), phase: fsm.Deleting, why: "removal of the namespace"},
		{name: "deleted it is not aborted", given: facts(t, at["copying"], ask(prod, ev.Delete{})), when: ask(prod, ev.Abort{}), not: "refused…is Deleting and does not move"},
		{name: "deleted at once", given: at["begun"], when: ask(prod, ev.Delete{}), then: append([]string{prod + " deletion_requested", prod + " drained"}, gone...), phase: fsm.Deleting},
		{name: "then it leaves its cell", given: facts(t, at["copying"], ask(prod, ev.Delete{}), done(prod, ev.Deleted{})), when: settle(prod), then: []string{prod + " leaving_started"}, phase: fsm.Deleting},
		{name: "the cell that it leaves is in use", given: at["leaving"], when: ask(c1, ev.Delete{}), not: "refused…is used by tenant acme/prod"},

		{name: "a plan that says nothing of the data", given: fsmtest.History(home, noMove), when: ask(prod, ev.Move{Plan: "-/bare"}), not: "refused…plan: it shares the applications of cell -/eu_pg_c1, and has its own then, and plan -/bare does not say…spec.move.data must be jobs"},
		{name: "a cell", given: home, when: ask(prod, ev.Move{Plan: "-/pro", Cell: "-/eu_pg_c1"}), not: "refused…cell: cell -/eu_pg_c1 takes only tenants of plan -/many"},
		{name: "no machines for it", given: home, when: ask(prod, ev.Move{Plan: "-/pro", Dataplane: "-/none"}), not: "refused…no tenant infra on dataplane -/none fits"},
		{name: "to another dataplane", given: home, when: ask(prod, ev.Move{Plan: "-/pro", Dataplane: "-/us"}), then: []string{own + " requested", own + " opened", own + " slot_taken", prod + " move_started", prodDB + " requested", prodCache + " requested"}, phase: fsm.Moving},
	})
	where := map[string][]fsmtest.Fact{
		"prepare acme--prod":                   at["reserved"],
		"quiesce cell---pg-c1 closed, copy":    at["installed"],
		"copy acme--prod from cell---pg-c1":    at["quiesced"],
		"open acme--prod":                      at["moved"],
		"leave:1 cell---pg-c1":                 at["leaving"],
		"forget cell---pg-c1":                  at["left"],
		"stop acme--prod":                      aborting,
		"abort cell---pg-c1 from cell---pg-c1": stopped,
		"remove acme--prod":                    early,
		"remove acme--prod, then":              facts(t, stopped, done(prod, ev.MoveReopened{})),
	}
	for want, given := range where {
		want, _, _ = strings.Cut(want, ",")
		if got := owedBetween(t, given); !strings.HasPrefix(got, want) {
			t.Errorf("owed is %s, want %s", got, want)
		}
	}
	e, _ := fsmtest.WorldOf(t, at["arrived"]).Get(fsmtest.RefOf(prod))
	d := e.Data.(fsm.TenantData)
	if p := d.Placement; p.Record != "" || p.Namespace != "acme--prod" || p.Cell != "" || p.TenantInfra != "-/eu_own" || d.Shared != nil || d.Away != nil || d.Move != nil {
		t.Errorf("it is at %+v, %+v", d.Placement, d.Shared)
	}
	app, _ := fsmtest.WorldOf(t, at["arrived"]).Get(fsmtest.RefOf(prodDB))
	db := app.Data.(fsm.ApplicationData)
	if db.Cluster != "cluster" || db.Namespace != "acme--prod" || db.Good == nil || db.Good.Revision != 1 || !slices.Equal(db.Objects, []string{"ConfigMap/db"}) || db.Copy != nil {
		t.Errorf("its application is %+v", db)
	}
}

// owedBetween says what is owed to the tenant, and where.
func owedBetween(t *testing.T, given []fsmtest.Fact) string {
	e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(prod))
	switch owed := fsm.Machines[ev.Tenant].Owed(e).(type) {
	case ev.RemoveTenant:
		return "remove " + owed.Namespace
	case ev.RelocateTenant:
		at := owed.Step + " " + owed.Placement.Namespace
		if owed.Closed && owed.Step == ev.StepQuiesce {
			at += " closed"
		}
		if p := owed.Programs; p != nil {
			if e.Data.(fsm.TenantData).Move.To.Quota != p.Quota || p.Quota.Pods == 0 {
				t.Errorf("programs are told that it may use %+v where it goes to", p.Quota)
			}
			at += " from " + p.Source + " to " + p.Target + fmt.Sprint(p.SourceRecord, "|", p.TargetRecord, p.Beside, p.Here, p.There)
		}
		return at
	default:
		return owedInCell(t, given)
	}
}

// home is a tenant with applications of its own, as the move there has left it, one of which has failed since.
func proHome(t *testing.T) []fsmtest.Fact {
	return fsmtest.History(upTo(t, tiers(), ev.Move{Plan: "-/pro"})["arrived"],
		fsmtest.Is(prodCache, ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}}, givenUp(ev.Timeout)))
}

// inUse asks for a move of a tenant that uses so much.
func inUse(m ev.Move, use ev.TenantUse) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		c := ask(prod, m)(t, w)
		c.Use = &use
		return c
	}
}

func TestMovesToSharedApplications(t *testing.T) {
	home := proHome(t)
	back := ev.Move{Plan: "-/many", Cell: "-/eu_pg_c2"}
	volume := ev.TenantUse{CPU: 9000, Pods: 40, Volumes: []string{"claim data of volume v1"}}
	down := inUse(back, volume)
	begun := facts(t, home, down)
	reserved := facts(t, begun, settle(prod))
	installed := facts(t, reserved, done(prod, ev.MovePrepared{}), settle(prod))
	quiesced := facts(t, installed, done(prod, ev.MoveQuiesced{}))
	brought := facts(t, quiesced, done(prod, ev.MoveCopied{}), done(prod, ev.MoveVerified{}))
	moved := facts(t, brought, settle(prod))
	held := facts(t, moved, done(prod, ev.MoveOpened{}), expired(prod))
	arrived := facts(t, held, done(prod, ev.Deleted{}))
	aborting := facts(t, quiesced, ask(prod, ev.Abort{}))
	stopped := facts(t, aborting, done(prod, ev.MoveStopped{}))
	reopened := facts(t, stopped, done(prod, ev.MoveReopened{}), settle(prod))
	gone := ended(prodCache, prodDB)
	upgrading := fsmtest.History(home, fsmtest.Is(prodDB, ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}}))
	ops := fsmtest.Is(prod, ev.UpdateRequested[ev.TenantSpec]{Spec: ev.TenantSpec{Plan: "-/pro", AllowNamespaces: []string{"ops"}}}, ev.Activated{})
	none := fsmtest.ManySpec
	none.Move = &ev.PlanMove{Data: ev.DataNone, Cut: "15m", Hold: "10m"}
	live(t, []life{
		{name: "begun, though it uses more than there is for it there", given: home, when: down, then: []string{prod + " move_started", c2 + " slot_taken"}, phase: fsm.Moving},
		{name: "it was not looked at", given: home, when: askOf(back), not: "unavailable"},
		{name: "what is being changed waits", given: upgrading, when: down, then: []string{prod + " move_started", prodDB + " change_held", c2 + " slot_taken"}},
		{name: "the cell is ready", given: begun, when: settle(prod), then: []string{prod + " move_reserved"}, why: "relocate_tenant"},
		{name: "and has its applications", given: facts(t, reserved, done(prod, ev.MovePrepared{})), when: settle(prod), then: []string{prod + " move_installed"}},
		{name: "the commit is one event", given: brought, when: settle(prod), then: []string{prod + " moved"}},
		{name: "its applications stay until its namespace goes", given: moved, when: settle(prodDB), phase: fsm.Deployed},
		{name: "and change no more", given: moved, when: update(prodDB, `{"spec":{"manifests":[{"kind":"Service"}]}}`), not: "refused…operation asked"},
		{name: "then they end with it", given: held, when: done(prod, ev.Deleted{}), then: append([]string{prod + " move_released", prod + " activated"}, gone...), phase: fsm.Active, why: "-"},
		{name: "also one that is just being removed", given: facts(t, held, ask(prodDB, ev.Delete{})), when: done(prod, ev.Deleted{}), then: append([]string{prod + " move_released", prod + " activated"}, append(ended(prodCache), prodDB+" deleted")...)},
		{name: "it is suspended no more", given: arrived, when: ask(prod, ev.Suspend{}), not: "refused…nothing to suspend"},

		{name: "aborted", given: quiesced, when: ask(prod, ev.Abort{}), then: []string{prod + " move_aborting"}},
		{name: "its programs end first", given: aborting, when: done(prod, ev.MoveStopped{}), then: []string{prod + " move_stopped"}},
		{name: "then its namespace opens", given: stopped, when: done(prod, ev.MoveReopened{}), then: []string{prod + " move_reopened"}},
		{name: "it leaves the cell that it had joined", given: facts(t, stopped, done(prod, ev.MoveReopened{})), when: settle(prod), then: []string{prod + " leaving_started"}, why: "leave_tenant"},
		{name: "and has its applications", given: facts(t, reopened, done(prod, ev.TenantLeft{})), when: done(prod, ev.Deleted{}), then: []string{prod + " move_aborted", prod + " activated", c2 + " slot_freed"}, phase: fsm.Active, why: "-"},
		{name: "deleted on the way its applications go first", given: quiesced, when: ask(prod, ev.Delete{}), not: "refused…is used by application acme/prod_cache"},
		{name: "deleted behind the commit they go with the namespace", given: moved, when: ask(prod, ev.Delete{}), then: []string{prod + " deletion_requested", prod + " drained"}, phase: fsm.Deleting, why: "removal of the namespace"},
		{name: "which goes before it leaves its cell", given: facts(t, moved, ask(prod, ev.Delete{})), when: done(prod, ev.Deleted{}), then: append([]string{prod + " move_released"}, gone...), phase: fsm.Deleting},

		{name: "volumes, and nothing that brings them along", given: fsmtest.History(home, fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: none})), when: down, not: "refused…tenant: claim data of volume v1 holds data"},
		{name: "what aerie did not make", given: home, when: inUse(back, ev.TenantUse{Foreign: []string{"ConfigMap own"}}), not: "refused…leave: ConfigMap own is not aerie's"},
		{name: "a Secret that would follow", given: home, when: inUse(back, ev.TenantUse{Follow: []string{"Secret mail"}}), not: "refused…leave: Secret mail is not aerie's and would stay behind"},
		{name: "asleep", given: fsmtest.History(home, fsmtest.Is(prod, ev.SuspendRequested{}, ev.Suspended{})), when: down, not: "refused…it is Suspended, and a tenant of plan -/many can't be…resume it first"},
		{name: "namespaces that it lets in", given: fsmtest.History(home, ops), when: down, not: "refused…spec.allowNamespaces is of a namespace"},
	})
	for want, given := range map[string][]fsmtest.Fact{
		"prepare cell---pg-c2": reserved, "quiesce acme--prod closed from acme--prod to cell---pg-c2": installed, "copy cell---pg-c2 from acme--prod": quiesced, "open cell---pg-c2": moved,
		"remove acme--prod": held, "stop cell---pg-c2": aborting, "abort acme--prod": stopped, "leave:1 cell---pg-c2": reopened,
	} {
		if got := owedBetween(t, given); !strings.HasPrefix(got, want) {
			t.Errorf("owed is %s, want %s", got, want)
		}
	}
	left := back
	left.Leave = true
	began, _ := fsmtest.WorldOf(t, facts(t, home, inUse(left, ev.TenantUse{Follow: []string{"Secret mail"}}))).Get(fsmtest.RefOf(prod))
	if away := began.Data.(fsm.TenantData).Away; away == nil || !away.Leave {
		t.Errorf("a Secret that was left is asked about again: %+v", away)
	}
	e, _ := fsmtest.WorldOf(t, arrived).Get(fsmtest.RefOf(prod))
	d := e.Data.(fsm.TenantData)
	if p := d.Placement; p.Record != "acme--prod" || p.Namespace != "cell---pg-c2" || d.Shared == nil || !d.Shared.Joined || d.Shared.Join == nil || d.Away != nil || d.Move != nil {
		t.Errorf("it is at %+v, %+v", d.Placement, d.Shared)
	}
}

// A tenant goes from one multi-tenant plan to another, into a cell that opens for it, and back.
func TestMovesBetweenMultiTenantPlans(t *testing.T) {
	few := fsmtest.PlanIs("few", func(s *ev.PlanSpec) {
		*s = fsmtest.ManySpecOf("9")
		s.Move = &ev.PlanMove{Data: ev.DataNone, Cut: "15m", Hold: "10m"}
	})
	given := fsmtest.History(sharedHome(), few)
	e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(prod))
	was := e.Data.(fsm.TenantData).Placement.Cell
	over := facts(t, given, ask(prod, ev.Move{Plan: "-/few"}))
	e, _ = fsmtest.WorldOf(t, over).Get(fsmtest.RefOf(prod))
	to := e.Data.(fsm.TenantData).Move.To
	cell, _ := fsmtest.WorldOf(t, over).Get(fsmtest.RefOf("cell " + to.Cell))
	if c, is := cell.Data.(fsm.CellData); !is || c.Spec.Plan != "-/few" || to.Record != "acme--prod" || to.Cell == was || c.Used != 1 {
		t.Errorf("it goes to %+v, which is %+v", to, cell.Data)
	}
	ids := map[string]bool{}
	for _, id := range []string{"one", "another"} { // by which the cell that is opened gets its name
		w := fsmtest.WorldOf(t, given)
		c := ask(prod, ev.Move{Plan: "-/few"})(t, w)
		c.ID = id
		e, _ := w.Get(c.Ref)
		plan, err := fsm.PlanMove(e, c, w.Refs())
		if err != nil {
			t.Fatal(err)
		}
		ids[plan.PlanID] = true
	}
	if len(ids) != 1 {
		t.Errorf("two dry runs say %v", ids)
	}
	live(t, []life{
		{name: "a cell of its plan", given: given, when: ask(prod, ev.Move{Plan: "-/few", Cell: "-/eu_pg_c2"}), not: "refused…cell: " + c2 + " takes only tenants of plan -/many"},
		{name: "its own cell", given: given, when: ask(prod, ev.Move{Plan: "-/few", Cell: was}), not: "refused…cell: " + c1 + " takes only tenants of plan -/many"},
		{name: "aborted it has one slot", given: over, when: ask(prod, ev.Abort{}), then: []string{prod + " move_aborting"}},
	})
}

// What a dry run prints is what happens: from shared applications to its own, back to shared ones, and to another plan's.
func TestWhatADryRunBetweenTiersPrintsHappens(t *testing.T) {
	given := tiers()
	ways := []struct {
		move          ev.Move
		said, removed string
		then          []question
	}{
		{ev.Move{Plan: "-/pro"}, "namespace acme--prod on dataplane -/eu; application acme/prod_db, which is its own then; application acme/prod_cache, which is its own then",
			"its record in cell -/eu_pg_c1 and what it has in the applications there, 10m after it has opened where it goes to; its slot in cell -/eu_pg_c1", nil},
		{ev.Move{Plan: "-/many", Cell: "-/us_pg_c1"}, "its record in the cell that it goes to, on dataplane -/us; a slot in cell -/us_pg_c1",
			"namespace acme--prod on dataplane -/eu and all in it, 10m after it has opened where it goes to; application acme/prod_cache, with that namespace; application acme/prod_db, with that namespace",
			[]question{settle(prod), done(prod, ev.MovePrepared{}), settle(prod), done(prod, ev.MoveQuiesced{}), done(prod, ev.MoveCopied{}), done(prod, ev.MoveVerified{}), settle(prod),
				done(prod, ev.MoveOpened{}), expired(prod), done(prod, ev.Deleted{})}},
		{ev.Move{Plan: "-/pro", Dataplane: "-/us"}, "namespace acme--prod on dataplane -/us; application acme/prod_db, which is its own then; application acme/prod_cache, which is its own then; a cell on tenantinfra -/us_pg; a slot in that cell",
			"its record in cell -/us_pg_c1 and what it has in the applications there, 10m after it has opened where it goes to; its slot in cell -/us_pg_c1", nil},
	}
	for _, way := range ways {
		w := fsmtest.WorldOf(t, given)
		asked := inUse(way.move, ev.TenantUse{})
		c := asked(t, w)
		c.ID = "dry"
		e, _ := w.Get(c.Ref)
		plan, err := fsm.PlanMove(e, c, w.Refs())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(plan.Made, "; ") != way.said || strings.Join(plan.Removed, "; ") != way.removed {
			t.Errorf("to %s: made %s\nremoved %s", way.move.Plan, strings.Join(plan.Made, "; "), strings.Join(plan.Removed, "; "))
		}
		way.move.PlanID = plan.PlanID
		before := len(given)
		if way.then == nil {
			given = upTo(t, given, way.move)["arrived"]
		} else {
			given = facts(t, given, append([]question{inUse(way.move, ev.TenantUse{})}, way.then...)...)
		}
		happens(t, *plan, prod, given[before:])
	}
}
