package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// rival is one of many requests at once, and what it was answered.
type rival struct {
	request  command.Request
	from, to uint64 // what the log had when it was given, and when it was answered
	answer   ev.Answer
	err      error
	explains bool
}

// racing is a kind of move that many ask of one tenant at once: by which words there, and by which back.
type racing struct {
	kind, there, back string
	size              string // that the other plan wants
}

// TestManyWishesAtATenant asks much of one tenant at once, at two servers: moves of each kind, what is asked of a move, other specs, sleep
// and its end. Each was answered as if all had come one after the other, in the order of the log.
func TestManyWishesAtATenant(t *testing.T) {
	t.Parallel()
	for _, row := range []racing{
		{ev.MoveTerms, `{"plan":"business"}`, `{"plan":"free"}`, "small"},
		{ev.MoveMachines, `{"plan":"business"}`, `{"plan":"free"}`, "large"},
		{ev.MoveCluster, `{"dataplane":"-/us"}`, `{"dataplane":"-/eu"}`, "small"},
	} {
		t.Run(row.kind, func(t *testing.T) {
			r := newRig(t)
			intakes := []*command.Intake{r.intake, r.another()}
			for _, i := range intakes {
				i.SurveyBy(func(context.Context, ev.TenantSurvey) (ev.TenantUse, error) { return ev.TenantUse{}, nil })
			}
			r.perform("create customer acme {}")
			r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
			for name, region := range map[string]string{"eu": "eu-central", "us": "us-east"} {
				r.perform("create dataplane -/" + name + ` {"account":"main","region":"` + region + `"}`)
				r.perform("create tenantinfra -/" + name + `_pg {"app":"pg","size":"small","cells":{"tenants":4,"max":3},"pools":[{"name":"data","machine":"s4"}]}`)
			}
			r.perform(`create tenantinfra -/eu_large {"app":"pg","size":"large","pools":[{"name":"data","machine":"m8"}]}`)
			for plan, size := range map[string]string{"free": "small", "business": row.size} {
				r.perform("create plan -/" + plan + ` {"deployment":"resource-shared","apps":[{"type":"pg","size":"` + size + `"}],"move":{"data":"none","hold":"1s"}}`)
			}
			for _, infra := range []string{"eu_pg", "eu_large", "us_pg"} {
				r.phase(ev.TenantInfra, "-/"+infra, 30*time.Second, fsm.Active)
			}
			moved := 0
			for round := 0; round < 2 || moved == 0 && round < 10; round++ { // whoever is first may let it sleep
				moved += r.race(t, intakes, row, fmt.Sprint("t", round), round%2 == 1)
			}
			if moved == 0 {
				t.Error("it never moved")
			}
		})
	}
}

// race asks all of a new tenant at once, its end too or not.
func (r *rig) race(t *testing.T, intakes []*command.Intake, row racing, name string, ends bool) (moved int) {
	const clients = 64
	ref := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: name}
	r.perform("create tenant " + ref.Path() + ` {"plan":"free","region":"eu-central"}`)
	r.phase(ev.Tenant, ref.Path(), 30*time.Second, fsm.Active)
	var all sync.WaitGroup
	wishes := make([]*rival, clients)
	for n := range clients {
		verb, body := row.wish(n, ends)
		wishes[n] = &rival{request: command.Request{ID: ulid.Make().String(), Owner: ref.Owner, Kind: string(ref.Kind), Name: ref.ID, Verb: verb, Body: []byte(body), Caller: ev.LocalAdmin()}}
		all.Go(func() { r.give(intakes[n%2], wishes[n]) })
	}
	all.Wait()
	r.until(ev.Tenant, ref.Path(), 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		d, _ := e.Data.(fsm.TenantData)
		return e.Phase() == fsm.Gone || !ends && (e.Phase() == fsm.Active || e.Phase() == fsm.Suspended || d.Move != nil && d.Move.Paused)
	})
	r.explain(t, wishes)
	taken := 0
	for _, w := range wishes {
		if w.err == nil && len(w.answer.Events) > 0 {
			taken++
		}
		if !w.explains {
			t.Errorf("%s was answered %v, %v between %d and %d, and no order explains that", w.request.Verb, w.answer.Events, w.err, w.from, w.to)
		}
	}
	kinds := r.kindsOfMoves(ref)
	if slices.ContainsFunc(kinds, func(k string) bool { return k != row.kind }) {
		t.Errorf("it has moved by %v", kinds)
	}
	t.Logf("%d of %d wishes were taken, and it moved %d times", taken, clients, len(kinds))
	return len(kinds)
}

