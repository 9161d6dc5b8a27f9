// Package consent is the customer's say in what an agent does inside his network: a policy that asks people there before
// changes, freezes and pauses, a log of what was asked, done and sent, and the list of what may leave.
//
// It decides nothing of what is owed, and trusts nobody beyond the network: what sort of change a piece of work is follows from
// its effect and from what this agent has done before. Begin with Gate, then Policy. A Gate may be used from any goroutine; a nil
// one asks for nothing. What was asked and answered is in files of the agent's data directory, written before anything follows
// from it, so after a crash the same question is still open, and the same answer still holds. The commands beside the agent
// write only answers, each a file of its own, which the agent takes up.
package consent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/secrets"
)

// Gate is what an agent passes before it does something, and before it sends something.
type Gate struct {
	agent  string // owner/name
	dir    string
	policy Policy
	log    journal
	known  secrets.Known
	now    func() time.Time

	mu      sync.Mutex
	state   state
	paused  *Pause
	met     met
	keptMet ev.LogPoint       // of met: the one on disk
	begun   map[string]string // the digest of what was begun last, of each incarnation and effect: it is told once
	wakes   map[int]func()
	next    int
}

// Open reads what stands in an agent's data directory.
func Open(dir, agent string, policy Policy) (*Gate, error) {
	g := &Gate{agent: agent, dir: dir, policy: policy, now: time.Now, begun: map[string]string{}, wakes: map[int]func(){}}
	if err := makeDirs(dir); err != nil {
		return nil, fmt.Errorf("open the consent of %s: %w", agent, err)
	}
	g.log = journal{dir: logDir(dir), now: g.now} // first: what was said while nothing ran is noted below
	var err error
	if g.met, err = readMet(dir); err == nil {
		g.keptMet = g.met.Log
		g.state, err = readState(dir)
	}
	if err == nil {
		g.mu.Lock()
		_, wrong := g.look()
		g.mu.Unlock()
		if wrong != nil {
			slog.Error("not all that people here have said is known", "err", wrong)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the consent of %s: %w", agent, err)
	}
	return g, nil
}

// Secrets are those that this process has read: no text that leaves has them.
func (g *Gate) Secrets() *secrets.Known { return &g.known }

// Change is a piece of work that is about to be done.
type Change struct {
	ev.Work
	Place string // where it is owed
	Spec  int    // the revision of the entity's spec; 0: not told
	As    Class  // what it is, where the agent itself wants it; empty: it follows from the effect
}

// Held says why a change is not made now, and when to ask again.
type Held struct {
	Reason ev.Reason
	After  time.Duration // 0: when somebody answers
}

// Error is why.
func (h *Held) Error() string { return h.Reason.Message }

// May tells whether a change may be made now; a *Held says why not. A first question is written down and put to people here.
func (g *Gate) May(c Change) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	class := g.state.classOf(c)
	if g.paused != nil {
		why := fmt.Sprintf("agent %s was paused by people at its side at %s%s", g.agent, stamp(g.paused.Since), because(g.paused.Because))
		return g.hold(c, class, 0, why)
	}
	if class == Look {
		return nil
	}
	if g.met.Differs && class != Create {
		return g.hold(c, class, 0, g.whyDiffers())
	}
	if f, until := g.policy.frozen(g.now()); f != nil {
		why := fmt.Sprintf("agent %s is in a freeze of the customer's until %s%s", g.agent, stamp(until), because(f.Because))
		return g.hold(c, class, until.Sub(g.now()), why)
	}
	if !slices.Contains(g.policy.Approve, class) {
		return g.begin(c, class)
	}
	return g.ask(c, class)
}

// ask looks for an answer to a change, and puts the question if there is none.
func (g *Gate) ask(c Change, class Class) error {
	q, asked, news := g.state.question(c, class, g.now())
	if news {
		if err := g.state.write(g.dir); err != nil {
			return fmt.Errorf("ask for approval: %w", err)
		}
	}
	switch q.Answer {
	case Approved:
		return g.begin(c, class)
	case Denied:
		g.log.add(Line{What: "denied", Entity: c.Ref.String(), Effect: c.Effect, Class: class, Question: q.ID, By: q.By, Because: q.Because})
		return &Held{Reason: ev.Reason{Code: ev.Unauthorized, Fault: ev.ByUser, Denied: true,
			Message: fmt.Sprintf("people beside agent %s denied %q of %s at %s%s", g.agent, class, c.Ref, stamp(q.At), because(q.Because))}}
	}
	if asked {
		slog.Info("people here are asked to approve", "question", q.ID, "change", class, "entity", c.Ref.String(), "effect", c.Effect)
		g.log.add(Line{What: "asked", Entity: c.Ref.String(), Effect: c.Effect, Class: class, Question: q.ID, Args: c.Args})
	}
	return &Held{Reason: ev.Reason{Code: ev.Approval, Fault: ev.ByUser,
		Message: fmt.Sprintf("people beside agent %s are asked to approve %q of %s, since %s", g.agent, class, c.Ref, stamp(q.Since))}}
}

