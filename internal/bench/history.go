package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/projections/state"
)

var historyBenchmark = benchmark{
	name:  "history",
	short: "An entity of very many events beside one of a hundred: repeats, new ids, pages of its history, its past",
	long: "Write a log of two customers, one of a hundred events and one of n, the first half of them as older releases\n" +
		"wrote them, and start a server on it. Of either, in turns: a command given again, a command with a new id that does\n" +
		"not tell its time, a page of a hundred events, and the customer at a random moment. The yardstick is the short one:\n" +
		"its answers per second are what is called raw. growth is what an event costs in the last tenth of a fold of the log, in times of the first.",
	n: 1_000_000, rounds: 5,
	run: benchHistory,
}

const (
	shortHistory = 100 // events of the customer beside it
	askedOfOne   = 200 // questions of a sort in a round, of either customer
	historyPage  = "100"
)

// remembering is the history benchmark under way.
type remembering struct {
	*bench
	control *server.Control
	web     *client.Client
	long    *remembered
	short   *remembered
}

// remembered is a customer whose history is long or short.
type remembered struct {
	ref         events.Ref
	events      int
	first, last uint64  // their sequences
	next        *string // the page after the last one that was read

	again, fresh, page, past side
}

func customerOf(n int, name string) *remembered {
	return &remembered{ref: events.Ref{Kind: events.Customer, Owner: name, ID: name}, events: n}
}

func benchHistory(ctx context.Context, b *bench) (_ []figure, err error) {
	r := &remembering{bench: b, short: customerOf(shortHistory, "short"), long: customerOf(b.n, "long")}
	growth, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if r.control, err = b.startBenched(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.control.Close()) }()
	started := time.Since(began)
	if r.web, err = client.New(r.control.APIURL(), r.control.NATSURL(), r.control.Token); err != nil {
		return nil, err
	}
	defer r.web.Close()
	if err := r.indexed(ctx); err != nil {
		return nil, err
	}
	b.meter.begin("questions", b.rounds*askedOfOne*8)
	for i := range b.rounds {
		if err := r.round(ctx, i); err != nil {
			return nil, err
		}
		b.meter.say("round %d of %d: %s repeats/s, of the short history %s/s", i+1, b.rounds, rounded(r.long.again.last()), rounded(r.short.again.last()))
	}
	return append(r.figures(), figure{"growth", "growth of a fold", growth, ""}, figure{"start_s", "a start without a snapshot", started.Seconds(), " s"}), nil
}

