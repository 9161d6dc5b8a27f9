package eventlog_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/queue"
)

const benched = 50_000

// long fills a log with thousands of events, in batches.
func long(b *testing.B) *place {
	p := open(b)
	all := make([]events.Event, eventlog.MaxEvents)
	for i := range all {
		all[i] = noted{i, "some text, as events have it"}
	}
	for last := uint64(0); last < benched; last += eventlog.MaxEvents {
		p.append(b, decision(change(prod, last, all...)))
	}
	return p
}

// BenchmarkRaw is the yardstick of BenchmarkTail: an ordered consumer that does
// nothing with what it gets.
func BenchmarkRaw(b *testing.B) {
	p := long(b)
	js, err := jetstream.New(p.nc)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := js.OrderedConsumer(b.Context(), eventlog.Stream, jetstream.OrderedConsumerConfig{})
		if err != nil {
			b.Fatal(err)
		}
		all, err := c.Messages(jetstream.PullMaxMessages(2000))
		if err != nil {
			b.Fatal(err)
		}
		for range benched {
			if _, err := all.Next(); err != nil {
				b.Fatal(err)
			}
		}
		all.Stop()
	}
	b.ReportMetric(float64(b.N)*benched/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkTail(b *testing.B) {
	p := long(b)
	for b.Loop() {
		read(b, p.log, 0, benched)
	}
	b.ReportMetric(float64(b.N)*benched/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkAppendOne(b *testing.B) {
	p := open(b)
	last := uint64(0)
	for b.Loop() {
		last = p.append(b, decision(change(prod, last, noted{1, "x"})))[0].Seq
	}
}

// BenchmarkTake is one work put, taken and paid.
func BenchmarkTake(b *testing.B) {
	p := open(b)
	q, err := queue.OpenWork(b.Context(), p.nc)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	paid, ended := make(chan struct{}, 1000), make(chan error, 1)
	go func() {
		ended <- q.Take(ctx, 16, func(context.Context, queue.Partition, events.Work, queue.Held) (time.Duration, error) {
			paid <- struct{}{}
			return 0, nil
		})
	}()
	n := uint64(0)
	for b.Loop() {
		n++
		w := events.Work{Ref: events.Ref{Kind: events.Tenant, Owner: "acme", ID: fmt.Sprint("t", n%500)}, Revision: n, Effect: "x"}
		if err := q.Put(b.Context(), queue.Partition{Owner: "-", Dataplane: "eu"}, w); err != nil {
			b.Fatal(err)
		}
		<-paid
	}
	cancel()
	<-ended
}

// BenchmarkInspect is what the guard costs at a start.
func BenchmarkInspect(b *testing.B) {
	p := long(b)
	p.stop()
	for b.Loop() {
		g, err := filestore.Open(p.dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := g.Release(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benched/b.Elapsed().Seconds(), "events/s")
}
