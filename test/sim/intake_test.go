package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// another is a second server on the rig's log: a fold and an intake of its own.
func (r *rig) another() *command.Intake {
	r.t.Helper()
	nc, err := r.server.Connect("another")
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log, err := eventlog.Open(ctx, nc, fsm.Vocabulary(), r.guard)
	if err != nil {
		r.t.Fatal(err)
	}
	fold := state.NewLive()
	i := command.NewIntake(log, fold, ev.Builtin)
	var running sync.WaitGroup
	running.Go(func() { _ = fold.Follow(ctx, log) })
	running.Go(func() { i.Run(ctx) })
	r.t.Cleanup(func() {
		cancel()
		running.Wait()
		nc.Close()
	})
	return i
}

// labels asks for labels of a customer that say who asked, and when.
func labels(customer string, client, n int) command.Request {
	return command.Request{ID: ulid.Make().String(), Owner: customer, Kind: "customer", Name: customer, Verb: ev.VerbUpdate,
		Body: fmt.Appendf(nil, `{"labels":{"client":"c%d","n":"n%d"}}`, client, n), Caller: ev.LocalAdmin()}
}

// TestAHotEntity: sixty-four clients change one customer again and again, by way of
// one server and of two. Every command is done once, and each client's in order.
func TestAHotEntity(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 2} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			r := newRig(t)
			intakes := []*command.Intake{r.intake}
			if servers == 2 {
				intakes = append(intakes, r.another())
			}
			r.perform("create customer acme {}")
			const clients, each = 64, 10
			answers := make([][]ev.Answer, clients)
			var all sync.WaitGroup
			for c := range clients {
				all.Go(func() {
					for n := range each {
						a, err := intakes[c%servers].SubmitRequest(t.Context(), labels("acme", c, n))
						if err != nil || len(a.Events) != 1 {
							t.Errorf("client %d: %+v, %v", c, a, err)
							return
						}
						answers[c] = append(answers[c], a)
					}
				})
			}
			all.Wait()
			seen := map[uint64]bool{}
			for c, mine := range answers {
				for n, a := range mine {
					rec, err := r.log.Read(t.Context(), a.Seq)
					if err != nil || seen[a.Seq] || rec.CommandID != a.CommandID || n > 0 && a.Seq <= mine[n-1].Seq {
						t.Errorf("client %d, command %d: answered %d, the log has %+v, %v", c, n, a.Seq, rec, err)
					}
					seen[a.Seq] = true
				}
			}
			if last, err := r.log.Last(t.Context()); err != nil || last != 1+clients*each {
				t.Errorf("the log ends at %d: %v", last, err)
			}
		})
	}
}

