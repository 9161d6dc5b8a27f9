package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
)

// waiters is who handles the rig's queue, with an ask of the test's own.
func (r *intakeRig) waiters(ask func(context.Context, Request) (ev.Answer, error)) *waiters {
	return &waiters{Intake: r.intake, ask: ask, failed: map[uint64]int{}}
}

// enqueued publishes a command on the rig's queue.
func (r *intakeRig) enqueued(to, id, body string) {
	r.t.Helper()
	m := &nats.Msg{Subject: "aerie.queue." + to, Data: []byte(body), Header: nats.Header{}}
	if id != "" {
		m.Header.Set("Nats-Msg-Id", id)
	}
	var ack jetstream.PubAck
	answer, err := r.nc.RequestMsg(m, 10*time.Second)
	if err != nil || json.Unmarshal(answer.Data, &ack) != nil || ack.Sequence == 0 || ack.Duplicate {
		r.t.Fatal(answer, err)
	}
}

// TestACommandThatFailsByItself is refused after five times, and counted; in an outage nobody is.
func TestACommandThatFailsByItself(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	counted := 0
	r.intake.CountGivenUp(func() { counted++ })
	outage := false
	w := r.waiters(func(ctx context.Context, q Request) (ev.Answer, error) {
		if outage {
			r.intake.missed.Add(1)
		}
		return ev.Answer{}, ev.Refuse(ev.Unavailable, "not now")
	})
	c := queue.Queued{Owner: "acme", Kind: "customer", ID: "acme", Verb: "update", Seq: 7, Made: "q~x~7", Body: []byte(`{}`)}
	outage = true
	for n := range 20 {
		if err := w.handle(t.Context(), c); err == nil {
			t.Fatalf("given up in an outage, after %d", n)
		}
	}
	outage = false
	for n := range givenUpAfter {
		c.Again = true
		if err := w.handle(t.Context(), c); (err == nil) != (n == givenUpAfter-1) {
			t.Fatalf("failure %d: %v", n, err)
		}
	}
	refused := natstest.Refusal(r.t, r.log, "acme", "q~x~7")
	if refused.Reason.Code != ev.Internal || refused.Reason.Retryable || refused.Verb != "update" || counted != 1 {
		t.Errorf("refused %+v, counted %d", refused, counted)
	}
	if err := w.handle(t.Context(), c); err != nil || counted != 1 {
		t.Errorf("given once more it is decided again: %v", err)
	}
}

// TestAClientSaysWhatTheQueueSaid: an id such as the queue made up before hides no queued command.
func TestAClientSaysWhatTheQueueSaid(t *testing.T) {
	r := newIntakeRig(t)
	q, err := queue.OpenQueue(t.Context(), r.nc)
	if err != nil {
		t.Fatal(err)
	}
	r.customer("acme")
	update := Request{ID: "q-1", Owner: "acme", Kind: "customer", Name: "acme", Verb: ev.VerbUpdate, Body: []byte(`{"labels":{"n":"1"}}`), Caller: ev.LocalAdmin()}
	if _, err := r.intake.SubmitRequest(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"q~1", madeID(t, r, 1)} {
		update.ID = said
		if _, err := r.intake.SubmitRequest(t.Context(), update); !isRefused(err, ev.Invalid) {
			t.Errorf("a client may say %s: %v", said, err)
		}
	}
	r.enqueued("acme.customer.acme.update", "", `{"labels":{"n":"2"}}`)
	r.takeQueue(q, r.intake.TakeQueue)
	e := r.until(ev.Customer, "acme", func(e fsm.Entity[fsm.Data]) bool { return e.Labels["n"] == "2" })
	if rec, err := r.log.Read(t.Context(), e.Seq); err != nil || rec.CommandID != madeID(t, r, 1) {
		t.Errorf("done under %s: %v", rec.CommandID, err)
	}
}

func (r *intakeRig) takeQueue(q *queue.CommandQueue, take func(context.Context, *queue.CommandQueue) error) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = take(ctx, q) })
	r.t.Cleanup(func() { cancel(); running.Wait() })
}

