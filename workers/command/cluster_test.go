package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/testbudget"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
)

var leaderKills = flag.Int("kills", 0, "how often TestLeaderKilled kills the leader; 0: as internal/testbudget says")

// replica is what decides and folds in one aerie server, on NATS servers that
// others use too.
type replica struct {
	nc     *nats.Conn
	log    *eventlog.Log
	fold   *state.Live
	intake *Intake
	stop   func()
}

// startReplica starts one; it is stopped with the test.
func startReplica(t *testing.T, x *natstest.External) *replica {
	t.Helper()
	r := &replica{nc: natstest.Dial(t, x)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	guard, err := filestore.OpenReplica(t.TempDir())
	must(err)
	r.log, err = eventlog.Open(ctx, r.nc, fsm.Vocabulary(), guard)
	must(err)
	r.fold = state.NewLive()
	r.intake = NewIntake(r.log, r.fold, ev.Builtin)
	last, err := r.log.Last(ctx)
	must(err)
	running.Go(func() {
		if err := r.fold.Follow(ctx, r.log); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	must(r.fold.Wait(ctx, last))
	running.Go(func() { r.intake.Run(ctx) })
	must(r.intake.Serve(ctx, r.nc, "0.0.0"))
	r.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		must(guard.Release())
	})
	t.Cleanup(r.stop)
	return r
}

// answered is a command that was answered.
type answered struct {
	id     string
	answer ev.Answer
}

// client gives commands to one customer of its own, one after the other.
type client struct {
	t        *testing.T
	nc       *nats.Conn
	name     string
	answered []answered
}

// give gives a command until it is answered, always with the same id.
func (c *client) give(ctx context.Context, verb, body string) {
	m := nats.NewMsg(CommandPrefix + c.name + ".customer." + c.name + "." + verb)
	m.Header.Set("Nats-Msg-Id", ulid.Make().String())
	m.Data = []byte(body)
	for {
		a, err := request(ctx, c.nc, m)
		var refusal *ev.Refusal
		switch {
		case err == nil:
			c.answered = append(c.answered, answered{m.Header.Get("Nats-Msg-Id"), a})
			return
		case ctx.Err() != nil:
			c.t.Errorf("%s: %v", m.Subject, err)
			return
		case errors.As(err, &refusal) && !refusal.Retryable:
			c.t.Errorf("%s: %v", m.Subject, err)
			return
		}
		clock.Pause(ctx, 10*time.Millisecond)
	}
}

// request asks once.
func request(ctx context.Context, nc *nats.Conn, m *nats.Msg) (a ev.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, natstest.Patience)
	defer cancel()
	reply, err := nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return a, err
	}
	var out struct {
		ev.Answer
		Error *ev.Refusal `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &out); err != nil {
		return a, err
	}
	if out.Error != nil {
		return a, out.Error
	}
	return out.Answer, nil
}

// load is sixteen clients that give commands until they are told to stop.
type load struct {
	t       *testing.T
	ctx     context.Context // ends the test
	tick    chan struct{}   // a command was answered
	clients []*client
	giving  sync.WaitGroup
	enough  context.CancelFunc
}

func startLoad(t *testing.T, x *natstest.External) *load {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	work, enough := context.WithCancel(ctx)
	l := &load{t: t, ctx: ctx, tick: make(chan struct{}), enough: enough}
	for i := range 16 {
		c := &client{t: t, nc: natstest.Dial(t, x), name: fmt.Sprintf("c%d", i)}
		l.clients = append(l.clients, c)
		l.giving.Go(func() { l.give(work, c) })
	}
	return l
}

// give gives one client's commands.
func (l *load) give(work context.Context, c *client) {
	c.give(l.ctx, ev.VerbCreate, "{}")
	for n := 0; work.Err() == nil; n++ {
		c.give(l.ctx, ev.VerbUpdate, fmt.Sprintf(`{"labels":{"n":"%d"}}`, n))
		select {
		case l.tick <- struct{}{}:
		case <-work.Done():
		}
	}
}

// some waits until some more commands were answered.
func (l *load) some() {
	l.t.Helper()
	for range 64 {
		select {
		case <-l.tick:
		case <-l.ctx.Done():
			l.t.Fatal("no command is answered any more")
		}
	}
}

// during does something while commands go on.
func (l *load) during(do func()) {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	for {
		select {
		case <-l.tick:
		case <-done:
			return
		}
	}
}

// TestLeaderKilled kills the server that leads the log, again and again, while
// sixteen clients give commands to three replicas.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	var replicas []*replica
	for range 3 {
		replicas = append(replicas, startReplica(t, x))
	}
	l := startLoad(t, x)
	for range testbudget.Of(t, testbudget.LeaderKills, *leaderKills) {
		l.some()
		leader := x.Leader(eventlog.Stream)
		l.during(func() { x.Kill(leader) })
		l.some()
		x.Start(leader)
		x.Ready()
	}
	l.some()
	l.enough()
	l.giving.Wait()
	checkLog(t, replicas[0].log, l.clients)
	checkEqual(t, replicas)
}

// checkLog finds every answered command in the log once, where its answer says, and
// those of one client in the order in which it gave them.
func checkLog(t *testing.T, log *eventlog.Log, clients []*client) {
	t.Helper()
	stored := map[string][]ev.AnswerEvent{}
	last, err := log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	err = log.Tail(t.Context(), 0, func(decision []ev.Recorded) error {
		for _, r := range decision {
			stored[r.CommandID] = append(stored[r.CommandID], ev.AnswerEvent{Type: r.Event.Type(), Seq: r.Seq, ID: r.EventID})
		}
		if decision[len(decision)-1].Seq >= last {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	commands := 0
	for _, c := range clients {
		before := uint64(0)
		for _, a := range c.answered {
			if !slices.Equal(stored[a.id], a.answer.Events) || len(a.answer.Events) == 0 {
				t.Errorf("command %s of %s was answered %+v, the log has %+v", a.id, c.name, a.answer.Events, stored[a.id])
			}
			if a.answer.Seq <= before {
				t.Errorf("command %s of %s stands at %d, the one before at %d", a.id, c.name, a.answer.Seq, before)
			}
			before = a.answer.Seq
			delete(stored, a.id)
			commands++
		}
	}
	if len(stored) > 0 {
		t.Errorf("%d commands are in the log and nobody gave them, or they were not answered", len(stored))
	}
	t.Logf("%d commands answered, %d events", commands, last)
}

// checkEqual compares the worlds of replicas that are as far as the log.
func checkEqual(t *testing.T, replicas []*replica) {
	t.Helper()
	last, err := replicas[0].log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for i, r := range replicas {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if err := r.fold.Wait(ctx, last); err != nil {
			t.Fatal(err)
		}
		cancel()
		got := worldOf(t, r.fold)
		if i > 0 && !bytes.Equal(got, want) {
			t.Errorf("replica %d sees\n%s\nthe first\n%s", i, got, want)
		}
		want = got
	}
}

// worldOf is all that a fold has, in a fixed order.
func worldOf(t *testing.T, f *state.Live) []byte {
	t.Helper()
	var all []fsm.Entity[fsm.Data]
	f.View(func(w *state.Entities) {
		for _, k := range ev.Kinds {
			w.Each(k, func(e fsm.Entity[fsm.Data]) { all = append(all, e) })
		}
	})
	slices.SortFunc(all, func(a, b fsm.Entity[fsm.Data]) int {
		return bytes.Compare([]byte(a.Ref.Tokens()), []byte(b.Ref.Tokens()))
	})
	var b bytes.Buffer
	for _, e := range all {
		if err := json.NewEncoder(&b).Encode([]any{e.Phase(), e.Base, e.Data}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
