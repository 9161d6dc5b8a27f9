package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

const c1 = "cell -/eu_pg_c1"

// infraWithCells is the tenant infra on the shared dataplane, built, with cells.
func infraWithCells(c ev.Cells) []fsmtest.Fact {
	return fsmtest.InfraIs("-/eu_pg", func(s *ev.TenantInfraSpec) { s.Cells = &c }, ev.ProvisioningStarted{Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{})
}

// cellIs is a cell of two slots that stays for an hour when it is empty, with what happened to it.
func cellIs(happened ...ev.Event) []fsmtest.Fact {
	born := ev.Requested[ev.CellSpec]{UID: "c", Spec: ev.CellSpec{Tenants: 2, KeepEmpty: "1h"}}
	return fsmtest.Is(c1, append([]ev.Event{born}, happened...)...)
}

// inCell is a tenant in that cell, active, and the slot that it has there.
func inCell(path string) []fsmtest.Fact {
	id := strings.TrimPrefix(path, "acme/")
	placed := ev.Placed{Placement: ev.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Cell: "-/eu_pg_c1", Stay: "s-" + id, Namespace: "acme--" + id, Plan: "-/free"}}
	return fsmtest.History(fsmtest.Is(c1, ev.SlotTaken{Tenant: path, UID: "u-" + path, Stay: "s-" + id, For: ev.SlotPlaced}),
		fsmtest.TenantIs(path, ev.PlacingStarted{}, placed, ev.TenantProvisioningStarted{Cluster: "cluster"}, ev.Activated{}))
}

