package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
)

// TestCommandsThatWaited are handled once somebody is there: once each, those of an
// entity in order, and what is refused is an event.
func TestCommandsThatWaited(t *testing.T) {
	r := newIntakeRig(t)
	q, err := queue.OpenQueue(t.Context(), r.nc)
	if err != nil {
		t.Fatal(err)
	}
	soon, done := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(done)
	publish := func(to, id, body string) {
		t.Helper()
		m := &nats.Msg{Subject: "aerie.queue." + to, Data: []byte(body), Header: nats.Header{}}
		if id != "" {
			m.Header.Set("Nats-Msg-Id", id)
		}
		ack := jetstream.PubAck{Duplicate: true}
		for ack.Duplicate { // within a tenth of a second the stream itself drops an id that comes twice
			ack = jetstream.PubAck{}
			answer, err := r.nc.RequestMsgWithContext(soon, m)
			if err != nil || json.Unmarshal(answer.Data, &ack) != nil || ack.Sequence == 0 {
				t.Fatal(answer, err)
			}
		}
	}
	publish("acme.customer.acme.create", "01CREATE", `{"spec":{"displayName":"Acme"}}`)
	const changes = 30
	for n := range changes {
		publish("acme.customer.acme.update", fmt.Sprint("01N", n), fmt.Sprintf(`{"labels":{"n":"n%d"}}`, n))
	}
	publish("acme.customer.acme.update", "01POISON", `{"labels":`)
	publish("acme.customer.acme.destroy", "", ``)
	publish("acme.tenants.prod.create", "01KIND", `{}`)
	publish("ACME.customer.acme.update", "01OWNER", `{}`) // nobody's: there is no place for the event
	publish("acme.customer.acme.update", "01LAST", `{"labels":{"n":"last"}}`)

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	running.Go(func() { _ = r.intake.TakeQueue(ctx, q) })
	r.until(ev.Customer, "acme", func(e fsm.Entity[fsm.Data]) bool { return e.Labels["n"] == "last" })
	publish("acme.customer.acme.update", "01N3", `{"labels":{"n":"n3"}}`) // once more: it has been done
	publish("acme.customer.acme.update", "01LAST", `{"labels":{"n":"another"}}`)
	publish("acme.customer.acme.update", "01END", `{"labels":{"n":"end"}}`)
	e := r.until(ev.Customer, "acme", func(e fsm.Entity[fsm.Data]) bool { return e.Labels["n"] == "end" })
	want := []string{"01CREATE"}
	for n := range changes {
		want = append(want, fmt.Sprint("01N", n))
	}
	want = append(want, "01LAST", "01END")
	var got []string
	for seq := range e.History.All() {
		rec, err := r.log.Read(ctx, seq)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec.CommandID)
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("done were %v, want %v", got, want)
	}
	for { // what was done is off the queue as soon as NATS has heard of it
		waiting, err := q.Waiting(soon, 0, 10)
		if err != nil {
			t.Fatalf("%d are waiting: %v", len(waiting), err)
		}
		if len(waiting) == 0 {
			break
		}
	}
	made := madeID(t, r, 33)
	refused := map[string]ev.Code{}
	enough := errors.New("enough")
	err = r.log.Tail(soon, 0, func(decision []ev.Recorded) error {
		for _, rec := range decision {
			if e, ok := rec.Event.(ev.CommandRefused); ok {
				if _, twice := refused[rec.Ref.ID]; twice || rec.Ref.ID != rec.CommandID || rec.Ref.Owner != "acme" || rec.Actor != ev.ActorAdmin {
					t.Errorf("refused: %+v", rec)
				}
				refused[rec.Ref.ID] = e.Reason.Code
			}
		}
		if len(refused) == 4 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || refused["01POISON"] != ev.Invalid || refused[made] != ev.Invalid || refused["01LAST"] != ev.Conflict || refused["01KIND"] != ev.Invalid {
		t.Errorf("refused were %v: %v", refused, err)
	}
}

// madeID is the id of a command at a place of the queue that came without one.
func madeID(t *testing.T, r *intakeRig, seq int) string {
	t.Helper()
	js, err := jetstream.New(r.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), queue.QueueStream)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("q~%s~%d", strconv.FormatInt(s.CachedInfo().Created.UnixNano(), 36), seq)
}
