package fsm_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// clusterHome is a tenant with an application on one dataplane, beside another, and a plan whose tenants have no data.
func clusterHome() []fsmtest.Fact {
	return fsmtest.History(fsmtest.TenantHome(),
		fsmtest.PlanIs("roams", func(s *ev.PlanSpec) { s.Move = &ev.PlanMove{Data: ev.DataNone, Cut: "15m", Hold: "10m"} }),
		fsmtest.DataplaneIs("-/us", fsmtest.AsIs, fsmtest.Built()...),
		fsmtest.InfraIs("-/us_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}),
		fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1, Objects: []string{"ConfigMap/a"}}))
}

func roam(use ev.TenantUse, with func(*ev.Move)) question {
	ask := ev.Move{Plan: "-/roams", Dataplane: "-/us"}
	with(&ask)
	return usedBy(ask, use)
}

func TestMovesToAnotherCluster(t *testing.T) {
	home := clusterHome()
	over := roam(ev.TenantUse{CPU: 1}, fsmtest.AsIs)
	begun := facts(t, home, over)
	reserved := facts(t, begun, settle(moving))
	prepared := facts(t, reserved, done(moving, ev.MovePrepared{}))
	copying := facts(t, prepared, settle(moving))
	copied := facts(t, copying, done(movingPg, ev.Deployed{Revision: 1}))
	installed := facts(t, copied, settle(moving))
	quiesced := facts(t, installed, done(moving, ev.MoveQuiesced{}))
	moved := facts(t, quiesced, settle(moving))
	opened := facts(t, moved, done(moving, ev.MoveOpened{}))
	held := facts(t, opened, expired(moving))
	aborting := facts(t, installed, ask(moving, ev.Abort{}))
	reopened := facts(t, aborting, done(moving, ev.MoveReopened{}))
	live(t, []life{
		{name: "begun", given: home, when: over, then: []string{moving + " move_started"}, phase: fsm.Moving},
		{name: "its place is ready", given: begun, when: settle(moving), then: []string{moving + " move_reserved"}, why: "relocate_tenant is under way"},
		{name: "its applications are installed there", given: prepared, when: settle(moving), then: []string{movingPg + " copy_started"}, why: "waits for application acme/prod_pg"},
		{name: "one is", given: copying, when: done(movingPg, ev.Deployed{Revision: 1}), then: []string{movingPg + " copy_deployed"}, phase: fsm.Copied},
		{name: "all are", given: copied, when: settle(moving), then: []string{moving + " move_installed"}},
		{name: "it is closed, and that was seen: the commit", given: quiesced, when: settle(moving), then: []string{moving + " moved"}},
		{name: "its application follows", given: moved, when: settle(movingPg), then: []string{movingPg + " relocated"}, phase: fsm.Deployed, why: "-"},
		{name: "it is open there", given: moved, when: done(moving, ev.MoveOpened{}), then: []string{moving + " move_opened"}, why: "stays for 10m0s"},
		{name: "what it has left stays for a while", given: opened, when: expired(moving), then: []string{moving + " move_held"}},
		{name: "and goes", given: held, when: done(moving, ev.Deleted{}), then: []string{moving + " move_released", moving + " activated"}, phase: fsm.Active, why: "-"},

		{name: "an application that can't be installed there", given: copying, when: failed(movingPg, ev.ConfigProblem), then: []string{movingPg + " attempt_failed", movingPg + " copy_failed"}, phase: fsm.Copied},
		{name: "brings its tenant back", given: facts(t, copying, failed(movingPg, ev.ConfigProblem)), when: settle(moving), then: []string{moving + " move_aborting"}},
		{name: "and stays where it was", given: facts(t, copying, failed(movingPg, ev.ConfigProblem), settle(moving)), when: settle(movingPg), then: []string{movingPg + " copy_dropped"}, phase: fsm.Deployed},
		{name: "aborted while it is installed there", given: copying, when: ask(moving, ev.Abort{}), then: []string{moving + " move_aborting", movingPg + " copy_dropped"}},
		{name: "a step that fails for good", given: reserved, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed", moving + " move_aborting"}},
		{name: "aborted before anything was made", given: facts(t, begun, ask(moving, ev.Abort{})), when: settle(moving), then: []string{moving + " move_aborted", moving + " activated"}, phase: fsm.Active},
		{name: "aborted before it was closed", given: facts(t, copied, ask(moving, ev.Abort{})), when: done(moving, ev.Deleted{}), then: []string{moving + " move_aborted", moving + " activated"}, phase: fsm.Active},
		{name: "what no longer fits before it is closed", given: installed, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed", moving + " move_aborting"}},
		{name: "closed for too long", given: installed, when: expired(moving), then: []string{moving + " move_aborting"}},
		{name: "it is opened again first", given: aborting, when: done(moving, ev.MoveReopened{}), then: []string{moving + " move_reopened"}, phase: fsm.Moving},
		{name: "then what was made goes", given: reopened, when: done(moving, ev.Deleted{}), then: []string{moving + " move_aborted", moving + " activated"}, phase: fsm.Active, why: "-"},
		{name: "to bring back is never given up", given: aborting, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}, phase: fsm.Moving},
		{name: "nor is what comes behind the commit", given: moved, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}, phase: fsm.Moving},
		{name: "a late close of before the abort", given: aborting, when: late(moving, installed, ev.MoveQuiesced{}), phase: fsm.Moving},
		{name: "no abort behind the commit", given: moved, when: ask(moving, ev.Abort{}), not: "refused…can only go on to its end"},
		{name: "paused while it serves", given: copying, when: ask(moving, ev.Pause{}), then: []string{moving + " move_paused"}, why: "the move is paused"},
		{name: "not when it is closed", given: installed, when: ask(moving, ev.Pause{}), not: "refused…has been closed since…abort it"},
		{name: "a change of what moves", given: copying, when: update(movingPg, `{"spec":{"manifests":[{"kind":"Service"}]}}`), not: "refused…operation asked"},
		{name: "a retry of what moves", given: facts(t, copying, failed(movingPg, ev.InternalReason)), when: retry(movingPg), not: "refused…operation asked"},
		{name: "a change of what has not followed yet", given: facts(t, held, done(moving, ev.Deleted{})), when: update(movingPg, `{"spec":{"manifests":[{"kind":"Service"}]}}`), not: "refused…has just moved, and it follows"},
		{name: "it follows all the same", given: facts(t, held, done(moving, ev.Deleted{})), when: settle(movingPg), then: []string{movingPg + " relocated"}},
		{name: "deleted on the way", given: copying, when: ask(moving, ev.Delete{Cascade: true}), then: []string{moving + " deletion_requested"}, phase: fsm.Deleting},
		{name: "an application goes there first", given: facts(t, copied, ask(movingPg, ev.Delete{})), when: done(movingPg, ev.Deleted{}), then: []string{movingPg + " copy_dropped"}, phase: fsm.Uninstalling},
		{name: "and then where it is", given: facts(t, copied, ask(movingPg, ev.Delete{}), done(movingPg, ev.Deleted{})), when: done(movingPg, ev.Deleted{}), then: []string{movingPg + " deleted"}},
		{name: "neither machines go", given: begun, when: ask("tenantinfra -/us_pg", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "nor those that it has left", given: held, when: ask("tenantinfra -/eu_pg", ev.Delete{}), not: "refused…is used by tenant acme/prod"},

		{name: "a plan that says nothing of the data", given: home, when: roam(ev.TenantUse{}, func(m *ev.Move) { m.Plan = "-/free" }), not: "refused…spec.move.data must be jobs, for programs that bring it along, or none"},
		{name: "a volume", given: home, when: roam(ev.TenantUse{Volumes: []string{"claim data of volume v1"}}, fsmtest.AsIs), not: "refused…claim data of volume v1 holds data…spec.move.data of plan -/roams is none"},
		{name: "what aerie did not make", given: home, when: roam(ev.TenantUse{Foreign: []string{"Secret mine"}}, fsmtest.AsIs), not: "refused…leave: Secret mine is not aerie's"},
		{name: "it stays behind if that is said", given: home, when: roam(ev.TenantUse{Foreign: []string{"Secret mine"}}, func(m *ev.Move) { m.Leave = true }), then: []string{moving + " move_started"}},
		{name: "a server that does not carry its Secrets there", given: home, when: roam(ev.TenantUse{Follow: []string{"Secret db"}, Blocked: []string{"Secrets follow it"}}, fsmtest.AsIs), not: "refused…tenant: Secrets follow it"},
		{name: "an application that is not there yet", given: fsmtest.History(home, fsmtest.Is(movingPg, ev.UpdateRequested[ev.ApplicationSpec]{})), when: over, not: "refused…application acme/prod_pg is Upgrading"},
	})
	where := map[string][]fsmtest.Fact{
		"prepare -/us closed":     reserved,
		"quiesce -/eu closed":     installed,
		"open -/us":               moved,
		"remove -/eu":             held,
		"abort -/eu":              aborting,
		"remove -/us":             reopened,
		"remove -/us, then -/eu":  facts(t, reserved, ask(moving, ev.Delete{Cascade: true}), ask(movingPg, ev.Delete{}), done(movingPg, ev.Deleted{}), settle(moving)),
		"remove -/eu, then -/us ": facts(t, opened, settle(movingPg), ask(moving, ev.Delete{Cascade: true}), ask(movingPg, ev.Delete{}), done(movingPg, ev.Deleted{}), settle(moving)),
	}
	for want, given := range where {
		got := owedAt(t, given)
		if e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving)); e.Phase() == fsm.Deleting {
			got += ", then " + strings.TrimPrefix(owedAt(t, facts(t, given, done(moving, ev.Deleted{}))), "remove ")
		}
		if got != strings.TrimSpace(want) {
			t.Errorf("owed is %s, want %s", got, want)
		}
	}
}