func TestCellLives(t *testing.T) {
	two := ev.Cells{Tenants: 2, Isolation: "policy", Max: 2, KeepEmpty: "1h"}
	warm := two
	warm.Warm = 1
	one := two
	one.Max = 1
	ground := fsmtest.History(fsmtest.Platform(), infraWithCells(two))
	tightGround := fsmtest.History(fsmtest.Platform(), infraWithCells(one))
	prod, test := inCell("acme/prod"), inCell("acme/test")
	full := fsmtest.History(tightGround, cellIs(ev.CellOpened{}), prod, test, fsmtest.Is(c1, ev.Filled{}))
	newcomer := fsmtest.TenantIs("acme/new", ev.PlacingStarted{})
	placed := []string{"tenant acme/new placed", "tenant acme/new provisioning_started", c1 + " slot_taken"}
	const body = `{"spec":{"tenants":1}}`
	live(t, []life{
		{name: "made by a person", given: ground, when: create(c1, body), then: []string{c1 + " requested"}, phase: fsm.Opening},
		{name: "an infra without cells has none", given: fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt()), when: create(c1, body), not: "invalid…name: tenantinfra -/eu_pg has no cells: give it some in its spec.cells first"},
		{name: "no such infra", given: fsmtest.Platform(), when: create(c1, body), not: "invalid…name: there is no tenantinfra -/eu_pg"},
		{name: "one too many", given: full, when: create("cell -/eu_pg_c2", body), not: "invalid…name: tenantinfra -/eu_pg has 1 cells, as many as its spec.cells.max allows"},
		{name: "it opens with its infra", given: fsmtest.History(ground, cellIs()), when: settle(c1), then: []string{c1 + " opened"}, phase: fsm.Open, why: "-"},
		{name: "it waits for its infra", given: fsmtest.History(fsmtest.Platform(), fsmtest.InfraIs("-/eu_pg", func(s *ev.TenantInfraSpec) { s.Cells = &two }), cellIs()), when: settle(c1), phase: fsm.Opening, why: "dependency: waits for tenantinfra -/eu_pg, which is Requested"},

		{name: "who is placed takes a slot", given: fsmtest.History(ground, cellIs(ev.CellOpened{}), newcomer), when: settle("tenant acme/new"), then: placed},
		{name: "the last slot fills it", given: fsmtest.History(ground, cellIs(ev.CellOpened{}), prod, newcomer), when: settle("tenant acme/new"), then: append(slices.Clone(placed), c1+" filled")},
		{name: "one that opens takes tenants too", given: fsmtest.History(ground, cellIs(), newcomer), when: settle("tenant acme/new"), then: placed},
		{name: "nobody comes where all is full", given: fsmtest.History(full, newcomer), when: settle("tenant acme/new"), phase: fsm.Placing, why: "capacity_unavailable: no tenant infra fits"},
		{name: "nobody comes where it drains", given: fsmtest.History(tightGround, cellIs(ev.CellOpened{}, ev.DrainingStarted{}), newcomer), when: settle("tenant acme/new"), phase: fsm.Placing, why: "capacity_unavailable"},

		{name: "who goes frees a slot", given: full, when: ask("tenant acme/prod", ev.Delete{}), then: []string{"tenant acme/prod deletion_requested", "tenant acme/prod drained"}},
		{name: "when it is gone", given: fsmtest.History(full, fsmtest.Is("tenant acme/prod", ev.DeletionRequested{}, ev.Drained{})), when: done("tenant acme/prod", ev.Deleted{}), then: []string{"tenant acme/prod deleted", c1 + " slot_freed", c1 + " reopened"}},
		{name: "a full one with more slots is open", given: full, when: update(c1, `{"spec":{"tenants":3}}`), then: []string{c1 + " update_requested", c1 + " reopened"}, phase: fsm.Open},
		{name: "with fewer nobody moves", given: fsmtest.History(ground, cellIs(ev.CellOpened{}), prod), when: update(c1, body), then: []string{c1 + " update_requested", c1 + " filled"}, phase: fsm.Full},

		{name: "closed to newcomers", given: full, when: ask(c1, ev.Drain{}), then: []string{c1 + " draining_started"}, phase: fsm.Draining, why: "-"},
		{name: "closed twice", given: fsmtest.History(full, fsmtest.Is(c1, ev.DrainingStarted{})), when: ask(c1, ev.Drain{}), phase: fsm.Draining},
		{name: "and open again, as it was", given: fsmtest.History(full, fsmtest.Is(c1, ev.DrainingStarted{})), when: ask(c1, ev.Drain{End: true}), then: []string{c1 + " drain_ended", c1 + " opened", c1 + " filled"}, phase: fsm.Full},
		{name: "not closed", given: full, when: ask(c1, ev.Drain{End: true}), phase: fsm.Full},

		{name: "empty for its time it goes", given: fsmtest.History(ground, cellIs(ev.CellOpened{})), when: emptyForLong, then: []string{c1 + " deleted"}, phase: fsm.Closed},
		{name: "one that is to stand empty stays", given: fsmtest.History(fsmtest.Platform(), infraWithCells(warm), cellIs(ev.CellOpened{})), when: emptyForLong, then: []string{c1 + " kept_warm"}, phase: fsm.Open, why: "-"},
		{name: "not for the time of another emptiness", given: fsmtest.History(ground, cellIs(ev.CellOpened{})), when: ask(c1, ev.Expire{Since: fsmtest.Later}), phase: fsm.Open},
		{name: "who is in it keeps it", given: fsmtest.History(ground, cellIs(ev.CellOpened{}), prod), when: emptyForLong, phase: fsm.Open},
		{name: "who is in it is in the way", given: full, when: ask(c1, ev.Delete{}), not: "refused: cell -/eu_pg_c1 is used by tenant acme/prod, tenant acme/test: delete these first"},
		{name: "an empty one can be deleted", given: fsmtest.History(ground, cellIs(ev.CellOpened{})), when: ask(c1, ev.Delete{}), then: []string{c1 + " deleted"}, phase: fsm.Closed},

		{name: "its infra takes it along", given: fsmtest.History(ground, cellIs(ev.CellOpened{})), when: ask("tenantinfra -/eu_pg", ev.Delete{}), then: []string{"tenantinfra -/eu_pg deletion_requested"}, phase: fsm.Deleting},
		{name: "and ends it first", given: fsmtest.History(ground, cellIs(ev.CellOpened{}), fsmtest.Is("tenantinfra -/eu_pg", ev.DeletionRequested{})), when: settle("tenantinfra -/eu_pg"), then: []string{c1 + " deleted"}, phase: fsm.Deleting},
		{name: "cells are as their infra says", given: full, when: update("tenantinfra -/eu_pg", infraBody(`{"tenants":3}`)), then: []string{"tenantinfra -/eu_pg update_requested", c1 + " update_requested", c1 + " reopened"}},
		{name: "cells with machines of their own take nobody in", given: fsmtest.TenantHome(), when: update("tenantinfra -/eu_pg", infraBody(`{"isolation":"nodes","max":3}`)), not: "invalid…spec.cells.isolation: tenantinfra -/eu_pg has tenants, and only cells of isolation policy can take them in"},
		{name: "an infra that has some keeps them", given: full, when: update("tenantinfra -/eu_pg", infraBody(`null`)), not: "invalid…spec.cells: tenantinfra -/eu_pg has cells: delete them first"},
	})
}

