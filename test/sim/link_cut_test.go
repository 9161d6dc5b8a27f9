package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/testbudget"
)

// A link is how agents reach the control plane.
type link struct {
	cut   bool
	cuts  bool      // it is cut after some more messages
	after int       // these
	back  time.Time // when it was mended
}

// loses tells whether the next message of an agent is lost.
func (l *link) loses() bool {
	if l.cuts && !l.cut {
		l.cut = l.after == 0
		l.after--
	}
	return l.cut
}

// cutFor is how long a link is cut: longer than any phase may last.
const cutFor = 2 * time.Hour

// cutIn lives the course with an agent. When somebody is first at a moment, the agent begins what is owed then, and its link is cut
// after so many of its messages.
func (l *life) cutIn(m moment, after int) {
	l.mode = ev.ModePull
	var who ev.Ref
	l.runCourse(func() {
		if who != (ev.Ref{}) {
			return
		}
		if who = l.firstAt(m); who != (ev.Ref{}) {
			l.link = link{cuts: true, after: after}
			l.begin(who)
			l.alone(cutFor)
		}
	})
	if who == (ev.Ref{}) {
		l.wrong("nobody was at %s", m)
	}
}

// alone has the agent cut off for a while. The control plane goes on.
func (l *life) alone(d time.Duration) {
	l.link.cut = true
	l.say("the link is cut")
	for end := l.now.Add(d); l.now.Before(end); {
		if slices.ContainsFunc(l.servers, func(s *server) bool { return len(s.dirty) > 0 }) || len(l.ready()) > 0 {
			l.work()
		} else {
			l.elapse(min(5*time.Minute, end.Sub(l.now)))
		}
	}
	l.say("the link is mended")
	l.link = link{back: l.now}
	for _, s := range l.servers { // Service.lookAgain
		for _, ref := range l.onOwn() {
			s.mark(ref, "")
		}
	}
}

// TestTheLinkIsCutInEachPhase cuts an agent off in each phase of each kind that stands on its dataplane, when it has just begun what is
// owed there: before its first message about it, and before its second, which says that something was made or begun. All phases would be
// over when it is back. Nothing is made twice, nobody fails by its absence, and all comes to the same end.
func TestTheLinkIsCutInEachPhase(t *testing.T) {
	every := testbudget.Of(t, testbudget.LinkCuts, 0)
	for i, m := range momentsOf(t, ev.ModePull) {
		for after := range 2 {
			if (2*i+after)%every == 0 {
				t.Run(fmt.Sprint(m, " after ", after), func(t *testing.T) {
					t.Parallel()
					judge(t, 1, simulate(t.TempDir(), 1, func(l *life) { l.cutIn(m, after) }))
				})
			}
		}
	}
}