// TestDoneByTheReleaseBefore: a command without an id that it has done, and not acknowledged, is not done again.
func TestDoneByTheReleaseBefore(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	w := r.waiters(r.intake.SubmitRequest)
	c := queue.Queued{Owner: "acme", Kind: "customer", ID: "acme", Verb: "update", Seq: 5, Made: "q~x~5", Stored: time.Now().UTC(), Again: true, Body: []byte(`{"labels":{"n": "1"}}`)}
	request, err := r.intake.requestFrom(c)
	if err != nil {
		t.Fatal(err)
	}
	request.made = "q-5"
	command, err := request.Command(ev.Builtin, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	command.Digest = command.RawDigest
	if _, err := r.intake.SubmitCommand(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ask(ev.Customer, "acme", "update", `{"labels":{"n":"2"}}`); err != nil {
		t.Fatal(err)
	}
	if err := w.handle(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if e := r.entity(command.Ref); e.Labels["n"] != "2" {
		t.Errorf("it was done again: %v", e.Labels)
	}
	c.Stored = c.Stored.Add(time.Hour) // another queue's: what was done then was another command
	if err := w.handle(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if e := r.entity(command.Ref); e.Labels["n"] != "1" {
		t.Errorf("it was not done: %v", e.Labels)
	}
}

// TestACommandIsDropped from the queue, where it keeps others waiting: that is an event, and they go on.
func TestACommandIsDropped(t *testing.T) {
	r := newIntakeRig(t)
	q, err := queue.OpenQueue(t.Context(), r.nc)
	if err != nil {
		t.Fatal(err)
	}
	r.customer("acme")
	r.enqueued("acme.customer.acme.update", "", `{"labels":{"n":"1"}}`)
	r.enqueued("acme.customer.acme.update", "01NEXT", `{"labels":{"n":"2"}}`)
	tried := make(chan struct{}, 100)
	w := r.waiters(func(ctx context.Context, q Request) (ev.Answer, error) {
		if q.ID == "01NEXT" {
			return r.intake.SubmitRequest(ctx, q)
		}
		r.intake.missed.Add(1)
		tried <- struct{}{}
		return ev.Answer{}, ev.Refuse(ev.Unavailable, "not now")
	})
	r.takeQueue(q, func(ctx context.Context, q *queue.CommandQueue) error { return q.Take(ctx, w.handle) })
	<-tried
	waiting, err := q.Waiting(t.Context(), 0, 10)
	if err != nil || len(waiting) != 2 || QueuedID(waiting[0]) != madeID(t, r, 1) || QueuedID(waiting[1]) != "01NEXT" || waiting[1].Verb != "update" {
		t.Fatalf("waiting are %+v: %v", waiting, err)
	}
	if second, err := q.Waiting(t.Context(), 2, 1); err != nil || len(second) != 1 || second[0].Seq != 2 {
		t.Errorf("from the second place on: %+v, %v", second, err)
	}
	if c, err := r.intake.Dropped(t.Context(), q, 1, ev.ActorAdmin); err != nil || c.Seq != 1 {
		t.Fatal(c, err)
	}
	if refused := natstest.Refusal(r.t, r.log, "acme", madeID(t, r, 1)); refused.Reason.Code != ev.Refused || !strings.Contains(refused.Reason.Message, "taken off") {
		t.Errorf("refused %+v", refused.Reason)
	}
	r.until(ev.Customer, "acme", func(e fsm.Entity[fsm.Data]) bool { return e.Labels["n"] == "2" })
	if _, err := r.intake.Dropped(t.Context(), q, 1, ev.ActorAdmin); !isRefused(err, ev.NotFound) {
		t.Errorf("dropped twice: %v", err)
	}
}

// TestBesideTheQueue: a command with a wrong number of tokens is not kept, and not lost either: who waits for the answer is
// told, and it is an event of its owner.
func TestBesideTheQueue(t *testing.T) {
	r := newIntakeRig(t)
	q, err := queue.OpenQueue(t.Context(), r.nc)
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { stop(); r.intake.Answered() })
	if err := r.intake.RefuseStrays(serving, q); err != nil {
		t.Fatal(err)
	}
	for n, to := range []string{"acme", "acme.customer", "acme.customer.acme", "acme.customer.acme.update.now", "acme.a.b.c.d.e.f"} {
		id := fmt.Sprint("01BESIDE", n)
		m := &nats.Msg{Subject: "aerie.queue." + to, Data: []byte(`{}`), Header: nats.Header{"Nats-Msg-Id": {id}}}
		js, err := jetstream.New(r.nc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishMsg(t.Context(), m); err == nil || !strings.Contains(err.Error(), "want aerie.queue.<owner>.<kind>.<id>.<verb>") {
			t.Errorf("%s: the publisher is told %v", to, err)
		}
		if refused := natstest.Refusal(r.t, r.log, "acme", id); refused.Reason.Code != ev.Invalid || refused.Reason.Details[0].Field != "subject" {
			t.Errorf("%s: refused %+v", to, refused.Reason)
		}
	}
	if err := r.nc.Publish("aerie.queue.birch.customer.birch", []byte(`{}`)); err != nil { // nobody waits for an answer
		t.Fatal(err)
	}
	if refused := natstest.Refusal(r.t, r.log, "birch", ""); refused.Reason.Code != ev.Invalid {
		t.Errorf("refused %+v", refused.Reason)
	}
}