// emptyForLong says that a cell has been empty for its time.
func emptyForLong(t *testing.T, w *state.Entities) ev.Command {
	e, _ := w.Get(fsmtest.RefOf(c1))
	return ask(c1, fsmtest.Expired(e))(t, w)
}

func infraBody(cells string) string {
	return fmt.Sprintf(`{"spec":{"app":"pg","size":"small","cells":%s,"pools":[{"name":"a","machine":"m4"}]}}`, cells)
}

// A decision that finds no room opens a cell, which stands before its first tenant in the batch: else the fold would not know
// it as used. Those that are to stand empty come with it, no more than there may be.
func TestWhoFindsNoRoomOpensACell(t *testing.T) {
	cells := ev.Cells{Tenants: 1, Isolation: "policy", Max: 3, Warm: 1, KeepEmpty: "1h"}
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.Platform(), infraWithCells(cells), fsmtest.TenantIs("acme/a", ev.PlacingStarted{}),
		fsmtest.TenantIs("acme/b", ev.PlacingStarted{}), fsmtest.TenantIs("acme/c", ev.PlacingStarted{}), fsmtest.TenantIs("acme/d", ev.PlacingStarted{})))
	opened := []int{2, 1, 0, 0}
	for i, name := range []string{"a", "b", "c", "d"} {
		changes, err := fsmtest.DecideIn(w, settle("tenant acme/"+name)(t, w))
		if err != nil {
			t.Fatal(err)
		}
		births := 0
		for k, ch := range changes {
			if _, birth := ch.Events[0].(ev.CreateEvent); birth {
				births++
				if k >= births {
					t.Errorf("%s is born behind %s", ch.Ref, changes[k-1].Ref)
				}
			}
			if err := w.Apply(fsmtest.Recorded(w, ch.Ref, ch.Events)); err != nil {
				t.Fatal(err)
			}
		}
		e, _ := w.Get(fsmtest.RefOf("tenant acme/" + name))
		in, _ := ev.ParseRef(ev.Cell, strings.Join(fsm.CellsOf(e), " "))
		if (in.ID != "") != (name != "d") || births != opened[i] {
			t.Errorf("%s is in %q, and %d cells were opened, want %d", name, in.ID, births, opened[i])
		}
		if cell, _ := w.Get(in); name != "d" && (cell.Phase() != fsm.Full || !slices.Equal(w.UsersOf(in), []ev.Ref{e.Ref})) {
			t.Errorf("%s is %s, used by %v", in, cell.Phase(), w.UsersOf(in))
		}
	}
}

// The uids of those that a decision gives birth to, and with them their names, are the same however often it is decided, and
// others for another command.
func TestBirthsFollowFromTheCommand(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.Platform(), infraWithCells(ev.Cells{Tenants: 1, Max: 5, Warm: 3}), fsmtest.TenantIs("acme/new", ev.PlacingStarted{})))
	born := func(id string) (all []string) {
		changes, err := fsmtest.DecideIn(w, ev.Command{ID: id, Ref: fsmtest.RefOf("tenant acme/new"), Time: fsmtest.Later, Payload: ev.Settle{}})
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			if b, ok := ch.Events[0].(ev.Requested[ev.CellSpec]); ok {
				all = append(all, ch.Ref.ID+" "+b.UID)
			}
		}
		return all
	}
	a, again, other := born("a"), born("a"), born("b")
	if len(a) != 4 || !slices.Equal(a, again) || slices.Contains(other, a[0]) || a[0] == a[1] {
		t.Errorf("%q, then %q, of another command %q", a, again, other)
	}
	if name, uid, _ := strings.Cut(a[0], " "); len(uid) != 26 || len(name) != len("eu_pg_c234567") || !strings.HasPrefix(name, "eu_pg_c") {
		t.Errorf("the first is %s with the uid %s", name, uid)
	}
}

