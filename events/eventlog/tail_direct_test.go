package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestReadWithoutConsumers takes all consumers that the log may have: it is read all the
// same, what is there already and what comes after.
func TestReadWithoutConsumers(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			x := natstest.StartExternal(t, servers, func(o *server.Options) { o.JetStreamLimits.DefaultMaxConsumers = 3 })
			log, js := replicaLog(t, x)
			stream, err := js.Stream(natstest.Deadline(t), eventlog.Stream)
			if err != nil || stream.CachedInfo().Config.MaxConsumers != 100_000 {
				t.Fatalf("%v, %+v", err, stream)
			}
			x.TakeConsumers(natstest.Dial(t, x), eventlog.Stream)
			const before, after = 2500, 20
			last := uint64(0)
			for last < before {
				var several []events.Event
				for range 500 {
					several = append(several, noted{int(last), ""})
				}
				last = appendTo(t, log, change(prod, last, several...))
			}
			read, done := make(chan uint64, before+after), make(chan error, 1)
			ctx, stop := context.WithCancel(natstest.Deadline(t))
			defer stop()
			go func() {
				done <- log.Tail(ctx, 0, func(d []events.Recorded) error { read <- d[len(d)-1].Seq; return nil })
			}()
			for at := uint64(0); at < before; {
				at = natstest.Receive(t, read)
			}
			for range after {
				last = appendTo(t, log, change(prod, last, noted{int(last), ""}))
				if at := natstest.Receive(t, read); at != last {
					t.Fatalf("%d was read, want %d", at, last)
				}
			}
			stop()
			if err := natstest.Receive(t, done); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// replicaLog opens the log of servers.
func replicaLog(t *testing.T, x *natstest.External) (*eventlog.Log, jetstream.JetStream) {
	t.Helper()
	nc := natstest.Dial(t, x)
	g, err := filestore.OpenReplica(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(natstest.Deadline(t), nc, vocabulary, g)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return log, js
}

// appendTo appends a decision, again where a stream that was just made is not known everywhere yet.
func appendTo(t *testing.T, log *eventlog.Log, c events.Change) (last uint64) {
	t.Helper()
	r, err := log.Append(natstest.Deadline(t), decision(c))
	for errors.Is(err, nats.ErrNoResponders) {
		r, err = log.Append(natstest.Deadline(t), decision(c))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r[len(r)-1].Seq
}
