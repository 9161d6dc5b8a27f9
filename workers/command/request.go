package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command/places"
)

// Request is a command as it comes from outside, over NATS or HTTP, with
// nothing of it checked yet.
type Request struct {
	ID                      string // the command's id; made up if empty
	Owner, Kind, Name, Verb string
	Body                    []byte
	ExpectedSeq             *uint64 // nil: any
	ExpectedUID             string  // "": any
	DryRun                  bool
	TraceParent             string
	Caller                  ev.Caller // who asks; the zero one may ask nothing
	made                    string    // the id to make up if it is not to be any
}

var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// isCommandID tells whether a client may call a command so: by 1 to 64 letters, digits, '-' or '_'.
func isCommandID(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 64
}

// log says in one line what was asked and what came of it. Tokens are cut: they are the client's.
func (r Request) log(a ev.Answer, err error) {
	if !slog.Default().Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	attributes := []any{"verb", ev.Truncate(r.Verb), "kind", ev.Truncate(r.Kind), "entity", ev.Truncate(r.Owner + "/" + r.Name),
		"actor", r.Caller.Actor, "outcome", answerCode(err)}
	if r.DryRun {
		attributes = append(attributes, "dry run", true)
	}
	if err != nil {
		slog.Info("command", append(attributes, "id", ev.Truncate(r.ID), "reason", err)...)
		return
	}
	slog.Info("command", append(attributes, "id", a.CommandID, "events", len(a.Events), "seq", a.Seq)...)
}

// Submit is SubmitRequest for a caller who has one of the intake's places until it is answered. Without a free one it is refused with
// rate_limited or unavailable.
func (i *Intake) Submit(ctx context.Context, r Request) (ev.Answer, error) {
	whose := places.Of(r.Caller)
	if err := i.places.Enter(whose, 1); err != nil {
		i.count(answerCode(err), 0)
		return ev.Answer{}, err
	}
	defer i.places.Leave(whose, 1)
	return i.SubmitRequest(ctx, r)
}

// SubmitRequest checks and decides a request. The error is an *events.Refusal.
func (i *Intake) SubmitRequest(ctx context.Context, r Request) (a ev.Answer, err error) {
	begun := time.Now()
	defer func() {
		i.count(answerCode(err), time.Since(begun))
		r.log(a, err)
	}()
	c, err := r.Command(i.kinds, time.Now().UTC())
	if err == nil {
		err = i.refuseSecrets(ctx, c)
	}
	var before uint64
	i.fold.View(func(w *state.Entities) { before = w.Seq })
	if err == nil {
		c, err = i.survey(ctx, c)
	}
	if err != nil {
		return ev.Answer{}, err
	}
	answer, err := i.SubmitCommand(ctx, c)
	if (err == nil && len(answer.Events) > 0) || retryable(err) && !lacksSurvey(c, err) {
		return answer, err
	}
	moved, lost := i.moved(ctx, before)
	switch {
	case lost != nil:
		return ev.Answer{}, unavailable(lost)
	case moved:
		if c.Use == nil { // what others have done may have made a look necessary
			if c, err = i.survey(ctx, c); err != nil {
				return ev.Answer{}, err
			}
		}
		return i.SubmitCommand(ctx, c)
	}
	return answer, err
}

// moved waits for all that the log has, and tells whether that is more than the fold
// had at a sequence. What was stored was decided on the newest state: the log sees to
// that. An answer without events must be as good, though another replica may be ahead
// of this one: it may just have told the caller that what is missed here is there.
func (i *Intake) moved(ctx context.Context, since uint64) (bool, error) {
	last, err := i.log.Last(ctx)
	if err != nil || last <= since {
		return false, err
	}
	return true, i.fold.Wait(ctx, last)
}

// answerCode is ok, or the code of a refusal.
func answerCode(err error) string {
	var refusal *ev.Refusal
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refusal):
		return string(refusal.Code)
	}
	return string(ev.Internal)
}

func retryable(err error) bool {
	var r *ev.Refusal
	return errors.As(err, &r) && r.Retryable
}

// Command reads a request of one of the given kinds strictly: every fault of its address and headers is
// named at once, then those of its body.
func (r Request) Command(kinds *ev.Registry, now time.Time) (ev.Command, error) {
	c := ev.Command{ID: r.ID, Ref: ev.Ref{Kind: ev.Kind(r.Kind), Owner: r.Owner, ID: r.Name},
		Actor: r.Caller.Actor, OfCustomer: r.Caller.Role.OfCustomer(), Time: now, UID: ulid.Make().String(),
		ExpectedUID: r.ExpectedUID, ExpectedSeq: r.ExpectedSeq, DryRun: r.DryRun}
	// The address alone decides, before anything is looked up: who is denied learns nothing of what is there.
	if err := r.Caller.Deny(kinds, r.Owner, c.Ref.Kind, r.Verb); err != nil {
		return c, err
	}
	faults := kinds.Check(c.Ref)
	if c.ID == "" && r.made != "" {
		c.ID = r.made
	} else if c.ID == "" {
		c.ID = ulid.Make().String()
	}
	if c.ID != r.made && !isCommandID(c.ID) {
		faults = append(faults, ev.FieldError{Field: "Nats-Msg-Id", Message: "not a command id: 1 to 64 letters, digits, '-' or '_', best a ULID"})
	}
	if traceParent.MatchString(r.TraceParent) {
		c.TraceParent = r.TraceParent
	}
	if err := ev.RefuseFaults("command", faults); err != nil {
		return c, err
	}
	raw, err := kinds.ParseBody(c.Ref.Kind, r.Verb, r.Body)
	if err != nil {
		return c, err
	}
	if c.Payload, err = kinds.DecodeBody(c.Ref.Kind, r.Verb, raw); err != nil {
		return c, err
	}
	// A repeat is told from another command with the same id by what its body says: white space and the order of keys
	// are nothing to it.
	body, err := ev.Encode(raw)
	if err != nil {
		return c, fmt.Errorf("write the body of a command: %w", err)
	}
	c.Digest = r.digest(body)
	if c.RawDigest = c.Digest; !bytes.Equal(body, r.Body) {
		c.RawDigest = r.digest(r.Body) // as releases before made it, of the body as it came
	}
	if err := r.Caller.DenyPayload(kinds, c.Ref, c.Payload); err != nil {
		return c, err
	}
	return c, ev.RefuseFaults(c.Ref.String(), CheckAsk(c.Ref, c.Payload))
}

func (r Request) digest(body []byte) string {
	return digestOf([]byte(r.tokens()), []byte(r.Verb), body)
}

func (r Request) tokens() string {
	return ev.Ref{Kind: ev.Kind(r.Kind), Owner: r.Owner, ID: r.Name}.Tokens()
}
