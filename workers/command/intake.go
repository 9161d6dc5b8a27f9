// Package command is the way into the log: it takes commands from people, from the queue and from the other workers, decides
// each on the live state, and appends what it changes.
//
// It calls no cloud and no cluster, and it does not say what a command may do: package fsm decides that. Begin with Intake,
// then group_commit.go, which is its loop: commands are decided one after the other and appended many at once. The methods of
// an Intake may be called from any goroutine; only Run decides. A command is answered when its events are durable. After a
// crash the same command with the same id gets the answer that it had, or is decided now, once: dedup.go looks for it.
package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"
	"golang.org/x/time/rate"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command/places"
)

// Intake decides commands, one after the other, on the live fold and on what it has
// decided already, and appends what they change: together what came in while the
// append before was on its way to the disk. It is safe for concurrent use.
type Intake struct {
	log           *eventlog.Log
	fold          *state.Live
	kinds         *ev.Registry
	read          func(context.Context, uint64) (ev.Recorded, error) // of the log
	ids           oldIDs
	people        chan *job // what people ask
	machinery     chan *job // what the dispatcher and executors ask: neither keeps the other waiting
	contention    *contention
	refusals      *rate.Limiter  // how many refusals are written down
	ended         chan struct{}  // closed when Run has
	places        *places.Room   // of commands, reports and strays that are being answered; a report that finds none is made again
	answering     sync.WaitGroup // those messages
	next          chan func()    // the answer to one, for a goroutine that rests
	resting       chan struct{}  // those goroutines
	relayed       bool           // queued commands say who gave them
	take          func(m *nats.Msg, caller ev.Caller)
	callers       func(actor string) (ev.Caller, bool) // nil: NATS does not say who sends a message
	denied        func(c ev.Caller, verb string, k ev.Kind)
	spend         func(c ev.Caller, bytes int) error // takes a message off its sender's budget, or refuses it
	look          Survey                             // nil: nobody looks into clusters
	guard         func(*nats.Msg) error              // says why a report may not be taken; nil: any may
	refusedReport func()                             // counts the reports that are refused to agents
	count         func(code string, took time.Duration)
	rounds        func(commands, events int, took time.Duration)
	watch         *liveness.Loop
	givenUp       func()        // counts the queued commands that are given up
	missed        atomic.Uint64 // how many rounds were not appended, though nothing was wrong with them
}

// queued is how many commands may wait for the intake before callers wait too.
const queued = 1024

// mostResting is how many goroutines wait for a message to answer.
const mostResting = 64

// refusalsASecond bounds how fast refused commands may fill the log, for ever.
const refusalsASecond = 50

// NewIntake makes an intake and lets it watch the fold, which must not follow the log
// yet; Run starts it. Requests are read by the given kinds.
func NewIntake(log *eventlog.Log, fold *state.Live, kinds *ev.Registry) *Intake {
	r := newContention()
	fold.Watch(r.see)
	i := &Intake{contention: r, log: log, read: log.Read, fold: fold, kinds: kinds,
		people: make(chan *job, queued), machinery: make(chan *job, queued),
		refusals: rate.NewLimiter(refusalsASecond, 10*refusalsASecond),
		ended:    make(chan struct{}), places: places.New(queued, queued/4), next: make(chan func()), resting: make(chan struct{}, mostResting),
		count:   func(string, time.Duration) {},
		givenUp: func() {}, denied: func(ev.Caller, string, ev.Kind) {}, spend: func(ev.Caller, int) error { return nil },
		refusedReport: func() {},
		rounds:        func(int, int, time.Duration) {}}
	i.ids.every = indexEvery
	return i
}

// Count lets a function count the answers of SubmitRequest by their code, and how long each took, from several goroutines at
// once; it is set before Serve.
func (i *Intake) Count(count func(code string, took time.Duration)) { i.count = count }

// KnowCallers has commands over NATS judged by who sent them, whom the NATS server has let in under a name; a function says
// who that is now. Without it NATS servers are somebody else's, and who may publish there is an admin. It is set before Serve.
func (i *Intake) KnowCallers(callers func(actor string) (ev.Caller, bool)) {
	i.callers, i.relayed = callers, true
}

// TrustQueue has queued commands say who gave them: nobody but aerie itself puts any in. It is set before TakeQueue.
func (i *Intake) TrustQueue() { i.relayed = true }

// CountDenied lets a function count who asked over NATS what he may not; it is set before Serve.
func (i *Intake) CountDenied(count func(c ev.Caller, verb string, k ev.Kind)) { i.denied = count }

// SpendBy has a function take each command over NATS off its sender's budget, or refuse it; it is set before Serve.
func (i *Intake) SpendBy(spend func(c ev.Caller, bytes int) error) { i.spend = spend }

// CountRounds lets a function count what is appended together: how many commands and events, and how long it took until it
// was durable and folded in. It is set before Run.
func (i *Intake) CountRounds(count func(commands, events int, took time.Duration)) { i.rounds = count }

// WatchedBy has the intake say how it goes on. It is called before Run.
func (i *Intake) WatchedBy(l *liveness.Loop) { i.watch = l }

// roundWithin is how long a round takes at most, or the intake stands still: an append and the wait for what others
// appended each end by themselves before.
const roundWithin = 30 * time.Second

// CountGivenUp lets a function count the queued commands that are given up; it is set before TakeQueue.
func (i *Intake) CountGivenUp(count func()) { i.givenUp = count }