// hold keeps a change waiting for what is not about it alone.
func (g *Gate) hold(c Change, class Class, after time.Duration, why string) error {
	if !sweeps(c.Effect) && g.state.hold(c, class, why, g.now()) { // a sweep is of nobody who waits
		if err := g.state.write(g.dir); err != nil {
			return fmt.Errorf("keep a change waiting: %w", err)
		}
		g.log.add(Line{What: "held", Entity: c.Ref.String(), Effect: c.Effect, Class: class, Message: why})
	}
	return &Held{Reason: ev.Reason{Code: ev.Approval, Fault: ev.ByUser, Message: why}, After: after}
}

// begin lets a change be made, and says so once.
func (g *Gate) begin(c Change, class Class) error {
	if !sweeps(c.Effect) && g.state.release(c.Ref) {
		if err := g.state.write(g.dir); err != nil {
			return fmt.Errorf("let a change be made: %w", err)
		}
	}
	if of := begunOf(c.Work); g.begun[of] != c.Digest {
		g.begun[of] = c.Digest
		g.log.add(Line{What: "begun", Entity: c.Ref.String(), Effect: c.Effect, Class: class, Digest: c.Digest, Args: c.Args})
	}
	return nil
}

func begunOf(w ev.Work) string { return incarnation(w) + " " + w.Effect }

// Done notes that a change has come about: the same again is a repair, and another one of its kind an update.
func (g *Gate) Done(w ev.Work, outcome string) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.begun, begunOf(w))
	g.log.add(Line{What: "done", Entity: w.Ref.String(), Effect: w.Effect, Digest: w.Digest, Message: outcome})
	used := g.state.use(w)
	if !g.state.done(w) && !used {
		return
	}
	if err := g.state.write(g.dir); err != nil { // it is asked for once more then
		slog.Error("what was done is not written down", "entity", w.Ref.String(), "err", err)
	}
}

// Still forgets what waits here for who is owed nothing at a place any more, or has nothing there that is to be swept.
func (g *Gate) Still(place string, owed func(ev.Ref) bool) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.state.withdraw(place, owed) {
		return
	}
	if err := g.state.write(g.dir); err != nil {
		slog.Error("what waits for people here is not written down", "err", err)
	}
}

// WhenAnswered has a function called when somebody has answered, paused or gone on, until it is undone.
func (g *Gate) WhenAnswered(wake func()) (undo func()) {
	if g == nil {
		return func() {}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.next
	g.next++
	g.wakes[n] = wake
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.wakes, n)
	}
}

// lookEvery is how often the agent looks for answers. Both are on one disk.
const lookEvery = time.Second

// Run takes up answers until ctx ends.
func (g *Gate) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			g.Look()
		}
	}
}

// Look takes up what people have said since.
func (g *Gate) Look() {
	g.mu.Lock()
	news, err := g.look()
	g.mu.Unlock()
	if err != nil {
		slog.Error("what people here have said is not known, will look again", "err", err)
	}
	if news {
		g.wake()
	}
}

// wake has what waits looked at again.
func (g *Gate) wake() {
	g.mu.Lock()
	wakes := slices.Collect(maps.Values(g.wakes))
	g.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// look takes up answers into the state, and forgets their files once that is written.
func (g *Gate) look() (news bool, err error) {
	paused, err := readPause(g.dir)
	if err != nil { // somebody has said something: until it is known what, nothing is changed
		if g.paused == nil {
			slog.Error("a pause can't be read, and is held to", "err", err)
		}
		paused = cmp.Or(g.paused, &Pause{Since: g.now().UTC(), Because: "the file that says so can't be read"})
	}
	news = (paused == nil) != (g.paused == nil)
	g.paused = paused
	answers, unreadable := readAnswers(g.dir)
	for id, why := range unreadable { // the question stays
		g.log.add(Line{What: "unreadable", Question: id, Message: why.Error()})
		err = errors.Join(err, why, setAside(g.dir, id))
	}
	if len(answers) == 0 {
		return news, err
	}
	for _, a := range answers {
		if g.state.answer(a) {
			g.log.add(Line{What: a.Answer, Question: a.ID, By: a.By, Because: a.Because})
			continue
		}
		slog.Warn("an answer came too late: that is not asked any more", "question", a.ID, "answer", a.Answer)
		g.log.add(Line{What: "too late", Question: a.ID, By: a.By, Because: a.Because, Message: a.Answer})
	}
	if wrong := g.state.write(g.dir); wrong != nil {
		return news, errors.Join(err, wrong)
	}
	return true, errors.Join(err, forgetAnswers(g.dir, answers))
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