// A tenant is looked at once more before it is closed, as it was before its move: at no other step.
func TestATenantIsLookedAtAgain(t *testing.T) {
	for _, leave := range []bool{true, false} {
		use := ev.TenantUse{CPU: 1}
		if leave {
			use.Foreign = []string{"Secret mine"}
		}
		given := facts(t, clusterHome(), roam(use, func(m *ev.Move) { m.Leave = leave }), settle(moving))
		for _, next := range []question{done(moving, ev.MovePrepared{}), settle(moving), done(movingPg, ev.Deployed{Revision: 1}), settle(moving),
			done(moving, ev.MoveQuiesced{}), settle(moving), done(moving, ev.MoveOpened{})} {
			e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
			owed, is := fsm.Machines[ev.Tenant].Owed(e).(ev.RelocateTenant)
			if want := is && owed.Step == ev.StepQuiesce; want != (owed.Look != nil) {
				t.Fatalf("at %s it is looked at: %+v", owed.Step, owed.Look)
			} else if want && (owed.Look.Data != ev.DataNone || owed.Look.Leave != leave || owed.Look.To.Dataplane != "-/us" || owed.Look.Site.Dataplane != "-/us") {
				t.Errorf("it is looked at for %+v", owed.Look)
			}
			given = facts(t, given, next)
		}
	}
}

