package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

var lifecycleBenchmark = benchmark{
	name:  "lifecycle",
	short: "Tenants from command to Active, on a cloud that answers at once",
	long: "Create tenants over NATS, each client those of a customer of its own, and wait until every one is Active: placed,\n" +
		"dispatched, its namespace made by the executor in a simulated cluster that answers at once, reported. An answer is\n" +
		"from a tenant's command to its being Active. The yardstick writes the same events once more in atomic batches, as\n" +
		"full as JetStream takes them.",
	n: 10_000, clients: 64, rounds: 2,
	run: benchLifecycle,
}

// benchOffer is a place for tenants.
const benchOffer = `
kind: account
name: main
spec: {cloud: sim, number: "bench"}
---
kind: plan
name: free
spec:
  deployment: resource-shared
  apps: [{type: postgres, size: small}]
---
kind: dataplane
name: eu
spec:
  account: -/main
  region: eu-central
  type: shared
  network: {range: 10.16.0.0/16}
  systemPool: {machine: s2, min: 1, max: 3}
---
kind: tenantinfra
name: eu_pg-small
spec:
  app: postgres
  size: small
  pools: [{name: main, machine: s4, min: 1, max: 6}]
`

// living is the lifecycle benchmark under way.
type living struct {
	*bench
	control *server.Control
	fleet   fleet
	raw     *yardstick
	ended   chan ending
	made    int    // tenants of earlier rounds
	last    string // the type of the event that ends a round for a tenant: activated or placed
	built   bool   // wait first until what tenants need is built

	ours, full side
	events     int // of all tenants
}

// ending is how a tenant's way ended.
type ending struct {
	index int
	at    time.Time
	err   error
}

func benchLifecycle(ctx context.Context, b *bench) (_ []figure, err error) {
	c, err := b.startBenched()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	r := &living{bench: b, control: c, ended: make(chan ending, b.perRound()), last: "activated", built: true}
	if err := r.live(ctx, benchOffer); err != nil {
		return nil, err
	}
	perTenant := float64(r.events) / float64(r.made)
	return append(compared(&r.ours, &r.full, "tenants", "tenants", "batches of 1000"),
		figure{"events_per_tenant", "events of a tenant", perTenant, ""},
		figure{"events_per_s", "events", perTenant * r.ours.rate(), "/s"},
		figure{"per_append", "events of an append, last round", r.raw.perAppend, ""}), nil
}

// live runs all rounds, with an offer.
func (r *living) live(ctx context.Context, offer string) (err error) {
	r.fleet, err = newFleet(r.control, r.clients)
	defer r.fleet.close()
	if err != nil {
		return err
	}
	if err := r.prepare(ctx, offer); err != nil {
		return err
	}
	r.meter.begin("tenants", r.rounds*r.perRound())
	for i := range r.rounds {
		if err := r.round(ctx, i); err != nil {
			return err
		}
		r.meter.say("round %d of %d: %s tenants/s, raw %s/s", i+1, r.rounds, rounded(r.ours.last()), rounded(r.full.last()))
	}
	return nil
}

// prepare makes what tenants need, and watches them end.
func (r *living) prepare(ctx context.Context, offer string) (err error) {
	for i := range r.fleet {
		offer += fmt.Sprintf("---\nkind: customer\nname: c%d\nspec: {displayName: Customer %d}\n", i, i)
	}
	docs, faults := manifest.Decode(r.kinds, "the offer", []byte(offer))
	if err := manifest.Refuse(faults); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, client.RestWithin)
	defer cancel()
	first := r.fleet[0]
	if err := manifest.Apply(waiting, first, docs, manifest.Options{Wait: r.built, Out: io.Discard}); err != nil {
		return err
	}
	nc, err := first.Connect()
	if err != nil {
		return err
	}
	for _, how := range []string{r.last, "failed"} {
		sub, err := nc.Subscribe("aerie.evt.*.tenant.*."+how, r.saw)
		if err == nil {
			err = sub.SetPendingLimits(-1, -1)
		}
		if err != nil {
			return fmt.Errorf("watch tenants: %w", err)
		}
	}
	r.raw, err = newYardstick(ctx, r.control.Conn)
	return err
}

// saw takes a tenant's last event: its id is its number.
func (r *living) saw(m *nats.Msg) {
	tokens := strings.Split(m.Subject, ".")
	index, err := strconv.Atoi(strings.TrimPrefix(tokens[4], "t"))
	if err == nil && tokens[5] != r.last {
		err = fmt.Errorf("tenant %s/%s has failed: %s", tokens[2], tokens[4], m.Data)
	}
	r.ended <- ending{index, time.Now(), err}
}

// round makes tenants and writes their events again.
func (r *living) round(ctx context.Context, i int) error {
	before, err := r.control.Log.Last(ctx)
	if err != nil {
		return err
	}
	if err := r.turn(i, func() error { return r.make(ctx, r.perRound()) }); err != nil {
		return err
	}
	after, err := r.control.Log.Last(ctx)
	if err != nil {
		return err
	}
	msgs, err := r.raw.written(ctx, before, after)
	if err != nil {
		return err
	}
	one, err := r.raw.replay(ctx, r.control.Conn, msgs, fullBatch)
	if err != nil {
		return err
	}
	one.n = r.perRound() // counted in tenants, as ours is
	r.full.add(one)
	r.events += len(msgs)
	return nil
}

// make makes n tenants and returns when all are Active.
func (r *living) make(ctx context.Context, n int) error {
	asked := make([]time.Time, n)
	start := time.Now()
	_, err := abreastOf(ctx, len(r.fleet), n, func(ctx context.Context, worker, i int) error {
		asked[i] = time.Now()
		return r.create(ctx, worker, r.made+i)
	})
	if err != nil {
		return err
	}
	each := make([]time.Duration, n)
	for range n {
		select {
		case e := <-r.ended:
			if e.err != nil {
				return e.err
			}
			each[e.index-r.made] = e.at.Sub(asked[e.index-r.made])
			r.meter.add(1)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.ours.add(sample{n, time.Since(start), each})
	r.made += n
	return nil
}

func (r *living) create(ctx context.Context, worker, index int) error {
	ref := events.Ref{Kind: events.Tenant, Owner: fmt.Sprintf("c%d", worker), ID: fmt.Sprintf("t%d", index)}
	cmd := client.Command{Ref: ref, Verb: "create", Body: []byte(`{"spec":{"plan":"free"}}`)}
	_, err := r.fleet[worker].Ask(ctx, cmd.Message(ulid.Make().String()))
	return err
}
