package fsm_test

import (
	"errors"
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
	moving   = "tenant acme/prod"
	movingPg = "application acme/prod_pg"
)

// bigPlan is a tier on the same machines with a greater quota, and tinyPlan one with a smaller.
func bigPlan() []fsmtest.Fact {
	return fsmtest.PlanIs("big", func(s *ev.PlanSpec) {
		s.Quota = ev.PlanQuota{CPU: "4", Memory: "8Gi", Storage: "9Gi", Pods: 50}
		s.Price = ev.PlanPrice{Currency: "EUR", Monthly: "79"}
	})
}

func tinyPlan() []fsmtest.Fact {
	return fsmtest.PlanIs("tiny", func(s *ev.PlanSpec) { s.Quota.CPU = "500m"; s.Quota.Pods = 3 })
}

// moveHome is where tenants move: an active one, and tiers to go to.
func moveHome() []fsmtest.Fact { return fsmtest.History(fsmtest.TenantHome(), bigPlan(), tinyPlan()) }

// after does what some questions ask, one after the other, and is the world then.
func after(t *testing.T, given []fsmtest.Fact, asked ...question) *state.Entities {
	t.Helper()
	w := fsmtest.WorldOf(t, given)
	for _, q := range asked {
		changes, err := fsmtest.DecideIn(w, q(t, w))
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			if err := w.Apply(fsmtest.Recorded(w, ch.Ref, ch.Events)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

// facts are the facts that questions add to some.
func facts(t *testing.T, given []fsmtest.Fact, asked ...question) []fsmtest.Fact {
	t.Helper()
	all := slices.Clone(given)
	for i := range asked {
		w := after(t, given, asked[:i]...)
		changes, err := fsmtest.DecideIn(w, asked[i](t, w))
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			all = append(all, fsmtest.Is(ch.Ref.String(), ch.Events...)...)
		}
	}
	return all
}

// used asks for a move of a tenant of which it was seen what it uses.
func used(plan string, use ev.TenantUse) question { return usedBy(ev.Move{Plan: plan}, use) }

// usedBy asks for a move of a tenant that uses so much.
func usedBy(move ev.Move, use ev.TenantUse) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		c := ask(moving, move)(t, w)
		c.Use = &use
		return c
	}
}

