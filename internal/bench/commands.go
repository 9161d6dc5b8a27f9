package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

var commandsBenchmark = benchmark{
	name:  "commands",
	short: "Commands over NATS, each answered when its event is on disk",
	long: "Give commands over NATS, as people do: each client has a connection of its own over the network and creates and\n" +
		"updates customers of its own. The answer comes when the event is on disk. The yardstick writes the same events\n" +
		"once more in atomic batches, as full as JetStream takes them, and beside it as large as there are clients; and\n" +
		"one client alone is compared with publishing one event at a time over the network.",
	n: 50_000, clients: 64, rounds: 5,
	run: benchCommands,
}

const (
	// perClient is how many customers each client commands: enough that a full
	// batch of 64 clients' has no customer twice.
	perClient = 16
	// alone is how many commands of a round one client gives with nobody beside it.
	alone = 200
)

// commanding is the commands benchmark under way.
type commanding struct {
	*bench
	control *server.Control
	fleet   fleet
	raw     *yardstick
	near    *nats.Conn // aerie's own, in the process
	far     *nats.Conn // over the network
	given   []int      // commands that each client has given

	ours, full, fit, one, rawOne side
	perAppend                    float64 // events of an append, while all command
}

func benchCommands(ctx context.Context, b *bench) (_ []figure, err error) {
	c, err := b.startBenched()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	r := &commanding{bench: b, control: c, near: c.Conn, given: make([]int, b.clients)}
	r.fleet, err = newFleet(c, b.clients)
	defer r.fleet.close()
	if err != nil {
		return nil, err
	}
	if r.far, err = c.NATS.Dial("aerie bench"); err != nil {
		return nil, err
	}
	defer r.far.Close()
	if r.raw, err = newYardstick(ctx, c.Conn); err != nil {
		return nil, err
	}
	b.meter.begin("commands", b.rounds*(b.perRound()+r.alone()))
	for i := range b.rounds {
		if err := r.round(ctx, i); err != nil {
			return nil, err
		}
		b.meter.say("round %d of %d: %s commands/s, raw %s/s, %s/s in batches of %d; one alone %s/s, raw %s/s", i+1, b.rounds,
			rounded(r.ours.last()), rounded(r.full.last()), rounded(r.fit.last()), b.clients, rounded(r.one.last()), rounded(r.rawOne.last()))
	}
	return r.figures(), nil
}

// alone is how many commands of a round are given one by one.
func (r *commanding) alone() int { return min(alone, r.perRound()) }

// round lets all clients command, and writes their events again; then one client.
func (r *commanding) round(ctx context.Context, i int) error {
	var msgs []*nats.Msg
	err := r.turn(i, func() (err error) {
		msgs, err = r.command(ctx, &r.ours, r.clients, r.perRound())
		return err
	})
	r.perAppend = r.raw.perAppend
	if err == nil {
		err = r.replay(ctx, &r.full, r.near, msgs, fullBatch)
	}
	if err == nil {
		err = r.replay(ctx, &r.fit, r.near, msgs, r.clients)
	}
	if err == nil {
		msgs, err = r.command(ctx, &r.one, 1, r.alone())
	}
	if err != nil {
		return err
	}
	return r.replay(ctx, &r.rawOne, r.far, msgs, 1)
}

// command lets some clients give n commands and returns the events they caused.
func (r *commanding) command(ctx context.Context, s *side, clients, n int) ([]*nats.Msg, error) {
	before, err := r.control.Log.Last(ctx)
	if err != nil {
		return nil, err
	}
	one, err := abreastOf(ctx, clients, n, func(ctx context.Context, worker, _ int) error {
		defer r.meter.add(1)
		return r.give(ctx, worker)
	})
	if err != nil {
		return nil, err
	}
	s.add(one)
	after, err := r.control.Log.Last(ctx)
	if err != nil {
		return nil, err
	}
	return r.raw.written(ctx, before, after)
}

// give gives a client's next command.
func (r *commanding) give(ctx context.Context, worker int) error {
	_, err := r.fleet[worker].Ask(ctx, r.next(worker).Message(ulid.Make().String()))
	return err
}

// next is a client's next command: the first of a customer creates it, the others rename it.
func (r *commanding) next(worker int) client.Command {
	i := r.given[worker]
	r.given[worker]++
	verb, id := "update", fmt.Sprintf("c%d-%d", worker, i%perClient)
	if i < perClient {
		verb = "create"
	}
	body := fmt.Appendf(nil, `{"spec":{"displayName":"Customer %s, renamed %d times"}}`, id, i/perClient)
	return client.Command{Ref: events.Ref{Kind: events.Customer, Owner: id, ID: id}, Verb: verb, Body: body}
}

// replay writes events to the yardstick.
func (r *commanding) replay(ctx context.Context, s *side, nc *nats.Conn, msgs []*nats.Msg, size int) error {
	one, err := r.raw.replay(ctx, nc, msgs, size)
	if err == nil {
		s.add(one)
	}
	return err
}

func (r *commanding) figures() []figure {
	return append(compared(&r.ours, &r.full, "commands", "answers", "batches of 1000"),
		figure{"raw_fit_per_s", fmt.Sprintf("raw: commands in batches of %d", r.clients), r.fit.rate(), "/s"},
		figure{"per_append", "events of an append, last round", r.perAppend, ""},
		figure{"one_p50_us", "one client alone: half of the answers within", r.one.us(0.5), " us"},
		figure{"one_p99_us", "one client alone: 99 % of the answers within", r.one.us(0.99), " us"},
		figure{"one_raw_p50_us", "raw: half of single publishes within", r.rawOne.us(0.5), " us"},
		figure{"one_raw_p99_us", "raw: 99 % of single publishes within", r.rawOne.us(0.99), " us"},
		figure{"one_times_raw", "one client alone: times raw", r.one.us(0.5) / r.rawOne.us(0.5), ""})
}
