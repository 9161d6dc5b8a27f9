package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// CommandPrefix is what the subject of every command starts with.
const CommandPrefix = "aerie.cmd."

// answerWithin is how long a command may take before the caller is told to ask again.
const answerWithin = 10 * time.Second

// Serve answers commands on aerie.cmd.> as a NATS micro service until ctx ends.
func (i *Intake) Serve(ctx context.Context, nc *nats.Conn, version string) error {
	svc, err := micro.AddService(nc, micro.Config{Name: "aerie", Version: version, Description: "commands of the aerie control plane"})
	if err != nil {
		return fmt.Errorf("serve commands: %w", err)
	}
	// One endpoint for all, so that a subject of a wrong form is answered too.
	// micro calls handlers one after the other: the answer is sent from elsewhere.
	handle := func(r micro.Request) {
		if !i.door(func() { i.respond(context.WithoutCancel(ctx), r) }) {
			respondJSON(r, refusalOf(ev.Refuse(ev.Unavailable, "too many commands at once: ask again with the same id")))
		}
	}
	if err := svc.AddEndpoint("commands", micro.HandlerFunc(handle), micro.WithEndpointSubject(CommandPrefix+">")); err != nil {
		return fmt.Errorf("serve commands: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = svc.Stop() })
	return nil
}

// door answers a message beside the others, if there is a place for one more.
func (i *Intake) door(answer func()) bool {
	select {
	case i.doors <- struct{}{}:
	default:
		return false
	}
	i.answering.Go(func() {
		defer func() { <-i.doors }()
		answer()
	})
	return true
}

// Answered waits until every message that came in has been answered.
func (i *Intake) Answered() { i.answering.Wait() }

func (i *Intake) respond(ctx context.Context, r micro.Request) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := parse(r)
	if err == nil {
		var answer ev.Answer
		if answer, err = i.Ask(ctx, request); err == nil {
			respondJSON(r, answer)
			return
		}
	}
	respondJSON(r, refusalOf(err))
}

// parse reads subject and headers of a command.
func parse(r micro.Request) (Request, error) {
	request, err := parseSubject(r.Subject())
	if err != nil {
		return request, err
	}
	request.Body, request.Actor = r.Data(), ev.ActorAdmin
	return request, request.read(r.Headers())
}

// read reads the headers of a command.
func (r *Request) read(h micro.Headers) error {
	r.ID, r.ExpectedUID, r.TraceParent = h.Get("Nats-Msg-Id"), h.Get("Aerie-Expected-Uid"), h.Get("traceparent")
	var faults []ev.Fault
	if v := h.Get("Aerie-Dry-Run"); v != "" {
		r.DryRun = v == "true"
		if v != "true" && v != "false" {
			faults = append(faults, ev.Fault{Field: "Aerie-Dry-Run", Message: "want true or false"})
		}
	}
	if v := h.Get("Aerie-Expected-Seq"); v != "" {
		seq, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			faults = append(faults, ev.Fault{Field: "Aerie-Expected-Seq", Message: "want the sequence of the entity's last event, a number"})
		}
		r.ExpectedSeq = &seq
	}
	return ev.RefuseFaults("command", faults)
}

// refusalOf is the wire form of a command's error.
func refusalOf(err error) any {
	var refusal *ev.Refusal
	if !errors.As(err, &refusal) {
		slog.Error("command failed", "err", err)
		refusal = ev.Refuse(ev.Internal, "internal error")
	}
	return map[string]*ev.Refusal{"error": refusal}
}

func respondJSON(r micro.Request, v any) {
	data, err := ev.Encode(v)
	if err == nil {
		err = r.Respond(data)
	}
	if err != nil {
		slog.Warn("answer not sent", "err", err)
	}
}

// parseSubject reads aerie.cmd.<owner>.<kind>.<id>.<verb>.
func parseSubject(subject string) (Request, error) {
	tokens := strings.Split(strings.TrimPrefix(subject, CommandPrefix), ".")
	if !strings.HasPrefix(subject, CommandPrefix) || len(tokens) != 4 {
		return Request{}, ev.RefuseFaults("command", []ev.Fault{{Field: "subject",
			Message: fmt.Sprintf("%q has %d tokens after aerie.cmd: want aerie.cmd.<owner>.<kind>.<id>.<verb>", ev.Clip(subject), len(tokens))}})
	}
	return Request{Owner: tokens[0], Kind: tokens[1], Name: tokens[2], Verb: tokens[3]}, nil
}

