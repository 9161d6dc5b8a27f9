package bench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/internal/client"
)

const tailsName = "tails"

var tailsBenchmark = benchmark{
	name:  tailsName,
	short: "Many who listen over SSE and NATS: how far behind they are, and what they cost those who command",
	long: "Give commands at a rate, and measure their answers: first with nobody listening, then with many who follow all\n" +
		"events, over SSE and as plain NATS subscribers, each on a connection of its own, and with some of each sort who never\n" +
		"read. How far a reader is behind is the time from an event's decision to its arrival. Who does not read must be cut.\n" +
		"The listeners are in the same process and use the same processors.",
	n: 10_000, clients: 64, rounds: 1,
	flags: tailsFlags,
	run:   benchTails,
}

// tailsOptions say who listens.
type tailsOptions struct{ sse, nats, silentSSE, silentNATS, rate int }

func tailsFlags(b *bench, f *pflag.FlagSet) {
	f.IntVar(&b.tails.sse, "sse", 1000, "how many listen over SSE")
	f.IntVar(&b.tails.nats, "nats", 1000, "how many subscribe to all events over NATS")
	f.IntVar(&b.tails.silentSSE, "silent-sse", 100, "how many more ask for SSE and never read")
	f.IntVar(&b.tails.silentNATS, "silent-nats", 100, "how many more subscribe over NATS and never read")
	f.IntVar(&b.tails.rate, "rate", 500, "how many commands a second")
}

// check refuses too little or too much.
func (o *tailsOptions) check(refuse func(flag string, have, least, most int)) {
	refuse("--sse", o.sse, 0, 4000)
	refuse("--nats", o.nats, 0, 4000)
	refuse("--silent-sse", o.silentSSE, 0, 4000)
	refuse("--silent-nats", o.silentNATS, 0, 4000)
	refuse("--rate", o.rate, 1, 100_000)
}

// benchTails gives half of the commands alone and half beside listeners.
func benchTails(ctx context.Context, b *bench) (_ []figure, err error) {
	c, err := b.startBenched()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	r := &commanding{bench: b, control: c, given: make([]int, b.clients)}
	r.fleet, err = newFleet(c, b.clients)
	defer r.fleet.close()
	if err != nil {
		return nil, err
	}
	var alone, beside side
	figures := []figure{}
	for i := range b.rounds {
		one, err := r.paced(ctx, b.perRound()/2)
		if err != nil {
			return nil, err
		}
		alone.add(one)
		figures, one, err = r.besideTails(ctx, i)
		if err != nil {
			return nil, err
		}
		beside.add(one)
		b.meter.say("round %d of %d: half of the answers within %s us, with nobody listening %s us", i+1, b.rounds, rounded(beside.us(0.5)), rounded(alone.us(0.5)))
	}
	return append([]figure{
		{"per_s", "commands", beside.rate(), "/s"},
		{"p50_us", "half of the answers within", beside.us(0.5), " us"},
		{"p99_us", "99 % of the answers within", beside.us(0.99), " us"},
		{"alone_per_s", "nobody listens: commands", alone.rate(), "/s"},
		{"alone_p50_us", "nobody listens: half of the answers within", alone.us(0.5), " us"},
		{"alone_p99_us", "nobody listens: 99 % of the answers within", alone.us(0.99), " us"},
		{"times_alone", "half of the answers: times as long", beside.us(0.5) / alone.us(0.5), ""},
	}, figures...), nil
}

// paced gives n commands at the rate, each when it is due.
func (r *commanding) paced(ctx context.Context, n int) (sample, error) {
	each, start := make([]time.Duration, n), time.Now()
	one, err := abreastOf(ctx, r.clients, n, func(ctx context.Context, worker, i int) error {
		client.Sleep(ctx, time.Until(start.Add(time.Duration(i)*time.Second/time.Duration(r.tails.rate))))
		asked := time.Now()
		err := r.give(ctx, worker)
		each[i] = time.Since(asked)
		r.meter.add(1)
		return err
	})
	one.each = each
	return one, err
}

// besideTails gives commands while many listen.
func (r *commanding) besideTails(ctx context.Context, round int) ([]figure, sample, error) {
	t := &tails{control: r.control, cut: map[string]cutOff{}}
	defer t.close()
	if err := t.listen(ctx, r.tails); err != nil {
		return nil, sample{}, err
	}
	var one sample
	err := r.turn(round, func() (err error) {
		watched, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() { t.watch(watched) })
		one, err = r.paced(ctx, r.perRound()/2)
		t.settle(ctx, r.perRound()/2)
		stop()
		watching.Wait()
		return err
	})
	t.close()
	return t.figures(r.perRound() / 2), one, err
}

// figures are of those who listen: n events happened.
func (t *tails) figures(n int) (figures []figure) {
	for _, kind := range []string{"sse", "nats"} {
		var lags []time.Duration
		early, whole := 0, 0
		for _, l := range t.listeners {
			if l.kind != kind || l.silent {
				continue
			}
			lags = append(lags, l.lags...)
			if l.ended {
				early++
			}
			if int(l.count.Load()) >= n {
				whole++
			}
		}
		of := strings.ToUpper(kind)
		if slices.Sort(lags); len(lags) > 0 {
			at := func(q float64) float64 { return float64(lags[int(q*float64(len(lags)-1))].Milliseconds()) }
			figures = append(figures, figure{kind + "_lag_p50_ms", of + ": half of the readers' looks behind by", at(0.5), " ms"},
				figure{kind + "_lag_p99_ms", of + ": 99 % behind by", at(0.99), " ms"}, figure{kind + "_lag_max_ms", of + ": the most", at(1), " ms"})
		}
		figures = append(figures, figure{kind + "_whole", of + ": readers who have every event", float64(whole), ""},
			figure{kind + "_ended", of + ": readers who were cut", float64(early), ""},
			figure{kind + "_cut", of + ": cut in all", float64(t.cut[kind].count), ""},
			figure{kind + "_cut_s", of + ": the last of them after", t.cut[kind].last.Seconds(), " s"})
	}
	return figures
}
