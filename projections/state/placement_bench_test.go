package state_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

const (
	placesDataplanes = 10_000
	placesInfras     = 10 // of a dataplane
	placesBatch      = 1_000
)

// What a decision about a place costs under the fold's lock, with 100,000 tenant infras to choose from: decided on an
// overlay of the decisions before it, a thousand to a batch, as the intake does.
func BenchmarkPlacement(b *testing.B) { benchmarkPlacement(b, nil, 0) }

// The same with ten cells on each of 10,000 tenant infras, most of them half full, in which tenants find room or open one more.
func BenchmarkPlacementInCells(b *testing.B) {
	benchmarkPlacement(b, &events.Cells{Tenants: 20, Max: 50, KeepEmpty: "1h"}, 10)
}

// The same for tenants of a multi-tenant plan, of whom one tenant infra of 100,000 takes any.
func BenchmarkPlacementBesideOthers(b *testing.B) {
	w := state.New()
	buildPlaces(b, w, nil, 0)
	infra := events.Ref{Kind: events.TenantInfra, Owner: events.Platform, ID: "d9999_many"}
	fold(b, w, infra, events.Requested[events.TenantInfraSpec]{UID: infra.ID,
		Spec: events.TenantInfraSpec{App: "pg", Size: "small", Cells: &events.Cells{Tenants: 1000, Max: 200}}})
	fold(b, w, events.Ref{Kind: events.Plan, Owner: events.Platform, ID: "free"}, events.Updated[events.PlanSpec]{Spec: events.PlanSpec{
		Hosting: "provider", Deployment: events.MultiTenant, Placement: "spread", Apps: []events.PlanApp{{Type: "pg", Size: "small"}}}})
	measurePlacement(b, w)
}

func benchmarkPlacement(b *testing.B, has *events.Cells, cells int) {
	w := state.New()
	buildPlaces(b, w, has, cells)
	measurePlacement(b, w)
}

// measurePlacement places as many tenants as are asked for.
func measurePlacement(b *testing.B, w *state.Entities) {
	b.Helper()
	each := make([]time.Duration, 0, b.N)
	refs := make([]events.Ref, b.N)
	for i := range refs {
		refs[i] = events.Ref{Kind: events.Tenant, Owner: "acme", ID: fmt.Sprint("t", i)}
		fold(b, w, refs[i], events.Requested[events.TenantSpec]{UID: refs[i].ID, Spec: events.TenantSpec{Plan: "-/free"}}, events.PlacingStarted{})
	}
	b.ResetTimer()
	for some := range slices.Chunk(refs, placesBatch) {
		over, decided := w.Overlay(), []events.Change(nil)
		for _, ref := range some {
			began := time.Now()
			e, _ := over.Get(ref)
			changes, err := fsm.Machines[ref.Kind].Decide(e, events.Command{ID: ref.ID, Ref: ref, Payload: events.Settle{}}, over.Refs())
			if err != nil || len(changes) == 0 {
				b.Fatal(changes, err)
			}
			for _, c := range changes {
				fold(b, over, c.Ref, c.Events...)
			}
			each = append(each, time.Since(began))
			decided = append(decided, changes...)
		}
		b.StopTimer()
		for _, c := range decided { // what was decided is durable now
			fold(b, w, c.Ref, c.Events...)
		}
		b.StartTimer()
	}
	slices.Sort(each)
	b.ReportMetric(float64(each[len(each)*99/100].Microseconds()), "p99-us")
	b.ReportMetric(float64(each[len(each)-1].Microseconds()), "max-us")
}

// build folds the world that tenants are placed in.
func buildPlaces(b *testing.B, w *state.Entities, has *events.Cells, cells int) {
	fold(b, w, events.Ref{Kind: events.Account, Owner: events.Platform, ID: "main"},
		events.Requested[events.AccountSpec]{UID: "main", Spec: events.AccountSpec{Cloud: "sim", Hosting: "provider"}},
		events.VerificationStarted{}, events.Verified{})
	plan := events.PlanSpec{Hosting: "provider", Deployment: "resource-shared", Placement: "spread", Apps: []events.PlanApp{{Type: "pg", Size: "small"}}}
	fold(b, w, events.Ref{Kind: events.Plan, Owner: events.Platform, ID: "free"},
		events.Created[events.PlanSpec]{UID: "free", Spec: plan}, events.Released{})
	fold(b, w, events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"},
		events.Created[events.CustomerSpec]{UID: "acme", Spec: events.CustomerSpec{Hosting: "provider"}})
	for d := range placesDataplanes {
		dp := events.Ref{Kind: events.Dataplane, Owner: events.Platform, ID: fmt.Sprint("d", d)}
		fold(b, w, dp, events.Requested[events.DataplaneSpec]{UID: dp.ID,
			Spec: events.DataplaneSpec{Account: "-/main", Region: fmt.Sprint("region-", d%20), Type: "shared"}})
		infras := placesInfras
		if has != nil {
			infras = 1
		}
		for i := range infras {
			infra := dp.Child(events.TenantInfra, fmt.Sprint("i", i))
			fold(b, w, infra, events.Requested[events.TenantInfraSpec]{UID: infra.ID,
				Spec: events.TenantInfraSpec{App: "pg", Size: "small", Cells: has}})
			for c := range cells {
				cell := infra.Child(events.Cell, fmt.Sprint("c", c))
				fold(b, w, cell, append([]events.Event{events.Requested[events.CellSpec]{UID: cell.ID, Spec: has.New()}}, slices.Repeat([]events.Event{events.SlotTaken{}}, c+1)...)...)
			}
		}
	}
}

func fold(b *testing.B, w *state.Entities, ref events.Ref, all ...events.Event) {
	b.Helper()
	decision := make([]events.Recorded, 0, len(all))
	for _, e := range all {
		decision = append(decision, events.Recorded{Ref: ref, Seq: w.Seq + uint64(len(decision)) + 1, Event: e})
	}
	if err := w.Apply(decision); err != nil {
		b.Fatal(err)
	}
}
