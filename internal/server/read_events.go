package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/views"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/command/places"
)

const (
	// readSubject is where the past of an owner's things is asked for. Who has no JetStream reads it here: subscribe to what
	// comes first, then read, and drop by its sequence what comes twice.
	readSubject = "aerie.read.*.events"
	// readersAtOnce is how many such questions are answered at once.
	readersAtOnce = 64
	// mostRead is how many events an answer has at most.
	mostRead = 200
)

// eventsAsked is such a question.
type eventsAsked struct {
	After uint64 `json:"after"` // only events after this sequence
	Limit int    `json:"limit"` // at most so many; 0: as many as an answer has
}

// serveReads answers with pages of the past over NATS until the doors close; replicas share the questions.
func (c *Control) serveReads() error {
	if c.NATS == nil { // there everybody is staff, and may not hear this subject
		return nil
	}
	sub, err := c.Conn.QueueSubscribe(readSubject, "aerie", func(m *nats.Msg) { c.takeRead(m, c.Intake.Sender(m.Header)) })
	if err != nil {
		return fmt.Errorf("serve reads: %w", err)
	}
	context.AfterFunc(c.doors.ctx, func() { _ = sub.Unsubscribe() })
	return nil
}

// takeRead answers a question of a caller.
func (c *Control) takeRead(m *nats.Msg, caller ev.Caller) {
	if tokens := strings.Split(m.Subject, "."); len(tokens) != 4 || tokens[3] != "events" {
		answerRead(m, nil, ev.RefuseFaults("read", []ev.FieldError{{Field: "subject", Message: "want aerie.read.<owner>.events"}}))
		return
	}
	if c.doors.ctx.Err() != nil {
		answerRead(m, nil, ev.Refuse(ev.Unavailable, "the server stops: ask again"))
		return
	}
	if err := c.budgets.Spend(caller, len(m.Data)); err != nil {
		answerRead(m, nil, err)
		return
	}
	whose := places.Of(caller)
	if err := c.readers.Enter(whose, 1); err != nil {
		answerRead(m, nil, err)
		return
	}
	c.doors.running.Go(func() {
		defer c.readers.Leave(whose, 1)
		ctx, cancel := context.WithTimeout(c.doors.ctx, command.AnswerTimeout)
		defer cancel()
		begun := time.Now()
		data, err := c.readEvents(ctx, m, caller)
		answerRead(m, data, err)
		c.budgets.Answered(caller, len(data))
		c.noteRead(api.Reading{Caller: caller, Route: readSubject, Owner: ev.Truncate(strings.Split(m.Subject, ".")[2]),
			Status: api.StatusOf(err), Bytes: len(data), Begun: begun})
	})
}

// readEvents is one page of the events of an owner, as GET /v1/events has them, and as long as a message may be.
func (c *Control) readEvents(ctx context.Context, m *nats.Msg, caller ev.Caller) ([]byte, error) {
	owner := strings.Split(m.Subject, ".")[2]
	if !caller.Owns(owner) {
		c.attempts.refused(caller, ev.VerbRead, "")
		return nil, ev.Refuse(ev.Denied, "you may not read the events of %s", ev.Truncate(owner))
	}
	asked := eventsAsked{}
	if len(m.Data) > 0 {
		if err := json.Unmarshal(m.Data, &asked); err != nil {
			return nil, ev.RefuseFaults("read", []ev.FieldError{{Field: "body", Message: `want {"after":0,"limit":100}: ` + err.Error()}})
		}
	}
	if asked.Limit <= 0 || asked.Limit > mostRead {
		asked.Limit = mostRead
	}
	q := views.EventQuery{Owner: owner, After: asked.After, Limit: asked.Limit}
	f, err := q.Filter(ev.Builtin)
	if err != nil {
		return nil, err
	}
	for _, d := range ev.Builtin.All() {
		if d.May(caller.Role, ev.VerbRead) == ev.OfNobody {
			f = f.Without(d.Kind)
		}
	}
	for {
		page, err := c.Views.Events(ctx, q, f)
		if err != nil {
			return nil, err
		}
		if caller.Role.OfCustomer() {
			for i, e := range page.Items {
				page.Items[i].Data = ev.ShownTo(owner, e.Data)
			}
		}
		data, err := json.Marshal(page)
		if err != nil || len(data) < embedded.MaxPayload || q.Limit == 1 {
			return data, err
		}
		q.Limit /= 2
	}
}

func answerRead(m *nats.Msg, data []byte, err error) {
	if err != nil {
		var r *ev.Refusal
		if !errors.As(err, &r) {
			slog.Error("read not answered", "subject", m.Subject, "err", err)
			r = ev.Refuse(ev.Internal, "internal error")
		}
		data, _ = json.Marshal(map[string]*ev.Refusal{"error": r}) // it can be written
	}
	_ = m.Respond(data) // whoever asked may be gone
}
