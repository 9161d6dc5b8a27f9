package server

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progressEvery is how often a fold says how far it is where there is no terminal.
const progressEvery = 5 * time.Second

// ReplayProgress tells how far a fold of the log has come: a bar on a terminal, else a
// line now and then. A short log says nothing.
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
