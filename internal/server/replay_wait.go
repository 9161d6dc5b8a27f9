package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/projections/state"
)

// stuckAfter is how long a start waits for the next event of the log.
const stuckAfter = time.Minute

// awaitReplay waits until a log is folded in up to a sequence. Now and then it says how far that
// is, and what it waits for. A long log may take any time; but where nothing more comes
// for a while the start is given up.
func awaitReplay(ctx context.Context, log *eventlog.Log, fold *state.Live, to uint64, stuck time.Duration) error {
	at, moved := replayedSeq(fold), time.Now()
	for {
		short, cancel := context.WithTimeout(ctx, min(progressEvery, stuck))
		err := fold.Wait(short, to)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if now := replayedSeq(fold); now > at {
			at, moved = now, time.Now()
		}
		why := log.Trouble()
		if time.Since(moved) >= stuck {
			return fmt.Errorf("read the log: event %d of %d did not come for %s (%v): see to it that the NATS servers answer and that aerie's user has its rights, then start again",
				at+1, to, time.Since(moved).Round(time.Second), why)
		}
		attributes := []any{"at", at, "of", to}
		if why != nil {
			attributes = append(attributes, "trouble", why)
		}
		slog.Info("the start waits until the log is read", attributes...)
	}
}

func replayedSeq(fold *state.Live) (seq uint64) {
	fold.View(func(w *state.Entities) { seq = w.Seq })
	return seq
}
