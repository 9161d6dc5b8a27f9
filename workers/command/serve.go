package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ev "github.com/aeriehq/aerie/events"
)

// CommandPrefix is what the subject of every command starts with.
const CommandPrefix = "aerie.cmd."

// AnswerTimeout is how long a command may take before the caller is told to ask again.
const AnswerTimeout = 10 * time.Second

// Serve answers commands on aerie.cmd.> as a NATS micro service until ctx ends.
func (i *Intake) Serve(ctx context.Context, nc *nats.Conn, version string) error {
	svc, err := micro.AddService(nc, micro.Config{Name: "aerie", Version: version, Description: "commands of the aerie control plane",
		StatsHandler: func(*micro.Endpoint) any { return map[string]uint64{"refused": i.turnedAway.Load()} }})
	if err != nil {
		return fmt.Errorf("serve commands: %w", err)
	}
	// One endpoint for all, so that a subject of a wrong form is answered too.
	// micro calls handlers one after the other: the answer is sent from elsewhere.
	handle := func(r micro.Request) {
		if !i.door(func() { i.respond(context.WithoutCancel(ctx), r) }) {
			i.respondRefusal(r, ev.Refuse(ev.Unavailable, "too many commands at once: ask again with the same id"))
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
	ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
	defer cancel()
	request, err := i.parse(r)
	if err == nil {
		var answer ev.Answer
		if answer, err = i.SubmitRequest(ctx, request); err == nil {
			respondJSON(r, answer, nil)
			return
		}
	}
	i.respondRefusal(r, err)
}

// respondRefusal answers with an error, in the body and in the headers that clients of NATS services look at. micro counts only what
// a handler says before it returns; what is said later, the service's own figures count.
func (i *Intake) respondRefusal(r micro.Request, err error) {
	i.turnedAway.Add(1)
	refusal := refusalOf(err)
	respondJSON(r, map[string]*ev.Refusal{"error": refusal},
		micro.Headers{micro.ErrorHeader: {refusal.Message}, micro.ErrorCodeHeader: {string(refusal.Code)}})
}

// parse reads subject and headers of a command.
func (i *Intake) parse(r micro.Request) (Request, error) {
	request, err := parseSubject(r.Subject())
	request.Body, request.Caller = r.Data(), i.Sender(r.Headers())
	if denied := request.Caller.Deny(i.kinds, request.Owner, ev.Kind(request.Kind), request.Verb); denied != nil {
		return request, denied // before its headers: whose business they are is not his
	}
	if err != nil {
		return request, err
	}
	return request, request.read(r.Headers())
}

// Sender says who sent a request. What comes without a word of the server about that was sent on aerie's own connection, for
// which its secret is needed; who is not let in any more is nobody.
func (i *Intake) Sender(h micro.Headers) ev.Caller {
	if _, told := h[ev.HeaderRequestInfo]; i.callers == nil || !told {
		return ev.LocalAdmin()
	}
	name, _ := ev.SenderOf(h)
	c, _ := i.callers(name)
	return c
}

// read reads the headers of a command.
func (r *Request) read(h micro.Headers) error {
	r.ID, r.ExpectedUID, r.TraceParent = h.Get("Nats-Msg-Id"), h.Get("Aerie-Expected-Uid"), h.Get("traceparent")
	var faults []ev.FieldError
	if v := h.Get("Aerie-Dry-Run"); v != "" {
		r.DryRun = v == "true"
		if v != "true" && v != "false" {
			faults = append(faults, ev.FieldError{Field: "Aerie-Dry-Run", Message: "want true or false"})
		}
	}
	if v := h.Get("Aerie-Expected-Seq"); v != "" {
		seq, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			faults = append(faults, ev.FieldError{Field: "Aerie-Expected-Seq", Message: "want the sequence of the entity's last event, a number"})
		}
		r.ExpectedSeq = &seq
	}
	return ev.RefuseFaults("command", faults)
}

// refusalOf is what a client is told of a command's error.
func refusalOf(err error) *ev.Refusal {
	var refusal *ev.Refusal
	if !errors.As(err, &refusal) {
		slog.Error("command failed", "err", err)
		refusal = ev.Refuse(ev.Internal, "internal error")
	}
	return refusal
}

func respondJSON(r micro.Request, v any, headers micro.Headers) {
	data, err := ev.Encode(v)
	if err == nil {
		err = r.Respond(data, micro.WithHeaders(headers))
	}
	if err != nil {
		slog.Warn("answer not sent", "err", err)
	}
}

// parseSubject reads aerie.cmd.<owner>.<kind>.<id>.<verb>.
func parseSubject(subject string) (Request, error) {
	tokens := strings.Split(strings.TrimPrefix(subject, CommandPrefix), ".")
	if !strings.HasPrefix(subject, CommandPrefix) || len(tokens) != 4 {
		return Request{}, ev.RefuseFaults("command", []ev.FieldError{{Field: "subject",
			Message: fmt.Sprintf("%q has %d tokens after aerie.cmd: want aerie.cmd.<owner>.<kind>.<id>.<verb>", ev.Truncate(subject), len(tokens))}})
	}
	return Request{Owner: tokens[0], Kind: tokens[1], Name: tokens[2], Verb: tokens[3]}, nil
}