// One decision that ends many tenants of a cell frees as many slots of it.
func TestOneDecisionFreesManySlots(t *testing.T) {
	facts := fsmtest.History(fsmtest.Platform(), infraWithCells(ev.Cells{Tenants: 2, Max: 1}), cellIs(ev.CellOpened{}))
	for _, id := range []string{"acme/prod", "acme/test"} { // placed, and nothing made for them yet: they end at once
		placed := ev.Placed{Placement: ev.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Cell: "-/eu_pg_c1", Plan: "-/free"}}
		facts = fsmtest.History(facts, fsmtest.Is(c1, ev.SlotTaken{Tenant: id}), fsmtest.TenantIs(id, ev.PlacingStarted{}, placed))
	}
	w := fsmtest.WorldOf(t, fsmtest.History(facts, fsmtest.Is(c1, ev.Filled{}), fsmtest.Is("customer acme", ev.DeletionRequested{Cascade: true})))
	changes, err := fsmtest.DecideIn(w, settle("customer acme")(t, w))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ch := range changes {
		for _, e := range ch.Events {
			if ch.Ref.Kind == ev.Cell {
				got = append(got, e.Type())
			}
		}
		if err := w.Apply(fsmtest.Recorded(w, ch.Ref, ch.Events)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"slot_freed", "reopened", "slot_freed"}; !slices.Equal(got, want) {
		t.Errorf("the cell has %q, want %q", got, want)
	}
	if wrong := w.WrongSlots(); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// The time of a wait counts from its event.
func TestTheTimeOfAnEmptyCellCountsFromItsLastTenant(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.Platform(), infraWithCells(ev.Cells{Tenants: 2, Max: 1}), cellIs(ev.CellOpened{}), inCell("acme/prod"),
		fsmtest.Is("tenant acme/prod", ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{})))
	emptied := fsmtest.Start.Add(time.Duration(w.Seq) * time.Minute)
	if err := w.Apply(fsmtest.Recorded(w, fsmtest.RefOf(c1), []ev.Event{ev.SlotFreed{Tenant: "acme/prod"}})); err != nil {
		t.Fatal(err)
	}
	e, _ := w.Get(fsmtest.RefOf(c1))
	if owed := fsm.Machines[ev.Cell].Owed(e).(fsm.WaitFor); !owed.Since.Equal(emptied) || owed.Within != time.Hour {
		t.Errorf("it waits %s from %s, want an hour from %s", owed.Within, owed.Since, emptied)
	}
}

// A tenant infra that gets cells takes those in who are there; their namespaces are made anew as in cells.
func TestTenantsAreTakenIn(t *testing.T) {
	p := newPlant(t, func(*ev.PlanSpec) {})
	p.withInfra(fsmtest.AsIs)
	all := []string{"acme/a", "acme/b", "acme/c", "other/a"}
	for _, who := range all {
		p.subscribe(who)
	}
	p.run()
	p.do("tenant acme/c", ev.Suspend{}, false)
	p.do("tenant other/a", ev.Delete{}, false)
	s := fsmtest.InfraSpec
	s.Cells = &ev.Cells{Tenants: 2, Isolation: "policy", Max: 1, KeepEmpty: "1h"}
	_, err := fsmtest.DecideIn(p.w, ev.Command{ID: "x", Ref: fsmtest.RefOf("tenantinfra -/eu_pg"), Payload: ev.Update{Spec: s}})
	p.want(err, "spec.cells.max: tenantinfra -/eu_pg has 4 tenants, and 1 cells of 2 take fewer")
	s.Cells.Max = 5
	told := p.do("tenantinfra -/eu_pg", ev.Update{Spec: s}, false)
	p.want(told, "tenant acme/a taken_in")
	p.run()
	for i, who := range all[:3] {
		e, _ := p.w.Get(fsmtest.RefOf("tenant " + who))
		if at := p.place(who); at.Cell == "" || (at.Cell == p.place("acme/a").Cell) != (i < 2) || p.why("tenant "+who) != "-" {
			t.Errorf("%s is %s in cell %q: %s", who, e.Phase(), at.Cell, p.why("tenant "+who))
		}
	}
	if wrong := p.w.WrongSlots(); len(wrong) > 0 {
		t.Error(wrong)
	}
	if e, _ := p.w.Get(fsmtest.RefOf("tenant acme/c")); e.Phase() != fsm.Suspended {
		t.Error("what slept is ", e.Phase())
	}
}
