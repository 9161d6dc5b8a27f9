package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

var placementBenchmark = benchmark{
	name:  "placement",
	short: "Decide where tenants are put, with 10,000 dataplanes of ten tenant infras each",
	long: "Fold 10,000 dataplanes of ten tenant infras each, and n tenants that want a place, then decide each of them as the\n" +
		"intake does: on an overlay of the decisions before it, a thousand to a batch. Nothing is stored, so what is timed is\n" +
		"the time under the fold's lock. The yardstick, called raw, is the same number of decisions that choose nothing.",
	n: 20_000, rounds: 3,
	run: benchPlacement,
}

const (
	placesDataplanes = 10_000
	placesInfras     = 10 // of a dataplane
	placesBatch      = 1_000
)

// places is the placement benchmark under way.
type places struct {
	*bench
	w *state.Entities
}

func benchPlacement(ctx context.Context, b *bench) ([]figure, error) {
	p := &places{bench: b, w: state.New()}
	if err := p.build(); err != nil {
		return nil, err
	}
	var ours, raw side
	for round := range b.rounds {
		one, err := p.turn(ctx, round, "placing", events.Settle{})
		if err != nil {
			return nil, err
		}
		ours.add(one)
		if one, err = p.turn(ctx, round, "retry", events.Retry{}); err != nil {
			return nil, err
		}
		raw.add(one)
	}
	return append(compared(&ours, &raw, "decisions", "decisions", "decisions that choose nothing"),
		figure{"max_us", "the longest decision", ours.us(1), " us"}), nil
}

// build folds the world that tenants are placed in.
func (p *places) build() error {
	if err := p.fold(events.Ref{Kind: events.Account, Owner: events.Platform, ID: "main"},
		events.Requested[events.AccountSpec]{UID: "main", Spec: events.AccountSpec{Cloud: "sim", Hosting: "provider"}},
		events.VerificationStarted{}, events.Verified{}); err != nil {
		return err
	}
	plan := events.PlanSpec{Hosting: "provider", Deployment: "resource-shared", Placement: "spread", Apps: []events.PlanApp{{Type: "pg", Size: "small"}}}
	if err := p.fold(events.Ref{Kind: events.Plan, Owner: events.Platform, ID: "free"},
		events.Created[events.PlanSpec]{UID: "free", Spec: plan}, events.Released{}); err != nil {
		return err
	}
	if err := p.fold(events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"},
		events.Created[events.CustomerSpec]{UID: "acme", Spec: events.CustomerSpec{Hosting: "provider"}}); err != nil {
		return err
	}
	for d := range placesDataplanes {
		dp := events.Ref{Kind: events.Dataplane, Owner: events.Platform, ID: fmt.Sprint("d", d)}
		if err := p.fold(dp, events.Requested[events.DataplaneSpec]{UID: dp.ID,
			Spec: events.DataplaneSpec{Account: "-/main", Region: fmt.Sprint("region-", d%20), Type: "shared"}}); err != nil {
			return err
		}
		for i := range placesInfras {
			infra := dp.Child(events.TenantInfra, fmt.Sprint("i", i))
			if err := p.fold(infra, events.Requested[events.TenantInfraSpec]{UID: infra.ID,
				Spec: events.TenantInfraSpec{App: "pg", Size: "small"}}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *places) fold(ref events.Ref, all ...events.Event) error {
	decision := make([]events.Recorded, 0, len(all))
	for _, e := range all {
		decision = append(decision, events.Recorded{Ref: ref, Seq: p.w.Seq + uint64(len(decision)) + 1, Event: e})
	}
	return p.w.Apply(decision)
}

// turn gives birth to n tenants and asks each what happens now.
func (p *places) turn(ctx context.Context, round int, name string, ask events.Payload) (sample, error) {
	refs := make([]events.Ref, p.n)
	for i := range refs {
		refs[i] = events.Ref{Kind: events.Tenant, Owner: "acme", ID: fmt.Sprintf("%s-%d-%d", name, round, i)}
		if err := p.fold(refs[i], events.Requested[events.TenantSpec]{UID: refs[i].ID, Spec: events.TenantSpec{Plan: "-/free"}},
			events.PlacingStarted{}); err != nil {
			return sample{}, err
		}
	}
	s := sample{n: p.n, each: make([]time.Duration, 0, p.n)}
	for len(refs) > 0 && ctx.Err() == nil {
		batch := refs[:min(len(refs), placesBatch)]
		refs = refs[len(batch):]
		if err := p.batch(batch, ask, &s); err != nil {
			return sample{}, err
		}
	}
	return s, ctx.Err()
}

// batch decides on an overlay, and then folds what was decided, as the intake does.
func (p *places) batch(refs []events.Ref, ask events.Payload, s *sample) error {
	over, decided := p.w.Overlay(), make([][]events.Recorded, 0, len(refs))
	for _, ref := range refs {
		began := time.Now()
		e, _ := over.Get(ref)
		changes, err := fsm.Machines[ref.Kind].Decide(e, events.Command{Ref: ref, Payload: ask}, over.Refs())
		if err != nil {
			return err
		}
		var decision []events.Recorded
		for _, c := range changes {
			for _, happened := range c.Events {
				decision = append(decision, events.Recorded{Ref: c.Ref, Seq: over.Seq + uint64(len(decision)) + 1, Event: happened})
			}
		}
		if len(decision) > 0 {
			if err := over.Apply(decision); err != nil {
				return err
			}
			decided = append(decided, decision)
		}
		took := time.Since(began)
		s.each, s.took = append(s.each, took), s.took+took
	}
	for _, d := range decided {
		if err := p.w.Apply(d); err != nil {
			return err
		}
	}
	return nil
}
