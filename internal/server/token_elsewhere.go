package server

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
)

// elsewhere are uses of the local token from another machine than the server's, until they are told. The first is told at once, what
// follows once a minute. A crash loses the count of a minute.
type elsewhere struct {
	do   func(context.Context, ev.Command) (ev.Answer, error)
	news chan struct{} // has one while there is something to tell

	mu     sync.Mutex
	untold ev.UsedElsewhere
	from   string // the last one
}

// used notes that somebody came in from an address with the local token.
func (e *elsewhere) used(over, address string) {
	from, err := netip.ParseAddrPort(address)
	if err != nil || from.Addr().Unmap().IsLoopback() {
		return // without an address it is a connection within this process
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.from = from.Addr().String()
	e.add(ev.UsedElsewhere{Count: 1, Since: time.Now().UTC(), Over: over})
}

func (e *elsewhere) add(more ev.UsedElsewhere) {
	if e.untold.Count == 0 {
		e.untold.Since = more.Since
	}
	e.untold.Count, e.untold.Over = e.untold.Count+more.Count, more.Over
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// tell writes down what is told of nobody yet, until ctx ends.
func (e *elsewhere) tell(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.news:
		}
		e.write(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tellEvery):
		}
	}
}

// write makes an event of what there is to tell; of what the log does not take it is told a minute later.
func (e *elsewhere) write(ctx context.Context) {
	e.mu.Lock()
	what, from := e.untold, e.from
	e.untold = ev.UsedElsewhere{}
	e.mu.Unlock()
	slog.Warn("the local token is used from another machine", "times", what.Count, "over", what.Over, "last from", from)
	note := func() error {
		_, err := e.do(ctx, command.Internal(ev.LocalPrincipal, ev.ActorAerie, ev.NoteElsewhere{Used: what}))
		return err
	}
	err := note()
	var refused *ev.Refusal
	if errors.As(err, &refused) && refused.Code == ev.NotFound { // it need not be there
		local := ev.PrincipalSpec{Role: ev.RoleAdmin, Issuer: ev.IssuerLocal}
		_, err = e.do(ctx, command.Internal(ev.LocalPrincipal, ev.ActorAerie, ev.Create{Spec: local}))
		if err == nil || errors.As(err, &refused) && refused.Code == ev.Conflict {
			err = note()
		}
	}
	if err != nil && ctx.Err() == nil {
		slog.Warn("that the local token is used from another machine is not written down yet", "err", err)
		e.mu.Lock()
		defer e.mu.Unlock()
		later := e.untold
		e.untold = ev.UsedElsewhere{}
		e.add(what)
		if later.Count > 0 {
			e.add(later)
		}
	}
}