// reportPrefix is what the subject of every report starts with.
const reportPrefix = "aerie.report."

// taken is the answer to a report that is durable, or was of no more use.
const taken = "taken"

// report is an executor's report on the wire.
type report struct {
	Ref      ev.Ref            `json:"ref"`
	UID      string            `json:"uid"`
	Revision uint64            `json:"revision"` // of the work: who takes the report must know the log so far
	Digest   string            `json:"digest"`
	Outcome  string            `json:"outcome,omitempty"` // the type of the event that came about
	Event    json.RawMessage   `json:"event,omitempty"`
	Failure  *ev.AttemptFailed `json:"failure,omitempty"`
	Calls    []ev.Call         `json:"calls,omitempty"` // for the outcome's event
}

// ServeReports takes the reports of executors until ctx ends; replicas share them.
// Only aerie's own connection may publish them: the server sees to that.
func (i *Intake) ServeReports(ctx context.Context, nc *nats.Conn) error {
	sub, err := nc.QueueSubscribe(reportPrefix+">", "aerie", func(m *nats.Msg) {
		i.door(func() { i.takeReport(context.WithoutCancel(ctx), m) }) // without an answer the work is done again
	})
	if err != nil {
		return fmt.Errorf("serve reports: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	return nil
}

func (i *Intake) takeReport(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answer := taken
	if err := i.report(ctx, m.Subject, m.Data); err != nil {
		slog.Error("report not taken", "subject", m.Subject, "err", err)
		answer = err.Error()
	}
	if err := m.Respond([]byte(answer)); err != nil {
		slog.Warn("report not acknowledged", "subject", m.Subject, "err", err)
	}
}

// reportSubject is where the executor reports that now works for an entity; ""
// if nobody does.
func (i *Intake) reportSubject(ref ev.Ref) (subject string) {
	i.fold.View(func(w *state.Entities) {
		if e, ok := w.Get(ref); ok {
			if owed := fsm.Machines[ref.Kind].Owed(e); owed != nil {
				subject = reportSubject(placeOf(owed), ref)
			}
		}
	})
	return subject
}

// reportSubject has the tokens of the work's subject.
func reportSubject(p queue.Partition, ref ev.Ref) string {
	return fmt.Sprintf("%s%s.%s.%s.%s.%s", reportPrefix, p.Owner, p.Dataplane, ref.Kind, ref.Owner, ref.ID)
}

func (i *Intake) report(ctx context.Context, subject string, data []byte) error {
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	if faults := r.Ref.Check(); len(faults) > 0 {
		return fmt.Errorf("read report: %s", faults[0].Message)
	}
	if err := i.fold.Wait(ctx, r.Revision); err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	if own := i.reportSubject(r.Ref); own != "" && own != subject {
		return fmt.Errorf("read report: %s is for %s to report", r.Ref, own)
	}
	ask := ev.Report{UID: r.UID, Digest: r.Digest, Failure: r.Failure}
	if r.Outcome != "" {
		var err error
		if ask.Outcome, err = r.outcome(); err != nil {
			return fmt.Errorf("read report: %w", err)
		}
	}
	_, err := i.Do(ctx, internal(r.Ref, ev.ActorExecutor, ask))
	return err
}

// outcome reads the event that is reported, and puts the calls into it.
func (r report) outcome() (ev.Event, error) {
	for _, e := range fsm.Machines[r.Ref.Kind].Vocabulary() {
		if e.Type() != r.Outcome {
			continue
		}
		v := reflect.New(reflect.TypeOf(e))
		if err := json.Unmarshal(r.Event, v.Interface()); err != nil {
			return nil, err
		}
		if calls := v.Elem().FieldByName("Calls"); calls.IsValid() {
			calls.Set(reflect.ValueOf(r.Calls))
		}
		return v.Elem().Interface().(ev.Event), nil
	}
	return nil, fmt.Errorf("a %s has no event %q", r.Ref.Kind, ev.Clip(r.Outcome))
}