func TestMoveLives(t *testing.T) {
	home := moveHome()
	big := ask(moving, ev.Move{Plan: "-/big"})
	begun := facts(t, home, big)
	moved := facts(t, begun, settle(moving))
	paused := facts(t, begun, ask(moving, ev.Pause{}))
	asleep := fsmtest.History(home, fsmtest.Is(moving, ev.SuspendRequested{}, ev.Suspended{}))
	asleepMoved := facts(t, asleep, big, settle(moving))
	deployed := fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1})
	other := `{"spec":{"manifests":[{"kind":"Service"}]}}`
	live(t, []life{
		{name: "begun", given: home, when: big, then: []string{moving + " move_started"}, phase: fsm.Moving},
		{name: "nothing is to be waited for", given: begun, when: settle(moving), then: []string{moving + " move_reserved", moving + " moved"}, phase: fsm.Moving, why: "in_progress: ensure_tenant is under way"},
		{name: "its namespace is made so", given: moved, when: done(moving, ev.Activated{}), then: []string{moving + " move_released", moving + " activated"}, phase: fsm.Active, why: "-"},
		{name: "a late end of the work of before", given: moved, when: late(moving, fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.TenantIs("acme/prod", fsmtest.Starting...)), ev.Activated{}), phase: fsm.Moving},
		{name: "it fails as often as it likes", given: facts(t, moved, failed(moving, ev.InternalReason), failed(moving, ev.InternalReason), failed(moving, ev.InternalReason), failed(moving, ev.InternalReason), failed(moving, ev.InternalReason)),
			when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}, phase: fsm.Moving},
		{name: "it has no deadline behind the commit", given: moved, when: expired(moving), phase: fsm.Moving},
		{name: "it is there already", given: facts(t, moved, done(moving, ev.Activated{})), when: ask(moving, ev.Move{Plan: "-/big@1"}), phase: fsm.Active},
		{name: "what is installed waits", given: fsmtest.History(home, fsmtest.AppIs(fsmtest.Installing)), when: big, then: []string{moving + " move_started", movingPg + " change_held"}, phase: fsm.Moving},
		{name: "asleep", given: asleep, when: big, then: []string{moving + " move_started"}, phase: fsm.Moving},
		{name: "asleep it is made so that nothing runs", given: asleepMoved, when: settle(moving), phase: fsm.Moving, why: "in_progress: suspend_tenant is under way"},
		{name: "it stays asleep", given: asleepMoved, when: done(moving, ev.Suspended{}), then: []string{moving + " move_released", moving + " suspended"}, phase: fsm.Suspended, why: "-"},

		{name: "paused", given: begun, when: ask(moving, ev.Pause{}), then: []string{moving + " move_paused"}, why: "the move is paused"},
		{name: "paused twice", given: paused, when: ask(moving, ev.Pause{})},
		{name: "paused it goes no further", given: paused, when: settle(moving), phase: fsm.Moving},
		{name: "it goes on", given: paused, when: ask(moving, ev.Continue{}), then: []string{moving + " move_continued"}},
		{name: "paused it can be aborted", given: paused, when: ask(moving, ev.Abort{}), then: []string{moving + " move_aborting"}},
		{name: "behind the commit it is not held", given: moved, when: ask(moving, ev.Pause{}), not: "refused…is on the new terms: operation asked can only go on"},
		{name: "aborted", given: begun, when: ask(moving, ev.Abort{}), then: []string{moving + " move_aborting"}, phase: fsm.Moving},
		{name: "it is where it was", given: facts(t, begun, ask(moving, ev.Abort{})), when: settle(moving), then: []string{moving + " move_aborted", moving + " activated"}, phase: fsm.Active, why: "-"},
		{name: "asleep it is where it was", given: facts(t, asleep, big, ask(moving, ev.Abort{})), when: settle(moving), then: []string{moving + " move_aborted", moving + " suspended"}, phase: fsm.Suspended},
		{name: "behind the commit it is not aborted", given: moved, when: ask(moving, ev.Abort{}), not: "refused…is on the new terms: operation asked can only go on…move it back"},
		{name: "what does not move is not aborted", given: home, when: ask(moving, ev.Abort{}), not: "refused…is Active and does not move"},

		{name: "a second move", given: begun, when: ask(moving, ev.Move{Plan: "-/tiny"}), not: "refused…operation asked"},
		{name: "an update", given: begun, when: update(moving, `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`), not: "refused…update: tenant acme/prod is moving (operation asked)"},
		{name: "labels are nothing to it", given: begun, when: update(moving, `{"labels":{"tier":"one"}}`), then: []string{moving + " labels_changed"}, phase: fsm.Moving},
		{name: "it is not suspended", given: begun, when: ask(moving, ev.Suspend{}), not: "refused…operation asked"},
		{name: "a new application", given: begun, when: create(movingPg, other), not: "refused…operation asked"},
		{name: "another wish for an application", given: fsmtest.History(begun, deployed), when: update(movingPg, other), not: "refused…operation asked"},
		{name: "the same wish", given: fsmtest.History(begun, deployed), when: update(movingPg, `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`), phase: fsm.Deployed},
		{name: "a rollback", given: fsmtest.History(begun, fsmtest.AppIs(fsmtest.Installing, ev.Deployed{Revision: 1}, ev.UpdateRequested[ev.ApplicationSpec]{Spec: ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}}}, ev.Deployed{Revision: 2})),
			when: ask(movingPg, ev.Rollback{}), not: "refused…operation asked"},
		{name: "a retry of an application", given: fsmtest.History(begun, fsmtest.AppIs(fsmtest.Installing, givenUp(ev.Timeout))), when: retry(movingPg), not: "refused…operation asked"},
		{name: "what has drifted meanwhile is left", given: fsmtest.History(begun, deployed), when: ask(movingPg, ev.NoteDrift{Found: fsmtest.Gone("ConfigMap a")}), phase: fsm.Deployed},
		{name: "deleted", given: begun, when: ask(moving, ev.Delete{}), then: []string{moving + " deletion_requested", moving + " drained"}, phase: fsm.Deleting},
		{name: "deleted behind the commit", given: moved, when: ask(moving, ev.Delete{}), then: []string{moving + " deletion_requested", moving + " drained"}, phase: fsm.Deleting},
		{name: "neither plan can be deleted before the commit", given: begun, when: ask("plan -/big", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "nor behind it", given: moved, when: ask("plan -/free", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "an update names the move", given: home, when: update(moving, `{"spec":{"plan":"-/big","app":"pg"}}`), not: "refused…aerie tenant move acme/prod --plan big"},
	})
}

