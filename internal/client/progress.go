package client

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// progress tells how far waiting has come: on a terminal by one line that is
// written over and over, elsewhere by a line for each change of phase.
type progress struct {
	out    io.Writer
	width  int // of the terminal; 0 if out is none
	speed  float64
	began  time.Time
	phases map[events.Ref]entered
	steps  map[events.Ref]string // how far those are who are told of next
	total  int
}

// entered is the phase an entity was seen in, and since when.
type entered struct {
	phase string
	since time.Time
}

func newProgress(out io.Writer, total int, speed float64, now time.Time) *progress {
	p := &progress{out: out, speed: speed, began: now, phases: map[events.Ref]entered{}, total: total}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.width = 80
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		p.width = w
	}
	return p
}

// saw takes a look at an entity, and tells where it is unless a terminal shows it.
func (p *progress) saw(e Entity, now time.Time) {
	if e.Kind == "" || p.phases[e.Ref()].phase == e.Phase {
		return
	}
	p.phases[e.Ref()] = entered{e.Phase, now}
	if p.width == 0 {
		fmt.Fprintln(p.out, Plain(e.Ref().String()+": "+Standing(e)+p.steps[e.Ref()]))
	}
}

// news are those of the targets of whom something is told next.
func (p *progress) news(targets []Target) (refs []events.Ref) {
	var left []Target
	for _, t := range targets {
		if t.last.Kind == "" || t.done() {
			continue
		}
		left = append(left, t)
		if p.width == 0 && p.phases[t.Ref].phase != t.last.Phase {
			refs = append(refs, t.Ref)
		}
	}
	if p.width > 0 && len(left) > 0 {
		refs = append(refs, shownOf(left).Ref)
	}
	return refs
}

// shownOf chooses which of those that are waited for is shown: one that is worked on says more than one that waits.
func shownOf(left []Target) Target {
	for _, t := range left {
		if working(t.last) {
			return t
		}
	}
	return left[0]
}

// left shows what is still waited for, in place.
func (p *progress) left(left []Target, now time.Time) {
	if p.width == 0 || len(left) == 0 {
		return
	}
	shown := shownOf(left)
	line := Plain(fmt.Sprintf("%d/%d as wanted, %s: %s: %s", p.total-len(left), p.total, p.time(left, now), shown.Ref, Standing(shown.last)+p.steps[shown.Ref]))
	if runes := []rune(line); len(runes) >= p.width {
		line = string(runes[:p.width-2]) + "…"
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", line)
}

// time is how long it has taken, and how long it takes as a rule.
func (p *progress) time(left []Target, now time.Time) string {
	took := now.Sub(p.began)
	usual := took + p.remaining(left, now)
	if usual == took {
		return shortly(took)
	}
	return fmt.Sprintf("%s of about %s", shortly(took), roughly(max(usual, time.Second)))
}

// remaining is how long those of each kind take as a rule, one kind after the other: those of one wait for those of the kind
// before.
func (p *progress) remaining(left []Target, now time.Time) (all time.Duration) {
	if p.speed <= 0 {
		return 0
	}
	longest := map[events.Kind]time.Duration{}
	for _, t := range left {
		at := p.phases[t.Ref]
		if m, known := fsm.Machines[t.Ref.Kind]; known && at.phase != "" {
			d := time.Duration(float64(m.UsuallyRests(fsm.Phase(at.phase))) / p.speed)
			longest[t.Ref.Kind] = max(longest[t.Ref.Kind], d-now.Sub(at.since))
		}
	}
	for _, d := range longest {
		all += d
	}
	return all
}

// shortly is a time as people say it: 8s, 4m10s.
func shortly(d time.Duration) string { return d.Round(time.Second).String() }

// roughly is an expectation as people say it: 8s, 14m.
func roughly(d time.Duration) string {
	if d < time.Minute {
		return shortly(d)
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// end takes the line away. How long it took stays where it was shown.
func (p *progress) end(done bool, now time.Time) {
	if p.width == 0 {
		return
	}
	fmt.Fprint(p.out, "\r\x1b[K")
	if done {
		fmt.Fprintf(p.out, "%d as wanted after %s\n", p.total, shortly(now.Sub(p.began)))
	}
}
