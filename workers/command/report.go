package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/aeriehq/aerie/events/queue"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command/places"
	"github.com/nats-io/nats.go"
)

// ServeReports takes the reports of executors until ctx ends; replicas share them.
// Only aerie's own connection may publish them: the server sees to that.
func (i *Intake) ServeReports(ctx context.Context, nc *nats.Conn) error {
	sub, err := nc.QueueSubscribe(ev.ReportPrefix+">", "aerie", func(m *nats.Msg) {
		whose := reporterOf(m)
		err := i.door(whose, func() { i.takeReport(context.WithoutCancel(ctx), m) })
		if err != nil && whose != "" { // aerie's own executors do the work again without an answer
			i.refusedReport()
			_ = m.Respond([]byte(err.Error())) // who is not answered either does his work again
		}
	})
	if err != nil {
		return fmt.Errorf("serve reports: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	return nil
}

// reporterOf is whose places a report takes: the agents of a customer have theirs together, aerie's executors take nobody's.
func reporterOf(m *nats.Msg) string {
	if sender, said := ev.SenderOf(m.Header); !said || sender == ev.ActorExecutor {
		return ""
	}
	customer, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, ev.ReportPrefix), ".") // the NATS server has seen to it that it is his
	return places.OfAgents(customer)
}

// Guard has a function say why a report may not be taken; nil if it may. It is called before ServeReports.
func (i *Intake) Guard(may func(*nats.Msg) error) { i.guard = may }

// CountRefused has a function count the reports that are refused to agents. It is called before ServeReports.
func (i *Intake) CountRefused(count func()) { i.refusedReport = count }

func (i *Intake) mayReport(m *nats.Msg) error {
	if i.guard == nil {
		return nil
	}
	return i.guard(m)
}

func (i *Intake) takeReport(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
	defer cancel()
	answer := ev.ReportTaken
	started, err := false, i.mayReport(m)
	if err == nil {
		started, err = i.report(ctx, m.Subject, m.Data)
	}
	switch {
	case started:
		answer = ev.CreateCounted
	case err != nil:
		_, agents := m.Header[ev.HeaderRequestInfo]
		if agents {
			i.refusedReport()
		}
		slog.Log(ctx, reportLevel(err, agents), "report not taken", "subject", m.Subject, "err", err)
		answer = err.Error()
	}
	if err := m.Respond([]byte(answer)); err != nil {
		slog.Warn("report not acknowledged", "subject", m.Subject, "err", err)
	}
}

// reportLevel is how bad it is that a report was not taken: what cannot be taken now comes again, and what an agent does wrong
// is no error of ours.
func reportLevel(err error, agents bool) slog.Level {
	var r *ev.Refusal
	if errors.As(err, &r) && r.Code != ev.Internal && (agents || r.Code == ev.Unavailable) {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// reportSubject is where the executor reports that now works for an entity; ""
// if nobody does.
func (i *Intake) reportSubject(ref ev.Ref) (subject string) {
	i.fold.View(func(w *state.Entities) {
		if e, ok := w.Get(ref); ok {
			owed := fsm.Machines[ref.Kind].Owed(e)
			if _, waits := owed.(fsm.WaitFor); owed != nil && !waits {
				place := queue.PlaceOf(owed)
				subject = ev.ReportSubject(place.Owner, place.Dataplane, ref)
			}
		}
	})
	return subject
}

// report takes one report, and says whether it started a create.
func (i *Intake) report(ctx context.Context, subject string, data []byte) (started bool, err error) {
	var r ev.ExecutorReport
	if err := json.Unmarshal(data, &r); err != nil {
		return false, fmt.Errorf("read report: %w", err)
	}
	bound(&r)
	if faults := r.Ref.Check(); len(faults) > 0 {
		return false, fmt.Errorf("read report: %s", faults[0].Message)
	}
	if t := strings.SplitN(strings.TrimPrefix(subject, ev.ReportPrefix), ".", 3); len(t) < 3 || subject != ev.ReportSubject(t[0], t[1], r.Ref) {
		return false, fmt.Errorf("read report: %s is not what %s is about", r.Ref, ev.Truncate(subject))
	}
	if err := i.fold.WaitRevision(ctx, r.Revision); err != nil {
		return false, fmt.Errorf("read report: %w", err)
	}
	if r.Saw != nil || r.Swept != nil || r.Catalogue != nil {
		return false, i.observed(ctx, subject, r)
	}
	if own := i.reportSubject(r.Ref); own != "" && own != subject {
		return false, fmt.Errorf("read report: %s is for %s to report", r.Ref, own)
	}
	ask := ev.Report{UID: r.UID, Digest: r.Digest, Failure: r.Failure, Calls: r.Calls, Every: r.Every}
	if r.Outcome != "" {
		if ask.Outcome, err = ReportedOutcome(r); err != nil {
			return false, fmt.Errorf("read report: %w", err)
		}
	}
	answer, err := i.SubmitCommand(ctx, Internal(r.Ref, ev.ActorExecutor, ask))
	_, create := ask.Outcome.(ev.CreateStarted)
	return err == nil && create && len(answer.Events) > 0, err
}

// ReportedOutcome reads the event that is reported, and puts the calls into it.
func ReportedOutcome(r ev.ExecutorReport) (ev.Event, error) {
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
	return nil, fmt.Errorf("%s has no event %q", r.Ref.Kind.A(), ev.Truncate(r.Outcome))
}
