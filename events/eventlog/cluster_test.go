package eventlog_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestOnACluster does on three servers what the other tests do on one.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	nc := natstest.Dial(t, x)
	g, err := filestore.OpenReplica(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(natstest.Deadline(t), nc, vocabulary, g)
	if err != nil {
		t.Fatal(err)
	}
	if log.Copies() != 3 {
		t.Errorf("the log is kept by %d servers", log.Copies())
	}
	seesCommitted(t, x, nc, log)
}

// seesCommitted appends decisions of one and of several entities, conflicts and
// abandoned batches, and compares the log with what a subscriber gets.
func seesCommitted(t *testing.T, x *natstest.External, nc *nats.Conn, log *eventlog.Log) {
	sub, err := natstest.Dial(t, x).SubscribeSync("aerie.evt.>")
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for i := range 20 {
		r, err := log.Append(natstest.Deadline(t), decision(change(prod, last, noted{i, ""}, noted{i, "b"})))
		for errors.Is(err, nats.ErrNoResponders) { // a stream that was just made is not known everywhere
			r, err = log.Append(natstest.Deadline(t), decision(change(prod, last, noted{i, ""}, noted{i, "b"})))
		}
		if err != nil {
			t.Fatal(err)
		}
		last = r[1].Seq
		abandon(t, nc, fmt.Sprint("batch", i))
		stale := decision(change(prod, 0, noted{i, "lost"}), change(test, 0, began{}))
		if i%2 == 0 {
			stale = decision(change(prod, 0, noted{i, "lost"}))
		}
		if _, err := log.Append(natstest.Deadline(t), stale); !errors.Is(err, eventlog.ErrConflict) {
			t.Fatal(err)
		}
	}
	seesAll(t, sub, read(t, log, 0, last))
	if n, _, _ := sub.Pending(); n != 0 {
		t.Errorf("%d more were seen", n)
	}
}
