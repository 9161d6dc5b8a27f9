package bench

import (
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// meter tells how far a benchmark is: a line for each round, and on a terminal a
// bar below them.
type meter struct {
	out  io.Writer     // the lines go here; on a terminal, above the bar
	bars *mpb.Progress // nil if out is no terminal
	bar  *mpb.Bar
}

func newMeter(out io.Writer) *meter {
	m := &meter{out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		m.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(30))
		m.out = m.bars
	}
	return m
}

// begin starts a bar of a new part of the run, in place of the last one.
func (m *meter) begin(part string, total int) {
	if m.bars == nil {
		return
	}
	m.drop()
	m.bar = m.bars.AddBar(int64(total), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(part+" "), decor.CountersNoUnit("%d/%d ")))
}

// add moves the bar. It is safe for concurrent use.
func (m *meter) add(n int) {
	if m.bar != nil {
		m.bar.IncrBy(n)
	}
}

// say prints a line.
func (m *meter) say(format string, args ...any) { fmt.Fprintf(m.out, format+"\n", args...) }

func (m *meter) drop() {
	if m.bar != nil {
		m.bar.Abort(true)
		m.bar = nil
	}
}

// end takes the bar away; the lines stay.
func (m *meter) end() {
	m.drop()
	if m.bars != nil {
		m.bars.Wait()
	}
}
