package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/state"
)

var placementBenchmark = benchmark{
	name:  "placement",
	short: "Tenants placed in cells, on disk, and decisions on places among many",
	long: "Create tenants over NATS, each client those of a customer of its own, and wait until every one is placed, in cells that\n" +
		"open as they fill. The machines take longer to build than this takes, so nothing is done for a tenant that is placed.\n" +
		"With --servers several servers of aerie place them, each deciding on what the others have decided. An answer is from a\n" +
		"tenant's command to its place. The yardstick writes the same events once more in atomic batches.\n" +
		"Then decide on as many places once more, in memory: on dataplanes in twenty regions, one for each of --n, at most\n" +
		"10,000, with ten cells each.",
	n: 10_000, clients: 64, rounds: 2,
	flags: placementFlags,
	run:   benchPlacement,
}

const (
	inOneInfra     = 20_000 // tenants, in cells of a hundred
	mostDataplanes = 10_000 // to choose from
	cellsEach      = 10
	decidedAtOnce  = 1_000 // as the intake does
)

func benchPlacement(ctx context.Context, b *bench) (_ []figure, err error) {
	if b.servers < 1 || b.servers > mostServers {
		return nil, client.Invalid("--servers", "%d: want 1 to %d", b.servers, mostServers)
	}
	servers, err := b.startPlacers()
	if err != nil {
		return nil, err
	}
	r := &living{bench: b, control: servers.all[0], ended: make(chan ending, b.perRound()), last: "placed"}
	if err := errors.Join(r.live(ctx, placementOffer(b.n)), servers.close()); err != nil {
		return nil, err
	}
	p, err := newPlacing(min(b.n, mostDataplanes))
	if err != nil {
		return nil, err
	}
	memory, err := p.decide(ctx, b.n)
	if err != nil {
		return nil, err
	}
	return append(compared(&r.ours, &r.full, "tenants placed", "places", "batches of 1000"),
		figure{"decision_p50_us", "in memory: half of the decisions within", memory.us(0.5), " us"},
		figure{"decision_p99_us", "in memory: 99 % of the decisions within", memory.us(0.99), " us"},
		figure{"decision_max_us", "in memory: the longest decision", memory.us(1), " us"}), nil
}

// placementOffer has room in cells for n tenants, and as many more.
func placementOffer(n int) string {
	docs := strings.Split(benchOffer, "---\n")
	infra := docs[len(docs)-1] + "  cells: {tenants: 100, max: 200}\n"
	docs = docs[:len(docs)-1]
	for i := range 2 + 2*n/inOneInfra {
		docs = append(docs, strings.Replace(infra, "eu_pg-small", fmt.Sprint("eu_pg", i), 1))
	}
	return strings.Join(docs, "---\n")
}

// placing is a world of places, in memory.
type placing struct{ world *state.Entities }

// newPlacing makes one with so many dataplanes, each with a tenant infra that has cells, half of them full.
func newPlacing(dataplanes int) (p placing, err error) {
	p.world = state.New()
	cells := events.Cells{Tenants: 20, Max: 50, KeepEmpty: "1h"}
	err = errors.Join(
		fold(p.world, platformOf(events.Account, "main"), events.Requested[events.AccountSpec]{UID: "main", Spec: events.AccountSpec{Cloud: "sim", Hosting: "provider"}}),
		fold(p.world, platformOf(events.Plan, "free"), events.Created[events.PlanSpec]{UID: "free", Spec: events.PlanSpec{Hosting: "provider",
			Deployment: "resource-shared", Placement: events.PlaceSpread, Apps: []events.PlanApp{{Type: "postgres", Size: "small"}}}}, events.Released{}),
		fold(p.world, events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}, events.Created[events.CustomerSpec]{UID: "acme", Spec: events.CustomerSpec{Hosting: "provider"}}))
	for d := 0; d < dataplanes && err == nil; d++ {
		dp := platformOf(events.Dataplane, fmt.Sprint("d", d))
		infra := dp.Child(events.TenantInfra, "pg")
		err = errors.Join(
			fold(p.world, dp, events.Requested[events.DataplaneSpec]{UID: dp.ID, Spec: events.DataplaneSpec{Account: "-/main", Region: fmt.Sprint("region-", d%20), Type: "shared"}}),
			fold(p.world, infra, events.Requested[events.TenantInfraSpec]{UID: infra.ID, Spec: events.TenantInfraSpec{App: "postgres", Size: "small", Cells: &cells}}))
		for c := 0; c < cellsEach && err == nil; c++ {
			cell := infra.Child(events.Cell, fmt.Sprint("c", c))
			used := slices.Repeat([]events.Event{events.SlotTaken{}}, cells.Tenants*(c%2))
			err = fold(p.world, cell, append([]events.Event{events.Requested[events.CellSpec]{UID: cell.ID, Spec: cells.New()}}, used...)...)
		}
	}
	return p, err
}

func platformOf(k events.Kind, id string) events.Ref {
	return events.Ref{Kind: k, Owner: events.Platform, ID: id}
}

// decide places n tenants, each decision on those before it, as the intake does.
func (p placing) decide(ctx context.Context, n int) (s side, err error) {
	for from := 0; from < n; from += decidedAtOnce {
		var waiting []events.Ref
		for i := from; i < min(n, from+decidedAtOnce); i++ {
			ref := events.Ref{Kind: events.Tenant, Owner: "acme", ID: fmt.Sprint("t", i)}
			waiting = append(waiting, ref)
			if err := fold(p.world, ref, events.Requested[events.TenantSpec]{UID: ref.ID, Spec: events.TenantSpec{Plan: "-/free"}}, events.PlacingStarted{}); err != nil {
				return s, err
			}
		}
		over := p.world.Overlay()
		var decided []events.Change
		for _, ref := range waiting {
			began := time.Now()
			e, _ := over.Get(ref)
			changes, err := fsm.Machines[ref.Kind].Decide(e, events.Command{ID: ref.ID, Ref: ref, Payload: events.Settle{}}, over.Refs())
			if err != nil || len(changes) == 0 {
				return s, fmt.Errorf("place %s: %d changes, %w", ref, len(changes), err)
			}
			if err := foldAll(over, changes); err != nil {
				return s, err
			}
			s.each = append(s.each, time.Since(began))
			decided = append(decided, changes...)
		}
		if err := errors.Join(foldAll(p.world, decided), ctx.Err()); err != nil {
			return s, err
		}
	}
	return s, nil
}

func foldAll(w *state.Entities, changes []events.Change) error {
	for _, c := range changes {
		if err := fold(w, c.Ref, c.Events...); err != nil {
			return err
		}
	}
	return nil
}

// fold folds in one decision on one entity.
func fold(w *state.Entities, ref events.Ref, happened ...events.Event) error {
	decision := make([]events.Recorded, 0, len(happened))
	for _, e := range happened {
		decision = append(decision, events.Recorded{Ref: ref, Seq: w.Seq + uint64(len(decision)) + 1, Event: e})
	}
	return w.Apply(decision)
}
