package command

import (
	"errors"
	"log/slog"
	"slices"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// unfit is the refusal of a command whose decision cannot be appended, now or ever.
func unfit(err error) error {
	var large *eventlog.TooLargeError
	switch {
	case errors.As(err, &large):
		slog.Warn("a command is too large", "err", err)
		return ev.RefuseFaults("command", []ev.FieldError{{Field: "body", Message: large.Error() + ": make the spec or the labels smaller"}})
	case errors.Is(err, eventlog.ErrConflict):
		return unavailable(err)
	}
	slog.Error("a command cannot be appended", "err", err)
	return ev.Refuse(ev.Internal, "the log rejects the events of this command")
}

// takeApart decides a round again in two halves that are appended one after the other, since the log does not take
// something in it: whoever is left alone with that is refused, and nobody else.
func (l *pipeline) takeApart(r *round, err error) {
	decisions := r.decisions()
	if len(decisions) > 1 {
		slog.Warn("a round is taken apart", "decisions", len(decisions), "err", err)
		l.most = len(decisions) / 2
		l.again(r)
		return
	}
	guilty := decisions[0]
	guilty.reply <- Outcome{Err: unfit(err)}
	r.jobs = slices.DeleteFunc(r.jobs, func(j *job) bool { return j == guilty })
	l.again(r) // the others may have been answered from what is not to be
}

// decisions are the jobs of a round that cause something.
func (r *round) decisions() (all []*job) {
	for _, j := range r.jobs {
		if len(j.recorded) > 0 {
			all = append(all, j)
		}
	}
	return all
}

// halved tells whether a round has as many decisions as it may have while one is taken apart.
func (l *pipeline) halved() bool { return l.most > 0 && len(l.open.decisions()) >= l.most }