// Secrets that follow a tenant are in what it says before, are brought when its namespace is made there, and once more when it is closed. One
// that is labelled since is looked for then too.
func TestSecretsFollowATenant(t *testing.T) {
	for _, some := range []bool{true, false} {
		use := ev.TenantUse{CPU: 1}
		if some {
			use.Follow = []string{"Secret db"}
		}
		over := roam(use, fsmtest.AsIs)
		w := fsmtest.WorldOf(t, clusterHome())
		c := over(t, w)
		e, _ := w.Get(c.Ref)
		plan, err := fsm.PlanMove(e, c, w.Refs())
		if err != nil || slices.Contains(plan.Made, "Secret db, which follows it") != some {
			t.Fatalf("what is made is said to be %q: %v", plan.Made, err)
		}
		given := facts(t, clusterHome(), over, settle(moving))
		at := map[string]string{}
		for _, next := range []question{done(moving, ev.MovePrepared{}), settle(moving), done(movingPg, ev.Deployed{Revision: 1}), settle(moving),
			done(moving, ev.MoveQuiesced{}), settle(moving), done(moving, ev.MoveOpened{})} {
			e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
			if owed, is := fsm.Machines[ev.Tenant].Owed(e).(ev.RelocateTenant); is && owed.Follow != nil {
				f := owed.Follow
				at[owed.Step] = fmt.Sprintf("%s %s %t", cmp.Or(f.Site.Dataplane, "-/eu"), f.Namespace, f.Some)
			}
			given = facts(t, given, next)
		}
		want := map[string]string{"quiesce": fmt.Sprintf("-/us acme--prod %t", some)}
		if some {
			want["prepare"] = "-/eu acme--prod true"
		}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("Secrets are brought at %v, want %v", at, want)
		}
	}
}

