package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
)

// tellEvery is how often it is told of one caller that he asked what he may not.
const tellEvery = time.Minute

// attempts are those who asked what they may not, until it is told. The first of a caller is told at once, what follows once a
// minute: so nobody can fill the log. A crash loses the count of a minute.
type attempts struct {
	do    func(context.Context, ev.Command) (ev.Answer, error)
	refOf func(actor string) (ev.Ref, bool)
	count func(ev.Role)
	first chan string // who is new; what has no room there is told with the minute

	mu     sync.Mutex
	untold map[string]ev.AttemptsRefused // by actor; with nothing to tell of who was told of in this minute
}

// refused notes that somebody asked what he may not.
func (a *attempts) refused(c ev.Caller, verb string, k ev.Kind) {
	a.count(c.Role)
	if _, known := a.refOf(c.Actor); !known { // nobody of whom the log tells
		return
	}
	slog.Info("attempt refused", "actor", c.Actor, "verb", ev.Truncate(verb), "kind", ev.Truncate(string(k)))
	if _, known := ev.KindOf(string(k)); !known {
		k = ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	told, known := a.untold[c.Actor]
	if told.Count == 0 {
		told.Since = time.Now().UTC()
	}
	told.Count, told.Verb, told.Kind = told.Count+1, ev.Truncate(verb), k
	a.untold[c.Actor] = told
	if !known {
		select {
		case a.first <- c.Actor:
		default:
		}
	}
}

// tell writes down what is told of nobody yet, until ctx ends.
func (a *attempts) tell(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case actor := <-a.first:
			a.write(ctx, actor)
		case <-tick.C:
			a.flush(ctx)
		}
	}
}

// flush tells of all of whom there is something to tell, and forgets the others.
func (a *attempts) flush(ctx context.Context) {
	a.mu.Lock()
	var actors []string
	for actor, told := range a.untold {
		if told.Count == 0 {
			delete(a.untold, actor)
			continue
		}
		actors = append(actors, actor)
	}
	a.mu.Unlock()
	for _, actor := range actors {
		a.write(ctx, actor)
	}
}

func (a *attempts) write(ctx context.Context, actor string) {
	a.mu.Lock()
	what := a.untold[actor]
	a.untold[actor] = ev.AttemptsRefused{}
	a.mu.Unlock()
	ref, known := a.refOf(actor)
	if !known || what.Count == 0 {
		return
	}
	if _, err := a.do(ctx, command.Internal(ref, ev.ActorAerie, ev.NoteAttempts{Refused: what})); err != nil && ctx.Err() == nil {
		slog.Warn("refused attempts are not written down", "actor", actor, "attempts", what.Count, "err", err)
	}
}