// prepare writes the log, and folds it once.
func (r *remembering) prepare(ctx context.Context) (growth float64, err error) {
	l, err := r.openBareLog(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	r.meter.begin("events written", r.n+shortHistory)
	at := uint64(0)
	for _, one := range []*remembered{r.short, r.long} {
		if at, err = l.writeLong(ctx, at, one, r.meter); err != nil {
			return 0, err
		}
	}
	folded := &side{}
	r.meter.begin("events folded", r.n)
	if err := l.fold(ctx, folded, r.bench); err != nil {
		return 0, err
	}
	tenth := max(1, len(folded.each)/10)
	return float64(sum(folded.each[len(folded.each)-tenth:])) / float64(sum(folded.each[:tenth])), nil
}

func sum(all []time.Duration) (total time.Duration) {
	for _, d := range all {
		total += d
	}
	return total
}

// digest is that of all commands of the benchmark.
const digest = "0123456789abcdef"

// writeLong writes a customer's events behind a sequence, each a decision of its own.
func (l *bareLog) writeLong(ctx context.Context, at uint64, one *remembered, m *meter) (uint64, error) {
	state := events.State{UID: ulid.Make().String(), Phase: string(fsm.Active)}
	one.first = at + 1
	for i := 0; i < one.events; {
		batch := l.log.Batch(at)
		for end := min(one.events, i+eventlog.MaxEvents); i < end; i++ {
			c := events.Change{Ref: one.ref, After: one.last, Events: []events.Event{events.LabelsChanged{Labels: map[string]string{"n": strconv.Itoa(i)}}}}
			if i == 0 {
				c.Events[0] = events.Created[events.CustomerSpec]{UID: state.UID}
			}
			if i >= one.events/2 {
				c.States = []events.State{state}
			}
			id := one.id(i)
			e := events.Envelope{Time: time.Now().UTC(), Actor: events.ActorAdmin, CommandID: id, CausationID: id, CorrelationID: id, Digest: digest}
			recorded, err := batch.Add(eventlog.Decision{Envelope: e, Changes: []events.Change{c}})
			if err != nil {
				return at, err
			}
			one.last = recorded[0].Seq
		}
		if _, err := batch.Append(ctx); err != nil {
			return at, err
		}
		at += uint64(batch.Len())
		m.add(batch.Len())
	}
	return at, nil
}

// id is that of the command of an event; it does not tell when it was made.
func (one *remembered) id(i int) string { return fmt.Sprintf("%s-%d", one.ref.ID, i) }

// indexed waits until the index of old ids is as far as the fold has forgotten.
func (r *remembering) indexed(ctx context.Context) error {
	for {
		var forgot uint64
		r.control.Live.View(func(w *state.Entities) { forgot, _ = w.Forgot() })
		if r.control.Intake.Indexed() >= forgot {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// round asks all questions of both customers.
func (r *remembering) round(ctx context.Context, round int) error {
	return r.turn(round, func() error {
		for _, one := range []*remembered{r.long, r.short} {
			for s, question := range map[*side]func(context.Context, *remembered) error{
				&one.again: r.again, &one.fresh: r.fresh, &one.page: r.page, &one.past: r.past,
			} {
				some, err := abreastOf(ctx, 1, askedOfOne, func(ctx context.Context, _, _ int) error {
					defer r.meter.add(1)
					return question(ctx, one)
				})
				if err != nil {
					return err
				}
				s.add(some)
			}
		}
		return nil
	})
}

// again gives a command that was given before.
func (r *remembering) again(ctx context.Context, one *remembered) error {
	i := rand.IntN(one.events)
	a, err := r.give(ctx, one, one.id(i))
	if err == nil && (len(a.Events) != 1 || a.Seq != one.first+uint64(i) || a.Entity.Phase != string(fsm.Active)) {
		err = fmt.Errorf("%s is answered with %+v", one.id(i), a)
	}
	return err
}

// fresh gives a new command.
func (r *remembering) fresh(ctx context.Context, one *remembered) error {
	_, err := r.give(ctx, one, "new-"+ulid.Make().String())
	return err
}

func (r *remembering) give(ctx context.Context, one *remembered, id string) (events.Answer, error) {
	return r.control.Intake.SubmitCommand(ctx, events.Command{ID: id, Ref: one.ref,
		Actor: events.ActorAdmin, Time: time.Now().UTC(), Digest: digest,
		Payload: events.Update{Labels: map[string]string{"id": id}}})
}

// page reads the next page of a history, from the first again after the last.
func (r *remembering) page(ctx context.Context, one *remembered) error {
	q := url.Values{"limit": {historyPage}}
	if one.next != nil {
		q.Set("cursor", *one.next)
	}
	raw, err := r.web.Get(ctx, client.EntityPath(one.ref)+"/history", q)
	if err != nil {
		return err
	}
	l, err := client.DecodeList(raw)
	one.next = l.Next
	return err
}

// past reads a customer as it was.
func (r *remembering) past(ctx context.Context, one *remembered) error {
	at := one.first + rand.Uint64N(one.last-one.first+1)
	_, err := r.web.Get(ctx, client.EntityPath(one.ref), url.Values{"at": {strconv.FormatUint(at, 10)}})
	return err
}

func (r *remembering) figures() []figure {
	times := func(of func(*remembered) *side) float64 { return of(r.long).us(0.5) / of(r.short).us(0.5) }
	all := compared(&r.long.again, &r.short.again, "repeats", "repeats", "repeats")
	return append(all,
		figure{"again_times", "half of the repeats within, in times of the short history's", times(func(one *remembered) *side { return &one.again }), ""},
		figure{"new_times", "the same of commands with new ids", times(func(one *remembered) *side { return &one.fresh }), ""},
		figure{"page_times", "the same of pages", times(func(one *remembered) *side { return &one.page }), ""},
		figure{"at_times", "the same of reads of the past", times(func(one *remembered) *side { return &one.past }), ""},
		figure{"new_p50_us", "half of the new commands within", r.long.fresh.us(0.5), " us"},
		figure{"page_p50_us", "half of the pages within", r.long.page.us(0.5), " us"},
		figure{"at_p50_us", "half of the reads of the past within", r.long.past.us(0.5), " us"})
}