// Secrets follow where one executor works in both clusters, whatever accounts these are in: where a server works in the one and an agent in
// the other, who has some is refused, and who gets some on the way is looked at for them before it is closed.
func TestSecretsFollowWhereOneWorksInBoth(t *testing.T) {
	pulled := func(paths ...string) (facts []fsmtest.Fact) {
		for _, path := range paths {
			facts = append(facts, fsmtest.Is("dataplane "+path, ev.HandedOver{Mode: ev.ModePull, After: 1})...)
		}
		return facts
	}
	for _, row := range []struct {
		name   string
		agents []fsmtest.Fact
		follow bool
	}{
		{"a server works in both", nil, true},
		{"an agent works where it goes to", pulled("-/us"), false},
		{"an agent works where it is", pulled("-/eu"), false},
		{"an agent works in both", pulled("-/eu", "-/us"), true},
	} {
		home := fsmtest.History(clusterHome(), row.agents)
		use := ev.TenantUse{Follow: []string{"Secret db"}}
		begins := life{name: row.name, given: home, when: roam(use, fsmtest.AsIs), then: []string{moving + " move_started"}}
		if !row.follow {
			begins.then, begins.not = nil, "refused…tenant: Secret db: what is labelled aerie.io/follow goes through the memory of one server or one agent, and who works on -/eu does not work on -/us"
		}
		live(t, []life{begins})
		given := facts(t, home, roam(ev.TenantUse{}, fsmtest.AsIs), settle(moving), done(moving, ev.MovePrepared{}), settle(moving),
			done(movingPg, ev.Deployed{Revision: 1}), settle(moving))
		e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
		owed := fsm.Machines[ev.Tenant].Owed(e).(ev.RelocateTenant)
		if unfit := fsm.Unfit(*owed.Look, "-/eu", use); (owed.Follow != nil) != row.follow || (len(unfit) == 0) != row.follow {
			t.Errorf("%s: at %s Secrets follow by %+v, and %v", row.name, owed.Step, owed.Follow, unfit)
		}
	}
}

// owedAt says what is owed to the tenant that moves, and in which cluster.
func owedAt(t *testing.T, given []fsmtest.Fact) string {
	e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
	switch owed := fsm.Machines[ev.Tenant].Owed(e).(type) {
	case ev.RelocateTenant:
		at := owed.Step + " " + cmp.Or(owed.Dataplane, "-/eu") // its past does not say the site
		if owed.Closed {
			at += " closed"
		}
		return at
	case ev.RemoveTenant:
		return "remove " + cmp.Or(owed.Dataplane, "-/eu")
	default:
		return fmt.Sprintf("%T", owed)
	}
}

// TestWhatADryRunPrintsHappens in another cluster too, there and back.
func TestWhatADryRunOfAnotherClusterPrintsHappens(t *testing.T) {
	given := clusterHome()
	for _, to := range []string{"-/us", "-/eu"} {
		w := fsmtest.WorldOf(t, given)
		c := roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Dataplane = to })(t, w)
		e, _ := w.Get(c.Ref)
		plan, err := fsm.PlanMove(e, c, w.Refs())
		if err != nil {
			t.Fatal(err)
		}
		if plan.InterruptedMS != 15*60*1000 || !strings.Contains(strings.Join(plan.Made, ";"), "with 1 of its applications") {
			t.Errorf("the plan says %+v", plan)
		}
		before := len(given)
		given = facts(t, given, roam(ev.TenantUse{CPU: 1}, func(m *ev.Move) { m.Dataplane, m.PlanID = to, plan.PlanID }), settle(moving),
			done(moving, ev.MovePrepared{}), settle(moving), done(movingPg, ev.Deployed{Revision: 1}), settle(moving), done(moving, ev.MoveQuiesced{}),
			settle(moving), settle(movingPg), done(moving, ev.MoveOpened{}), expired(moving), done(moving, ev.Deleted{}))
		happens(t, *plan, moving, given[before:])
		e, _ = fsmtest.WorldOf(t, given).Get(c.Ref)
		if d := e.Data.(fsm.TenantData); d.Placement.Dataplane != to || d.Site.Dataplane != to || d.Away != nil || d.Move != nil {
			t.Errorf("it is at %+v, %+v", d.Placement, d.Site)
		}
	}
}

// happens checks that what has happened to a tenant is what was said in a plan of its move, event by event.
func happens(t *testing.T, plan ev.MovePlan, name string, since []fsmtest.Fact) {
	t.Helper()
	var want, got []string
	for _, s := range plan.Steps {
		want = append(want, s.Events...)
	}
	for _, f := range since {
		for _, happened := range f.Events {
			if f.Ref == fsmtest.RefOf(name) {
				got = append(got, happened.Type())
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("to %+v: got  %q\nwant %q", plan.To, got, want)
	}
}