func TestMovesThatAreRefused(t *testing.T) {
	home := moveHome()
	machines := fsmtest.PlanIs("machines", func(s *ev.PlanSpec) { s.Apps = []ev.PlanApp{{Type: "pg", Size: "large"}} })
	large := fsmtest.InfraIs("-/eu_large", func(s *ev.TenantInfraSpec) { s.Size = "large" }, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{})
	live(t, []life{
		{name: "no such plan", given: home, when: ask(moving, ev.Move{Plan: "-/bigg"}), not: "refused…plan: there is no plan -/bigg…-/big"},
		{name: "no such version", given: home, when: ask(moving, ev.Move{Plan: "-/big@7"}), not: "refused…has no version 7: it has 1 to 1"},
		{name: "a draft", given: fsmtest.History(home, fsmtest.PlanIs("new", func(s *ev.PlanSpec) { s.Draft = true })), when: ask(moving, ev.Move{Plan: "-/new"}), not: "refused…is a draft"},
		{name: "a retired plan", given: fsmtest.History(home, fsmtest.Is("plan -/big", ev.Retired{})), when: ask(moving, ev.Move{Plan: "-/big"}), not: "refused…is retired"},
		{name: "hosting", given: fsmtest.History(home, fsmtest.PlanIs("own", func(s *ev.PlanSpec) { s.Hosting = "customer" })), when: ask(moving, ev.Move{Plan: "-/own"}), not: "refused…runs in accounts of hosting customer"},
		{name: "what it runs is not offered", given: fsmtest.History(home, fsmtest.PlanIs("mail", func(s *ev.PlanSpec) { s.Apps = []ev.PlanApp{{Type: "mail", Size: "small"}} })), when: ask(moving, ev.Move{Plan: "-/mail"}), not: "refused…does not offer \"pg\""},
		{name: "no machines", given: fsmtest.History(home, machines), when: ask(moving, ev.Move{Plan: "-/machines"}), not: "refused…no tenant infra anywhere fits"},
		{name: "other machines, and nobody has looked", given: fsmtest.History(home, machines, large), when: ask(moving, ev.Move{Plan: "-/machines"}), not: "unavailable…has not said"},
		{name: "pods that nobody would make again", given: fsmtest.History(home, machines, large), when: used("-/machines", ev.TenantUse{Blocked: []string{"nobody would make these pods again: bare"}}), not: "refused…tenant: nobody would make these pods again: bare"},
		{name: "no such cell", given: home, when: ask(moving, ev.Move{Cell: "-/eu_pg_c1"}), not: "refused…there is no cell"},
		{name: "only what is at rest moves", given: fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), bigPlan(), fsmtest.TenantIs("acme/prod", fsmtest.Starting...)), when: ask(moving, ev.Move{Plan: "-/big"}), not: "refused…is Provisioning: only what is Active or Suspended can move"},
		{name: "nobody has looked", given: facts(t, home, ask(moving, ev.Move{Plan: "-/big"}), settle(moving), done(moving, ev.Activated{})), when: ask(moving, ev.Move{Plan: "-/tiny"}), not: "unavailable…has not said what the tenant uses"},
		{name: "it is too big", given: facts(t, home, ask(moving, ev.Move{Plan: "-/big"}), settle(moving), done(moving, ev.Activated{})),
			when: used("-/tiny", ev.TenantUse{CPU: 600, Pods: 4, Memory: 1 << 30}), not: "refused…uses 600m of cpu…allows 500m…uses 4 of pods…allows 3"},
		{name: "it fits", given: facts(t, home, ask(moving, ev.Move{Plan: "-/big"}), settle(moving), done(moving, ev.Activated{})),
			when: used("-/tiny", ev.TenantUse{CPU: 500, Pods: 3, Memory: 1 << 30}), then: []string{moving + " move_started"}},
		{name: "a plan that does not hold any more", given: home, when: ask(moving, ev.Move{Plan: "-/big", PlanID: strings.Repeat("00000000-", 5) + "00000000"}), not: "conflict…plan_id: to has changed, and is now"},
	})
}

