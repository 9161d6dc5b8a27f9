package eventlog_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// began and noted are events of the tests' own.
type (
	began struct {
		UID string `json:"uid"`
	}
	noted struct {
		N    int    `json:"n"`
		Text string `json:"text,omitempty"`
	}
)

func (began) Type() string { return "began" }
func (noted) Type() string { return "noted" }

var vocabulary = eventlog.Vocabulary{
	events.Tenant: {began{}, noted{}},
	events.Plan:   {began{}, noted{}},
}

var (
	prod = events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	test = events.Ref{Kind: events.Tenant, Owner: "acme", ID: "test"}
	free = events.Ref{Kind: events.Plan, Owner: "-", ID: "free"}
)

func envelope() events.Envelope {
	return events.Envelope{
		Time: time.Now(), Actor: "admin", CommandID: "01COMMAND", CausationID: "01COMMAND",
		CorrelationID: "01COMMAND", Digest: "abc", TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

func change(r events.Ref, after uint64, e ...events.Event) events.Change {
	return events.Change{Ref: r, After: after, Events: e}
}

func decision(c ...events.Change) eventlog.Decision {
	return eventlog.Decision{Envelope: envelope(), Changes: c}
}

// place is a data directory with a server and a log that can be started and
// stopped by a test.
type place struct {
	dir string
	srv *embedded.Server
	nc  *nats.Conn
	g   *filestore.Guard
	log *eventlog.Log
}

// start starts what a data directory holds; stop ends it cleanly.
func start(t testing.TB, dir string) (*place, error) {
	p := &place{dir: dir}
	var err error
	if p.g, err = filestore.Open(dir); err != nil {
		return p, err
	}
	t.Cleanup(p.stop)
	p.srv, err = embedded.Start(embedded.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return p, err
	}
	if p.nc, err = p.srv.Connect(t.Name()); err != nil {
		return p, err
	}
	p.log, err = eventlog.Open(natstest.Deadline(t), p.nc, vocabulary, p.g)
	return p, err
}

func (p *place) stop() {
	if p.nc != nil {
		p.nc.Close()
	}
	if p.srv != nil {
		p.srv.Shutdown()
	}
	if p.g != nil {
		_ = p.g.Release()
	}
	p.nc, p.srv, p.g = nil, nil, nil
}

func open(t testing.TB) *place {
	t.Helper()
	p, err := start(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) append(t testing.TB, d eventlog.Decision) []events.Recorded {
	t.Helper()
	r, err := p.log.Append(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var errEnough = errors.New("enough")

// read tails a log from a sequence up to another.
func read(t testing.TB, l *eventlog.Log, after, upto uint64) []events.Recorded {
	t.Helper()
	var all []events.Recorded
	err := l.Tail(natstest.Deadline(t), after, func(d []events.Recorded) error {
		all = append(all, d...)
		if all[len(all)-1].Seq >= upto {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("tail: %v after %d events", err, len(all))
	}
	return all
}

func TestAppendIsReadBackWhole(t *testing.T) {
	p := open(t)
	want := p.append(t, decision(change(prod, 0, began{"u1"})))
	want = append(want, p.append(t, decision(change(prod, 1, noted{1, "ä\u2028"}, noted{2, ""}), change(free, 0, began{"u2"})))...)
	got := read(t, p.log, 0, 4)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for i, r := range want {
		if r.Seq != uint64(i+1) {
			t.Errorf("event %d stands at %d", i+1, r.Seq)
		}
		one, err := p.log.Read(t.Context(), r.Seq)
		if err != nil || !reflect.DeepEqual(one, r) {
			t.Errorf("read %d: %+v, %v", r.Seq, one, err)
		}
	}
	if last, err := p.log.Last(t.Context()); last != 4 || err != nil {
		t.Error(last, err)
	}
	if p.g.Mark() != 4 {
		t.Error("the mark stands at", p.g.Mark())
	}
	if _, err := p.log.Read(t.Context(), 5); err == nil {
		t.Error("read an event that is not there")
	}
}

func TestConflicts(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{"u1"})))
	p.append(t, decision(change(free, 0, began{"u2"})))
	for name, d := range map[string]eventlog.Decision{
		"born twice":                  decision(change(prod, 0, began{})),
		"stale in a batch":            decision(change(prod, 0, noted{1, ""}, noted{2, ""})),
		"one of two is stale":         decision(change(prod, 1, noted{1, ""}), change(free, 1, noted{1, ""})),
		"the first of two is stale":   decision(change(free, 1, noted{1, ""}), change(test, 0, noted{1, ""})),
		"the log moved on":            {Envelope: envelope(), Changes: []events.Change{change(prod, 1, noted{})}, LogAt: at(1)},
		"the log moved on, batch":     {Envelope: envelope(), Changes: []events.Change{change(prod, 1, noted{}), change(free, 2, noted{})}, LogAt: at(1)},
		"the log is right, not prod":  {Envelope: envelope(), Changes: []events.Change{change(prod, 0, noted{})}, LogAt: at(2)},
		"the log is right, not plan":  {Envelope: envelope(), Changes: []events.Change{change(prod, 1, noted{}), change(free, 1, noted{})}, LogAt: at(2)},
		"the log is not so far, yet":  {Envelope: envelope(), Changes: []events.Change{change(test, 0, noted{})}, LogAt: at(3)},
		"the log is not empty, batch": {Envelope: envelope(), Changes: []events.Change{change(test, 0, noted{}, noted{})}, LogAt: at(0)},
	} {
		if _, err := p.log.Append(t.Context(), d); !errors.Is(err, eventlog.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if last, _ := p.log.Last(t.Context()); last != 2 {
		t.Error("the log ends at", last)
	}
	r := p.append(t, eventlog.Decision{Envelope: envelope(), Changes: []events.Change{change(prod, 1, noted{}), change(free, 2, noted{})}, LogAt: at(2)})
	r = append(r, p.append(t, eventlog.Decision{Envelope: envelope(), Changes: []events.Change{change(prod, 3, noted{})}, LogAt: at(4)})...)
	if len(r) != 3 || r[2].Seq != 5 {
		t.Errorf("%+v", r)
	}
}

func TestWhatCannotBeAppended(t *testing.T) {
	p := open(t)
	many := make([]events.Event, eventlog.MaxEvents+1)
	for i := range many {
		many[i] = noted{i, ""}
	}
	torn := decision(change(prod, 0, noted{}))
	torn.Envelope.Actor = "a\r\nce-id: x"
	for name, d := range map[string]eventlog.Decision{
		// nats-server would take both; see the facts.
		"an entity named twice": decision(change(prod, 0, noted{1, ""}), change(free, 0, noted{}), change(prod, 0, noted{2, ""})),
		"nothing":               {Envelope: envelope()},
		"a change of nothing":   decision(change(prod, 0)),
		"too many":              decision(change(prod, 0, many...)),
		"an unknown event":      decision(change(events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}, 0, noted{})),
		"another's id":          decision(change(events.Ref{Kind: events.Tenant, Owner: "acme", ID: "a.b"}, 0, noted{})),
		"a wildcard":            decision(change(events.Ref{Kind: events.Tenant, Owner: "*", ID: "a"}, 0, noted{})),
		"a line break":          torn,
		"too large":             decision(change(prod, 0, noted{0, string(make([]byte, embedded.MaxPayload))})),
	} {
		_, err := p.log.Append(t.Context(), d)
		if err == nil || errors.Is(err, eventlog.ErrConflict) || errors.Is(err, eventlog.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := p.append(t, decision(change(prod, 0, many[1:]...))); r[999].Seq != 1000 {
		t.Error("a thousand events end at", r[999].Seq)
	}
}

func TestLostAnswerIsUnknown(t *testing.T) {
	p := open(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.log.Append(gone, decision(change(prod, 0, began{}))); !errors.Is(err, eventlog.ErrUnknown) {
		t.Error(err)
	}
}

// TestRace lets 64 writers append to one entity: in each round exactly one wins.
func TestRace(t *testing.T) {
	p := open(t)
	last := uint64(0)
	for round := range 10 {
		var won atomic.Uint64
		var wins atomic.Int32
		var all sync.WaitGroup
		for i := range 64 {
			d := decision(change(prod, last, noted{round, ""}))
			if i%2 == 0 {
				d.Changes[0].Events = append(d.Changes[0].Events, noted{round, "second"})
			}
			all.Go(func() {
				r, err := p.log.Append(natstest.Deadline(t), d)
				if err == nil {
					wins.Add(1)
					won.Store(r[len(r)-1].Seq)
				} else if !errors.Is(err, eventlog.ErrConflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 {
			t.Fatalf("round %d: %d won", round, wins.Load())
		}
		last = won.Load()
	}
}