// TestTheLastPlaces: of sixty-four customers who want a dataplane of their own, just
// as many get one as there are, by way of two servers.
func TestTheLastPlaces(t *testing.T) {
	t.Parallel()
	const clients, places = 64, 7
	r := newRig(t)
	other := r.another()
	r.perform("create account -/main {\"cloud\":\"sim\",\"number\":\"4711\"}")
	r.perform(`create plan -/own {"deployment":"dedicated","apps":[{"type":"postgres","size":"small"}]}`)
	for n := range clients {
		r.perform(fmt.Sprintf("create customer c%d {}", n))
		r.perform(fmt.Sprintf(`create tenant c%d/prod {"plan":"own"}`, n))
		r.phase(ev.Tenant, fmt.Sprintf("c%d/prod", n), 0, fsm.Placing)
	}
	for n := range places {
		r.perform(fmt.Sprintf(`create dataplane -/d%d {"account":"main","region":"eu-central","type":"dedicated"}`, n))
		r.perform(fmt.Sprintf(`create tenantinfra -/d%d_small {"app":"postgres","size":"small","pools":[{"name":"data","machine":"s4"}]}`, n))
	}
	var all sync.WaitGroup
	for n := range clients {
		ref := ev.Ref{Kind: ev.Tenant, Owner: fmt.Sprint("c", n), ID: "prod"}
		i := []*command.Intake{r.intake, other}[n%2]
		all.Go(func() {
			if _, err := i.SubmitCommand(t.Context(), command.Internal(ref, ev.ActorAerie, ev.Settle{})); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	claimed, placed := map[string]string{}, 0
	r.fold.View(func(w *state.Entities) {
		w.Each(ev.Tenant, func(e fsm.Entity[fsm.Data]) {
			if p := e.Data.(fsm.TenantData).Placement; p != nil {
				placed++
				if by := claimed[p.Dataplane]; by != "" {
					t.Errorf("%s is both %s's and %s's", p.Dataplane, by, e.Ref.Owner)
				}
				claimed[p.Dataplane] = e.Ref.Owner
			}
		})
	})
	if placed != places {
		t.Errorf("%d of %d places are taken", placed, places)
	}
}

// TestTheSameCommandAgain is answered as it was the first time: at once, by another
// server, after a restart, after much else; and another question under its id is a
// conflict.
func TestTheSameCommandAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func(i *command.Intake, body string) (ev.Answer, error) {
		return i.SubmitRequest(t.Context(), command.Request{ID: "01FIRST", Owner: "acme", Kind: "customer", Name: "acme", Verb: ev.VerbUpdate, Body: []byte(body), Caller: ev.LocalAdmin()})
	}
	r.perform("create customer acme {}")
	first, err := ask(r.intake, `{"labels":{"n":"1"}}`)
	if err != nil || len(first.Events) != 1 {
		t.Fatal(first, err)
	}
	same := func(when string, i *command.Intake) {
		t.Helper()
		if a, err := ask(i, `{"labels":{"n":"1"}}`); err != nil || fmt.Sprint(a) != fmt.Sprint(first) {
			t.Errorf("%s: %+v, %v; at first %+v", when, a, err, first)
		}
		var refusal *ev.Refusal
		if _, err := ask(i, `{"labels":{"n":"2"}}`); !errors.As(err, &refusal) || refusal.Code != ev.Conflict {
			t.Errorf("%s, another question: %v", when, err)
		}
	}
	same("at once", r.intake)
	same("by another server", r.another())
	for n := range 5 {
		if _, err := r.intake.SubmitRequest(t.Context(), labels("acme", 1, n)); err != nil {
			t.Fatal(err)
		}
	}
	r.perform("delete customer acme {}")
	same("after its end", r.intake)
	r.stop()
	r.start()
	same("after a restart", r.intake)
}

// TestKilledBetweenAppendAndAnswer: the connection of the server breaks at any
// moment, two hundred times, while one customer is changed by all, or each by one, which
// is appended otherwise. Asking again, with the same ids, each command is found done or
// is done now, once; and who had an answer gets it again.
func TestKilledBetweenAppendAndAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	names := []string{"acme", "birch", "cedar", "dogwood"}
	for _, name := range names {
		r.perform("create customer " + name + " {}")
	}
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		requests := make([]command.Request, len(names))
		for c := range requests {
			requests[c] = labels(names[c*(round%2)], round, c)
		}
		before := r.askAll(requests, func() { // the log may take it or not
			for range (round % 40) * 500 {
				runtime.Gosched()
			}
			r.nc.Close()
		})
		r.stop()
		r.start()
		after := r.askAll(requests, func() {})
		for c := range requests {
			if after[c].Seq == 0 || before[c].Seq != 0 && fmt.Sprint(before[c]) != fmt.Sprint(after[c]) {
				t.Fatalf("round %d: first %+v, then %+v", round, before[c], after[c])
			}
		}
	}
	seen := map[string]bool{}
	for _, name := range names {
		for seq := range r.entity(ev.Ref{Kind: ev.Customer, Owner: name, ID: name}).History.All() {
			rec, err := r.log.Read(t.Context(), seq)
			if err != nil || seen[rec.CommandID] {
				t.Errorf("command %s is in the log twice: %v", rec.CommandID, err)
			}
			seen[rec.CommandID] = true
		}
	}
	if len(seen) != len(names)*(1+rounds) {
		t.Errorf("%d commands are in the log", len(seen))
	}
}

// askAll asks all at once, and meanwhile does something else; who gets no answer has
// an empty one.
func (r *rig) askAll(requests []command.Request, meanwhile func()) []ev.Answer {
	answers := make([]ev.Answer, len(requests))
	var all sync.WaitGroup
	for n, q := range requests {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(r.t.Context(), natstest.Patience)
			defer cancel()
			answers[n], _ = r.intake.SubmitRequest(ctx, q)
		})
	}
	meanwhile()
	all.Wait()
	return answers
}