// machinesHome has machines of another size beside those of the tenant.
func machinesHome() []fsmtest.Fact {
	return fsmtest.History(moveHome(), fsmtest.PlanIs("machines", func(s *ev.PlanSpec) { s.Apps = []ev.PlanApp{{Type: "pg", Size: "large"}} }),
		fsmtest.InfraIs("-/eu_large", func(s *ev.TenantInfraSpec) {
			s.Size = "large"
			s.Pools = []ev.Pool{{Name: "a", Machine: "m8", Max: 3, Priority: "on-demand", Zones: []string{"a"}}}
		}, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}))
}

func TestMovesToOtherMachines(t *testing.T) {
	home := machinesHome()
	over := used("-/machines", ev.TenantUse{Going: 2})
	begun := facts(t, home, over)
	prepared := facts(t, begun, done(moving, ev.MoveReserved{}), done(moving, ev.MovePrepared{}))
	evicted := facts(t, prepared, done(moving, ev.MoveEvicted{}))
	moved := facts(t, evicted, settle(moving))
	aborting := facts(t, prepared, ask(moving, ev.Abort{}))
	live(t, []life{
		{name: "begun", given: home, when: over, then: []string{moving + " move_started"}, phase: fsm.Moving, why: "in_progress: move_tenant is under way"},
		{name: "there is room", given: begun, when: done(moving, ev.MoveReserved{}), then: []string{moving + " move_reserved"}, phase: fsm.Moving, why: "move_tenant is under way"},
		{name: "its namespace says the machines", given: facts(t, begun, done(moving, ev.MoveReserved{})), when: done(moving, ev.MovePrepared{}), then: []string{moving + " move_prepared"}},
		{name: "no pod is left", given: prepared, when: done(moving, ev.MoveEvicted{}), then: []string{moving + " move_evicted"}},
		{name: "the commit", given: evicted, when: settle(moving), then: []string{moving + " moved"}, phase: fsm.Moving},
		{name: "the place that it had is free", given: moved, when: done(moving, ev.Activated{}), then: []string{moving + " move_released", moving + " activated"}, phase: fsm.Active, why: "-"},
		{name: "paused", given: prepared, when: ask(moving, ev.Pause{}), then: []string{moving + " move_paused"}, why: "the move is paused"},
		{name: "a budget holds it, and is named", given: prepared, when: failed(moving, ev.Dependency), then: []string{moving + " attempt_failed"}, phase: fsm.Moving, why: "dependency"},
		{name: "it is held for too long", given: prepared, when: expired(moving), then: []string{moving + " move_aborting"}, phase: fsm.Moving},
		{name: "a step that fails for good", given: begun, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed", moving + " move_aborting"}, phase: fsm.Moving},
		{name: "behind the commit nothing is given up", given: moved, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}, phase: fsm.Moving},
		{name: "nor while all is brought back", given: aborting, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}, phase: fsm.Moving},
		{name: "all is brought back", given: aborting, when: done(moving, ev.Activated{}), then: []string{moving + " move_aborted", moving + " activated"}, phase: fsm.Active, why: "-"},
		{name: "a late end of before the abort", given: aborting, when: late(moving, prepared, ev.MoveEvicted{}), phase: fsm.Moving},
		{name: "neither machines go", given: begun, when: ask("tenantinfra -/eu_large", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "nor those that it has left", given: moved, when: ask("tenantinfra -/eu_pg", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
	})
	stays := func(given []fsmtest.Fact) string {
		w := fsmtest.WorldOf(t, given)
		e, _ := w.Get(fsmtest.RefOf(moving))
		owed, _ := fsm.Machines[ev.Tenant].Owed(e).(ev.MoveTenant)
		return fmt.Sprint(owed.Step, " ", owed.Placement.TenantInfra, " ", owed.Placement.Plan, " to ", owed.To, " ", owed.Zones)
	}
	for want, given := range map[string][]fsmtest.Fact{
		"reserve -/eu_pg -/free to -/eu_large [a]":        begun,
		"evict -/eu_large -/free to -/eu_large [a]":       prepared,
		"release -/eu_large -/machines to -/eu_large [a]": moved,
		"abort -/eu_pg -/free to -/eu_pg [a]":             aborting,
	} {
		if got := stays(given); got != want {
			t.Errorf("owed is %s, want %s", got, want)
		}
	}
}

// TestWhatADryRunPrintsHappens compares the events that a plan names with those that happen, to other terms and back again.
func TestWhatADryRunPrintsHappens(t *testing.T) {
	for _, asleep := range []bool{false, true} {
		home, end := moveHome(), ev.Event(ev.Activated{})
		if asleep {
			home, end = fsmtest.History(home, fsmtest.Is(moving, ev.SuspendRequested{}, ev.Suspended{})), ev.Suspended{}
		}
		w := fsmtest.WorldOf(t, home)
		for i, to := range []string{"-/big", "-/free"} {
			use := ev.TenantUse{CPU: 1}
			c := used(to, use)(t, w)
			c.ID = fmt.Sprint("move", i)
			e, _ := w.Get(c.Ref)
			plan, err := fsm.PlanMove(e, c, w.Refs())
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for _, s := range plan.Steps {
				want = append(want, s.Events...)
			}
			c.Payload = ev.Move{Plan: to, PlanID: plan.PlanID}
			for _, c := range []ev.Command{c, settle(moving)(t, w), {}} {
				if c.ID == "" {
					c = done(moving, end)(t, w)
				}
				changes, err := fsmtest.DecideIn(w, c)
				if err != nil {
					t.Fatal(err)
				}
				for _, ch := range changes {
					for _, happened := range ch.Events {
						got = append(got, happened.Type())
					}
					if err := w.Apply(fsmtest.Recorded(w, ch.Ref, ch.Events)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			e, _ = w.Get(c.Ref)
			d := e.Data.(fsm.TenantData)
			if d.Placement.Plan != plan.To.Plan || d.Placement.Quota != plan.To.Quota || d.Spec.Plan != to || d.Move != nil {
				t.Errorf("it is %+v, of %s, want %+v", d.Placement, d.Spec.Plan, plan.To)
			}
		}
	}
}

// cellHome is a tenant in a cell of one slot, beside an empty cell.
func cellHome() []fsmtest.Fact {
	placed := ev.Placed{Placement: ev.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Cell: "-/eu_pg_c1", Stay: "s1", Namespace: "acme--prod", Plan: "-/free", PlanVersion: 1, Size: "small",
		Quota: fsmtest.FreeSpec.Quota, Isolation: true}}
	open := func(name string, more ...ev.Event) []fsmtest.Fact {
		return fsmtest.Is("cell -/eu_pg_"+name, append([]ev.Event{ev.Requested[ev.CellSpec]{UID: "u-" + name, Spec: ev.CellSpec{Tenants: 1}}, ev.CellOpened{}}, more...)...)
	}
	return fsmtest.History(fsmtest.Platform(), bigPlan(),
		fsmtest.InfraIs("-/eu_pg", func(s *ev.TenantInfraSpec) { s.Cells = &ev.Cells{Tenants: 1, Isolation: "policy", Max: 3} }, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}),
		open("c1", ev.SlotTaken{Tenant: "acme/prod", UID: "u-acme/prod", Stay: "s1", For: ev.SlotPlaced}, ev.Filled{}), open("c2"),
		fsmtest.TenantIs("acme/prod", ev.PlacingStarted{}, placed, ev.TenantProvisioningStarted{Cluster: "cluster"}, ev.Activated{}))
}

func TestMovesBetweenCells(t *testing.T) {
	home := cellHome()
	over := ask(moving, ev.Move{Cell: "-/eu_pg_c2"})
	begun := facts(t, home, over)
	moved := facts(t, begun, settle(moving))
	live(t, []life{
		{name: "its slot is taken at once", given: home, when: over, then: []string{moving + " move_started", "cell -/eu_pg_c2 slot_taken", "cell -/eu_pg_c2 filled"}},
		{name: "the slot that it had is freed at the end", given: moved, when: done(moving, ev.Activated{}),
			then: []string{moving + " move_released", moving + " activated", "cell -/eu_pg_c1 slot_freed", "cell -/eu_pg_c1 reopened"}},
		{name: "an abort frees the other one", given: facts(t, begun, ask(moving, ev.Abort{})), when: settle(moving),
			then: []string{moving + " move_aborted", moving + " activated", "cell -/eu_pg_c2 slot_freed", "cell -/eu_pg_c2 reopened"}},
		{name: "a deletion frees the one that it goes to", given: begun, when: ask(moving, ev.Delete{}),
			then: []string{moving + " deletion_requested", moving + " drained", "cell -/eu_pg_c2 slot_freed", "cell -/eu_pg_c2 reopened"}},
		{name: "and then the one where it is", given: facts(t, begun, ask(moving, ev.Delete{})), when: done(moving, ev.Deleted{}),
			then: []string{moving + " deleted", "cell -/eu_pg_c1 slot_freed", "cell -/eu_pg_c1 reopened"}},
		{name: "other terms in the same cell take no second slot", given: home, when: ask(moving, ev.Move{Plan: "-/big"}), then: []string{moving + " move_started"}},
		{name: "neither cell goes meanwhile", given: begun, when: ask("cell -/eu_pg_c2", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "nor the one that it has left", given: moved, when: ask("cell -/eu_pg_c1", ev.Delete{}), not: "refused…is used by tenant acme/prod"},
		{name: "a full cell", given: begun, when: ask("tenant acme/prod", ev.Move{Cell: "-/eu_pg_c1"}), not: "refused…operation asked"},
		{name: "it is in that cell", given: home, when: ask(moving, ev.Move{Cell: "-/eu_pg_c1"}), phase: fsm.Active},
		{name: "a cell that drains", given: fsmtest.History(home, fsmtest.Is("cell -/eu_pg_c2", ev.DrainingStarted{})), when: over, not: "refused…takes nobody more: it is Draining"},
	})
	for _, given := range [][]fsmtest.Fact{begun, moved} {
		if wrong := fsmtest.WorldOf(t, given).WrongSlots(); len(wrong) > 0 {
			t.Errorf("slots are not what tenants say: %v", wrong)
		}
	}
}

// TestAPlanIDSaysWhatDiffers changes the plan between a dry run and the move.
func TestAPlanIDSaysWhatDiffers(t *testing.T) {
	w := fsmtest.WorldOf(t, moveHome())
	c := ask(moving, ev.Move{Plan: "-/big"})(t, w)
	e, _ := w.Get(c.Ref)
	plan, err := fsm.PlanMove(e, c, w.Refs())
	if err != nil {
		t.Fatal(err)
	}
	spec := fsmtest.FreeSpec
	spec.Price = ev.PlanPrice{Currency: "EUR", Monthly: "99"}
	spec.Quota.Pods = 7
	if err := w.Apply(fsmtest.Recorded(w, fsmtest.RefOf("plan -/big"), []ev.Event{ev.Updated[ev.PlanSpec]{Spec: spec}})); err != nil {
		t.Fatal(err)
	}
	c.Payload = ev.Move{Plan: "-/big", PlanID: plan.PlanID}
	_, err = fsmtest.DecideIn(w, c)
	var r *ev.Refusal
	if !errors.As(err, &r) || r.Code != ev.Conflict || !strings.Contains(err.Error(), "price has changed, and is now") || !strings.Contains(err.Error(), `"99"`) {
		t.Errorf("got %v", err)
	}
}
