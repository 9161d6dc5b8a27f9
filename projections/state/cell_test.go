package state_test

import (
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Of ten thousand who wait for a slot one that is freed wakes one, who has waited longest; and who can't take it lets the next
// look, until there is no room any more.
func TestRoomWakesAsManyAsItHolds(t *testing.T) {
	const waiting = 10_000
	w := state.New()
	add := func(name string, happened ...ev.Event) []ev.Recorded {
		t.Helper()
		ref, _ := ev.ParseRef(kindOf(name))
		var decision []ev.Recorded
		for _, e := range happened {
			decision = append(decision, ev.Recorded{Ref: ref, Seq: w.Seq + uint64(len(decision)) + 1, Event: e})
		}
		if err := w.Apply(decision); err != nil {
			t.Fatal(err)
		}
		return decision
	}
	woken := func(decision []ev.Recorded) (names []string, room fsm.Awaited) {
		w.Woken(decision, func(waiter ev.Ref, _ ev.Recorded, of fsm.Awaited) { names, room = append(names, waiter.ID), of })
		return names, room
	}
	add("account -/main", ev.Requested[ev.AccountSpec]{UID: "a", Spec: ev.AccountSpec{Cloud: "sim", Hosting: "provider"}}, ev.VerificationStarted{}, ev.Verified{})
	add("customer acme", ev.Created[ev.CustomerSpec]{UID: "c", Spec: ev.CustomerSpec{Hosting: "provider"}})
	add("plan -/free", ev.Created[ev.PlanSpec]{UID: "p", Spec: ev.PlanSpec{Hosting: "provider", Deployment: "resource-shared", Apps: []ev.PlanApp{{Type: "pg", Size: "small"}}}}, ev.Released{})
	add("dataplane -/eu", ev.Requested[ev.DataplaneSpec]{UID: "d", Spec: ev.DataplaneSpec{Account: "-/main", Region: "eu", Type: "shared"}})
	add("tenantinfra -/eu_pg", ev.Requested[ev.TenantInfraSpec]{UID: "i", Spec: ev.TenantInfraSpec{App: "pg", Size: "small", Cells: &ev.Cells{Tenants: 2, Max: 1}}})
	add("cell -/eu_pg_c1", ev.Requested[ev.CellSpec]{UID: "x", Spec: ev.CellSpec{Tenants: 2}}, ev.SlotTaken{}, ev.SlotTaken{})
	for n := range waiting {
		add(fmt.Sprint("tenant acme/t", n), ev.Requested[ev.TenantSpec]{UID: fmt.Sprint(n), Spec: ev.TenantSpec{Plan: "-/free"}}, ev.PlacingStarted{})
	}
	names, room := woken(add("cell -/eu_pg_c1", ev.SlotFreed{}))
	if fmt.Sprint(names) != "[t0]" {
		t.Fatalf("a freed slot wakes %v", names)
	}
	add("tenant acme/t0", ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}) // before it has looked
	next, found := w.NextFor(room, ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "t0"})
	if !found || next.ID != "t1" {
		t.Fatalf("behind who has gone comes %s, %t", next, found)
	}
	e, _ := w.Get(next)
	changes, err := fsm.Machines[ev.Tenant].Decide(e, ev.Command{ID: "s", Ref: next, Payload: ev.Settle{}}, w.Refs())
	if err != nil || len(changes) != 2 {
		t.Fatalf("it is woken for %+v, %v", changes, err)
	}
	for _, ch := range changes {
		add(ch.Ref.String(), ch.Events...)
	}
	if next, found = w.NextFor(room, next); found {
		t.Errorf("there is no room, and %s is to look", next)
	}
	if names, _ = woken(add("cell -/eu_pg_c1", ev.UpdateRequested[ev.CellSpec]{Spec: ev.CellSpec{Tenants: 5}})); fmt.Sprint(names) != "[t2 t3 t4]" {
		t.Errorf("three more slots wake %v", names)
	}
}

func kindOf(name string) (ev.Kind, string) {
	var kind, path string
	_, _ = fmt.Sscan(name, &kind, &path)
	return ev.Kind(kind), path
}
