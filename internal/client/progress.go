package client

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/aeriehq/aerie/events"
)

// progress tells how far waiting has come: a line for each change of phase, and
// on a terminal a bar below them.
type progress struct {
	out    io.Writer // the lines go here; on a terminal, above the bar
	phases map[events.Ref]string
	total  int
	bars   *mpb.Progress // nil if out is no terminal
	bar    *mpb.Bar

	mu  sync.Mutex // guards now: the bar draws itself
	now string     // one of those that are waited for
}

func newProgress(out io.Writer, total int) *progress {
	p := &progress{out: out, phases: map[events.Ref]string{}, total: total}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(30))
		p.bar = p.bars.AddBar(int64(total), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.CountersNoUnit("%d/%d as wanted ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.next() })))
		p.out = p.bars
	}
	return p
}

func (p *progress) next() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// saw tells a change of phase.
func (p *progress) saw(e Entity) {
	if e.Kind == "" || p.phases[e.Ref()] == e.Phase {
		return
	}
	p.phases[e.Ref()] = e.Phase
	fmt.Fprintln(p.out, Plain(e.Ref().String()+": "+standing(e)))
}

// left says what is still waited for.
func (p *progress) left(left []Target) {
	p.mu.Lock()
	p.now = ""
	if len(left) > 0 {
		p.now = events.Truncate(" " + Plain(left[0].Ref.String()+": "+standing(left[0].last)))
	}
	p.mu.Unlock()
	if p.bar != nil {
		p.bar.SetCurrent(int64(p.total - len(left)))
	}
}

// end takes the bar away; the lines stay.
func (p *progress) end() {
	if p.bar == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
}