// Run decides commands until ctx ends. What is on its way to the disk then is
// answered; who waits besides is told to ask again.
func (i *Intake) Run(ctx context.Context) {
	defer close(i.ended)
	l := pipeline{Intake: i, open: &round{}}
	defer l.confirming.Wait()
	deciding, appending := i.watch.Step("a decision", roundWithin), i.watch.Step("an append to the log", roundWithin)
	defer deciding.Drop()
	defer appending.Drop()
	for {
		if l.inFlight == nil {
			deciding.Begin()
			l.flush(ctx)
			deciding.End()
			if l.inFlight != nil {
				appending.Begin()
			}
		}
		people, machinery := l.sources()
		select {
		case j := <-people:
			deciding.Begin()
			l.decide(j)
			deciding.End()
		case j := <-machinery:
			deciding.Begin()
			l.decide(j)
			deciding.End()
		case err := <-l.inFlight.completed():
			l.complete(ctx, err)
			appending.End()
		case <-ctx.Done():
			if l.inFlight != nil {
				l.complete(ctx, <-l.inFlight.done)
			}
			return
		}
	}
}

// SubmitCommand decides a command and answers when its events are durable and folded in.
// The error is an *events.Refusal. If ctx ends first, the command may be done all the same: ask again with the same id.
func (i *Intake) SubmitCommand(ctx context.Context, c ev.Command) (ev.Answer, error) {
	if closed := i.log.Closed(); closed != nil {
		return ev.Answer{}, closedFor(closed)
	}
	a, err := i.submit(ctx, c)
	closed := i.log.Closed()
	var r *ev.Refusal
	if errors.Is(closed, filestore.ErrGone) || closed != nil && errors.As(err, &r) && r.Code == ev.Unavailable {
		return ev.Answer{}, closedFor(closed)
	}
	return a, err
}

// closedFor tells why the log takes nothing: whoever asks may be able to mend it.
func closedFor(reason error) error {
	return ev.Refuse(ev.Unavailable, "the log takes no commands: %v. Then ask again with the same id", reason)
}

func (i *Intake) submit(ctx context.Context, c ev.Command) (ev.Answer, error) {
	before, err := i.longAgo(ctx, c)
	switch {
	case err != nil:
		return ev.Answer{}, unavailable(err)
	case before > 0:
		return i.answerAgain(ctx, c, before)
	}
	j := &job{command: c, given: time.Now(), reply: make(chan Outcome, 1)}
	if err := i.queue(ctx, j); err != nil {
		return ev.Answer{}, unavailable(err)
	}
	select {
	case o := <-j.reply:
		if o.Before > 0 {
			return i.answerAgain(ctx, c, o.Before)
		}
		return o.Answer, o.Err
	case <-i.ended:
		return ev.Answer{}, unavailable(errEnded)
	case <-ctx.Done():
		return ev.Answer{}, unavailable(ctx.Err())
	}
}

// queue has a command decided after those that wait.
func (i *Intake) queue(ctx context.Context, j *job) error {
	queue := i.people
	if j.command.Internal {
		queue = i.machinery
	}
	select {
	case queue <- j:
		return nil
	case <-i.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errEnded = errors.New("the intake has ended")

// unavailable hides the cause from the caller, who can only ask again, and logs it. That
// there is no room is told.
func unavailable(cause error) error {
	slog.Warn("command not answered", "cause", cause)
	if errors.Is(cause, eventlog.ErrNoRoom) {
		return closedFor(eventlog.ErrNoRoom)
	}
	return ev.Refuse(ev.Unavailable, "the log did not take the command in time: ask again with the same id")
}

// wouldBe answers a dry run: the events that would happen, without sequences.
func wouldBe(c ev.Command, e fsm.Entity[fsm.Data], changes []ev.Change) ev.Answer {
	var decision []ev.Recorded
	for _, ch := range changes {
		for _, happened := range ch.Events {
			r := ev.Recorded{Ref: ch.Ref, Seq: e.Seq, Event: happened, Envelope: ev.Envelope{Time: c.Time}}
			decision = append(decision, r)
			if ch.Ref == c.Ref {
				e, _ = fsm.Machines[c.Ref.Kind].Apply(e, r) // it was tried when it was decided
			}
		}
	}
	a := fsm.AnswerOf(c.ID, e.Answer(), decision)
	for i := range a.Events {
		a.Events[i].Seq = 0
	}
	return a
}

// envelope says who, when and why. What the machinery does is part of the story
// that the entity's last event is part of.
func envelope(c ev.Command, b fsm.Base) ev.Envelope {
	e := ev.Envelope{Time: c.Time, Actor: c.Actor, CommandID: c.ID, CausationID: c.CausationID,
		CorrelationID: c.CorrelationID, Digest: c.Digest, TraceParent: c.TraceParent, Internal: c.Internal}
	if c.Internal {
		e.CorrelationID = b.CorrelationID
		if e.CausationID == "" {
			e.CausationID = b.LastEventID
		}
		return e
	}
	e.CausationID, e.CorrelationID = c.ID, c.ID
	return e
}

// catchUp waits until the fold has seen all that the log holds.
func (i *Intake) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), AnswerTimeout)
	defer cancel()
	return i.Reach(ctx)
}

// Reach has the fold reach the end of the log as it is now, or returns why it did not before ctx ended.
func (i *Intake) Reach(ctx context.Context) error {
	last, err := i.log.Last(ctx)
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	return i.fold.Wait(ctx, last)
}

// Internal makes a command of the machinery.
func Internal(ref ev.Ref, actor string, ask ev.Payload) ev.Command {
	return ev.Command{ID: ulid.Make().String(), Ref: ref, Actor: actor, Internal: true, Time: time.Now().UTC(), Payload: ask}
}

// digestOf tells a repeat of a command from another one with the same id.
func digestOf(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
