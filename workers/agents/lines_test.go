package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// serviceRig is a service whose intake decides nothing until it is told to, as if the log were held up.
type serviceRig struct {
	t      *testing.T
	nc     *nats.Conn
	intake *command.Intake // of the service
	run    func(*command.Intake)
}

// newServiceRig has customers with an agent each, who have been invited, all but the first have joined and are there.
func newServiceRig(t *testing.T, owners ...string) *serviceRig {
	t.Helper()
	guard, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guard.Release() })
	server, _ := natstest.Start(t)
	r := &serviceRig{t: t, nc: natstest.Connect(t, server)}
	log, err := eventlog.Open(t.Context(), r.nc, fsm.Vocabulary(), guard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { stop(); running.Wait() })
	fold := state.NewLive()
	first := command.NewIntake(log, fold, ev.Builtin)
	r.intake = command.NewIntake(log, fold, ev.Builtin)
	r.run = func(i *command.Intake) { running.Go(func() { i.Run(ctx) }) }
	service := New(r.intake, fold, clock.Clock{Speed: 1}, Door{Evict: func(string, time.Time) {}})
	running.Go(func() { _ = fold.Follow(ctx, log) })
	r.run(first)
	for i, owner := range owners {
		for _, c := range [][3]string{
			{string(ev.Customer), owner, `{"hosting":"customer"}`},
			{string(ev.Account), "theirs", `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`},
			{string(ev.Dataplane), "edge", `{"account":"` + owner + `/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`},
			{string(ev.Agent), "edge", `{"dataplanes":["edge"]}`},
		} {
			if _, err := first.SubmitRequest(t.Context(), command.Request{Owner: owner, Kind: c[0], Name: c[1], Verb: ev.VerbCreate,
				Body: []byte(`{"spec":` + c[2] + `}`), Caller: ev.LocalAdmin()}); err != nil {
				t.Fatal(err)
			}
		}
		asks := []ev.Payload{ev.Invite{Secret: ev.HashOf(owner), Until: time.Now().Add(time.Hour).Format(time.RFC3339)}}
		if i > 0 {
			asks = append(asks, ev.Join{Secret: ev.HashOf(owner), Key: newKey(t), At: time.Now()},
				ev.NoteAgent{Seen: ev.AgentConnected{Instance: "edge"}})
		}
		for _, ask := range asks {
			if _, err := first.SubmitCommand(t.Context(), command.Internal(agentRef(owner, ev.AgentPlace("edge")), ev.ActorAerie, ask)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := service.Serve(ctx, r.nc); err != nil {
		t.Fatal(err)
	}
	return r
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// ask asks as a user, as the NATS server would say it.
func (r *serviceRig) ask(user, owner, what string, question any, answers string) {
	r.t.Helper()
	data, err := ev.Encode(question)
	if err != nil {
		r.t.Fatal(err)
	}
	m := &nats.Msg{Subject: ev.AgentSubject(owner, ev.AgentPlace("edge"), what), Reply: answers, Data: data,
		Header: nats.Header{ev.HeaderRequestInfo: {fmt.Sprintf(`{"acc":"A_%s","user":%q,"id":1,"server":"s","start":"2026-01-01T00:00:00Z"}`, owner, user)}}}
	if err := r.nc.PublishMsg(m); err != nil {
		r.t.Fatal(err)
	}
}

// listens has what is answered to a subject.
func (r *serviceRig) listens(subject string) <-chan string {
	r.t.Helper()
	said := make(chan string, 100)
	if _, err := r.nc.Subscribe(subject, func(m *nats.Msg) { said <- string(m.Data) }); err != nil {
		r.t.Fatal(err)
	}
	return said
}

// TestWhoWaitsForTheLogKeepsNobody: an agent joins while the log is held up. Another one that says it is there is answered meanwhile, and
// what the first asks next is answered behind its join.
func TestWhoWaitsForTheLogKeepsNobody(t *testing.T) {
	r := newServiceRig(t, "acme", "birch")
	joins, seen := r.listens("joins"), r.listens("seen")
	edge, key := agentRef("acme", ev.AgentPlace("edge")), newKey(t)
	r.ask(joinUser(edge, ev.HashOf("acme")), "acme", ev.AskJoin, ev.JoinQuestion{Key: key}, "joins")
	r.ask(ev.AgentActor("acme", "edge"), "acme", ev.AskOwed, ev.OwedQuestion{}, "joins")
	r.ask(ev.AgentActor("birch", "edge"), "birch", ev.AskSeen, ev.SeenQuestion{Instance: "edge"}, "seen")
	if lease := natstest.Receive(t, seen); !strings.Contains(lease, `"places":["edge","_theirs"]`) {
		t.Error("another agent is told", lease)
	}
	if len(joins) > 0 {
		t.Error("answered before the log has it:", <-joins)
	}
	r.run(r.intake)
	if joined := natstest.Receive(t, joins); joined != "{}" {
		t.Error("who joins is told", joined)
	}
	if owed := natstest.Receive(t, joins); !strings.Contains(owed, `"items"`) {
		t.Error("what is asked behind it:", owed)
	}
}

// TestLinesAreBounded: there is room for many agents, of which those of one customer leave some, and those of a crowd of customers too.
// What was answered makes room.
func TestLinesAreBounded(t *testing.T) { synctest.Test(t, testLines) }

func testLines(t *testing.T) {
	l, held := newLines(), make(chan struct{})
	refusal := func(err error) ev.Code {
		var r *ev.Refusal
		if !errors.As(err, &r) {
			return ""
		}
		if !r.Retryable {
			t.Error(err)
		}
		return r.Code
	}
	ask := func(owner string, i, bytes int) ev.Code {
		return refusal(l.ask(ev.Ref{Kind: ev.Agent, Owner: owner, ID: fmt.Sprint(i)}, true, bytes, func() { <-held }))
	}
	for i := range mostOfOneCustomer {
		if code := ask("acme", i%3, 0); code != "" {
			t.Fatal(i, code)
		}
	}
	if code := ask("acme", 4, 0); code != ev.TooMany {
		t.Error("one more of a customer:", code)
	}
	if code := ask("birch", 0, mostOfOneCustomer*largeQuestion); code != ev.TooMany {
		t.Error("one that is too large:", code)
	}
	const crowd = mostWaiting / mostOfOneCustomer // with all that one may have there would be nothing left
	for i := range crowd * mostOfOneCustomer {
		if code := ask(fmt.Sprint("c", i%crowd), i, 0); code != "" && code != ev.TooMany {
			t.Fatal(i, code)
		}
	}
	for i := range 50 {
		if code := ask("birch", i%3, 0); code != "" {
			t.Fatal("who comes after a crowd:", i, code)
		}
	}
	now := false
	if err := l.ask(ev.Ref{Kind: ev.Agent, Owner: "birch", ID: "other"}, false, 0, func() { now = true }); err != nil || !now {
		t.Error("what does not wait needs no room:", err)
	}
	close(held)
	synctest.Wait()
	if err := l.room.Enter("", mostWaiting); err != nil || len(l.of) > 0 {
		t.Error("still held:", err, l.of)
	}
}