// kindsOfMoves are the kinds of the moves of a tenant, in their order.
func (r *rig) kindsOfMoves(of ev.Ref) (kinds []string) {
	r.t.Helper()
	end, err := r.log.Last(r.t.Context())
	if err == nil {
		err = r.log.Replay(r.t.Context(), 0, end, func(decision []ev.Recorded) error {
			for _, e := range decision {
				if started, is := e.Event.(ev.MoveStarted); is && e.Ref == of {
					kinds = append(kinds, started.Kind)
				}
			}
			return nil
		})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return kinds
}

// wish is the n-th of many.
func (row racing) wish(n int, ends bool) (verb, body string) {
	switch n % 8 {
	case 0, 1:
		return "move", row.there
	case 2:
		return "move", row.back
	case 3:
		return "abort", `{}`
	case 4:
		return "update", fmt.Sprintf(`{"spec":{"plan":"free","allowNamespaces":["n%d"]}}`, n)
	case 5:
		if ends && n > 32 {
			return "delete", `{"cascade":true}`
		}
		return "suspend", `{}`
	case 6:
		return "resume", `{}`
	}
	return "pause", `{}`
}

// give gives a request to a server and notes the answer.
func (r *rig) give(to *command.Intake, w *rival) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	r.fold.View(func(now *state.Entities) { w.from = now.Seq })
	w.answer, w.err = to.SubmitRequest(ctx, w.request)
	w.to, _ = r.log.Last(ctx)
}

// explain decides each wish again: one that was taken where its events are in the log, every other one at all states that the log
// was in while it was under way, one of which must give the same answer.
func (r *rig) explain(t *testing.T, wishes []*rival) {
	again := state.New()
	asked := map[*rival]ev.Command{}
	for _, w := range wishes {
		c, err := w.request.Command(ev.Builtin, time.Now().UTC())
		if err != nil {
			t.Fatal(err)
		}
		asked[w] = c
	}
	try := func(next []ev.Recorded) {
		for _, w := range wishes {
			taken := w.err == nil && len(w.answer.Events) > 0
			if w.explains || again.Seq < w.from && !taken || again.Seq > w.to || taken && (len(next) == 0 || next[0].Seq != w.answer.Events[0].Seq) {
				continue
			}
			e, _ := again.Get(asked[w].Ref)
			for _, use := range []*ev.TenantUse{{}, nil} { // who lost a race may need a look at the cluster that he had no need of before
				c := asked[w]
				c.Use = use
				changes, err := fsm.Machines[ev.Tenant].Decide(e, c, again.Refs())
				w.explains = w.explains || sameAnswer(w, typesOf(changes), err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end, err := r.log.Last(ctx)
	if err == nil {
		err = r.log.Replay(ctx, 0, end, func(decision []ev.Recorded) error {
			try(decision)
			return again.Apply(decision)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	try(nil)
}

func sameAnswer(w *rival, events []string, err error) bool {
	var was, is *ev.Refusal
	if errors.As(w.err, &was) != errors.As(err, &is) {
		return false
	}
	if was != nil {
		return was.Code == is.Code
	}
	var told []string
	for _, e := range w.answer.Events {
		told = append(told, e.Type)
	}
	return w.err == nil && slices.Equal(told, events)
}

func typesOf(changes []ev.Change) (types []string) {
	for _, c := range changes {
		for _, e := range c.Events {
			types = append(types, e.Type())
		}
	}
	return types
}
