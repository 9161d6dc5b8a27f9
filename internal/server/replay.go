package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/projections/state"
)

// progressEvery is how often a fold says how far it is where there is no terminal.
const progressEvery = 5 * time.Second

// ReplayProgress tells how far a fold of the log has come: a bar on a terminal, else a
// line now and then. A short log says nothing. Its methods are called from one goroutine.
type ReplayProgress struct {
	out  io.Writer
	to   uint64
	said time.Time
	bars *mpb.Progress // nil if out is no terminal
	bar  *mpb.Bar
}

// NewReplayProgress begins at one sequence and ends at another.
func NewReplayProgress(out io.Writer, from, to uint64) *ReplayProgress {
	p := &ReplayProgress{out: out, to: to, said: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(30))
		p.bar = p.bars.AddBar(int64(to), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.CountersNoUnit("%d/%d events ")))
		p.bar.SetCurrent(int64(from))
	}
	return p
}

// At says that the replay has come to a sequence.
func (p *ReplayProgress) At(seq uint64) {
	switch {
	case p.bar != nil:
		p.bar.SetCurrent(int64(min(seq, p.to)))
	case time.Since(p.said) >= progressEvery:
		p.said = time.Now()
		fmt.Fprintf(p.out, "folded %d of %d events\n", seq, p.to)
	}
}

// End takes the bar away.
func (p *ReplayProgress) End() {
	if p.bar == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
}

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
