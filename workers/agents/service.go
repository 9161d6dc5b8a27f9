// Package agents is the control plane's side of the channel to agents: who they are, where they may work, and what is owed
// there.
//
// It does no work, and decides nothing but who holds a lease: what changes an agent is a command to the intake. Begin with
// Service. Its methods may be called from any goroutine. What is owed is answered from the fold, by an index of places, so
// there is nothing to lose in a crash; leases end with the process, and are taken again within a minute.
package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// Service answers agents. Make it before the fold follows the log; Serve and Watch start it.
type Service struct {
	intake *command.Intake
	fold   *state.Live
	clock  clock.Clock
	door   Door

	active   atomic.Bool // there is an agent: before, nobody asks what is owed
	owed     index
	leases   leases
	keys     keys
	built    built
	changes  changes
	lines    *lines
	surveys  surveys
	findings *findings
	effects  []string     // that this control plane may owe
	charts   charts       // of the server's own
	back     func(ev.Ref) // has somebody looked at whose agent has come back
	refused  func()       // counts what agents were refused
	spend    func(actor, customer string, bytes int) error
	told     map[ev.Ref]string // the session without a lease of which there is an event, of each agent
	telling  sync.Mutex
	caught   sync.WaitGroup
}

// Door is the NATS server, as far as agents are concerned. A user is an agent, by the name of ev.AgentActor.
type Door struct {
	Evict   func(user string, began time.Time)  // ends the connections of a user that were begun until then
	IsThere func(user string, conn uint64) bool // tells whether a user has a connection of that number
}

// New makes a service.
func New(intake *command.Intake, fold *state.Live, clock clock.Clock, door Door) *Service {
	s := &Service{intake: intake, fold: fold, clock: clock, door: door, owed: newIndex(), leases: newLeases(), keys: newKeys(),
		built: newBuilt(), changes: newChanges(), lines: newLines(), findings: newFindings(),
		back: func(ev.Ref) {}, refused: func() {}, spend: func(string, string, int) error { return nil }, told: map[ev.Ref]string{}}
	fold.Watch(s.see)
	return s
}

// Expect says which effects may be owed: who does not know them all is behind. It is called before Serve.
func (s *Service) Expect(effects []string) { s.effects = effects }

// CountRefused has a function count what agents are refused here. It is called before Serve.
func (s *Service) CountRefused(count func()) { s.refused = count }

// SpendBy has a function take each question and each report off an agent's budget, or refuse it. It is called before Serve.
func (s *Service) SpendBy(spend func(actor, customer string, bytes int) error) { s.spend = spend }

// WhenBack has a function look at an entity that is owed something where an agent has come back. It is called before Serve.
func (s *Service) WhenBack(look func(ev.Ref)) { s.back = look }

// see keeps the index of what is owed, and cuts off who has no right any more. It is called under the fold's lock.
func (s *Service) see(w *state.Entities, decision []ev.Recorded, _ bool) {
	for _, r := range decision {
		s.built.see(r)
		s.changes.see(r)
		if r.Ref.Kind == ev.Agent {
			s.keys.see(r)
		}
		s.findings.see(r)
		switch {
		case r.Ref.Kind == ev.Agent && !s.active.Swap(true):
			s.all(w)
		case r.Ref.Kind == ev.Agent:
			s.cut(r)
		case s.active.Load() && fsm.HandsOver(r.Event):
			for _, ref := range w.On(r.Ref) {
				s.owed.put(ref, owedBy(w, ref))
			}
		case s.active.Load():
			s.owed.put(r.Ref, owedBy(w, r.Ref))
		}
	}
}

// all begins the index.
func (s *Service) all(w *state.Entities) {
	for _, ref := range w.Owing() {
		s.owed.put(ref, owedBy(w, ref))
	}
}

// cut ends the connections of an agent whose rights have changed: it comes back with those that it has now, if any. One whose
// log was accepted comes back to hear that.
func (s *Service) cut(r ev.Recorded) {
	switch r.Event.(type) {
	case ev.AgentRevoked, ev.Updated[ev.AgentSpec], ev.Deleted, ev.Joined, ev.DifferenceAccepted:
		user, now := ev.AgentActor(r.Ref.Owner, r.Ref.ID), time.Now() // who begins a connection from now on finds this in the fold
		s.leases.end(r.Ref)
		s.caught.Go(func() { s.door.Evict(user, now) }) // not under the fold's lock
	}
}

// owedBy is the place of the agent that an entity's work is for; false if there is none.
func owedBy(w *state.Entities, ref ev.Ref) *queue.Partition {
	e, ok := w.Get(ref)
	if !ok {
		return nil
	}
	duty := fsm.DutyOf(e, w.Get)
	if duty.Owed == nil || duty.By != fsm.ByAgent {
		return nil
	}
	place := queue.PlaceOf(duty.Owed)
	return &place
}

// Serve has agents answered until ctx ends, and returns at once. What is answered from the fold is answered one after the other;
// what has to be in the log first is answered beside that. The fold must have seen all that the log held at the start.
func (s *Service) Serve(ctx context.Context, nc *nats.Conn) error {
	s.fold.View(func(w *state.Entities) {
		w.Each(ev.Agent, func(e fsm.Entity[fsm.Data]) {
			s.active.Store(true)
			s.keys.put(e.Ref, e.Data.(fsm.AgentData).Key)
		})
		w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) { s.built.put(e.Ref, e.Data.(fsm.DataplaneData).Spec) })
		s.changes.begin(w.Seq)
		if s.active.Load() {
			s.all(w)
		}
	})
	sub, err := nc.QueueSubscribe(ev.AgentPrefix+"*.*.*", "aerie", func(m *nats.Msg) {
		if err := s.take(context.WithoutCancel(ctx), m); err != nil {
			s.refused()
			_ = m.Respond([]byte(err.Error())) // no JSON, so that nobody takes it for an answer
		}
	})
	if err != nil {
		return fmt.Errorf("serve agents: %w", err)
	}
	context.AfterFunc(ctx, func() {
		_ = sub.Unsubscribe()
		s.caught.Wait()
	})
	return nil
}

// take has a question answered, or says why it is not. Questions of one agent are answered in the order in which they come.
func (s *Service) take(ctx context.Context, m *nats.Msg) error {
	t := strings.Split(m.Subject, ".")
	owner, place, what := t[2], t[3], t[4]
	agent := agentRef(owner, place)
	if actor, known := ev.SenderOf(m.Header); known {
		if err := s.spend(actor, owner, len(m.Data)); err != nil {
			return err
		}
		if own, is := agentOf(actor); is {
			agent = own
		}
	}
	waits, answer := s.read(ctx, m, owner, place, what)
	if answer == nil {
		return nil
	}
	return s.lines.ask(agent, waits, len(m.Data), func() {
		data, err := json.Marshal(answer())
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			slog.Warn("agent not answered", "subject", m.Subject, "err", err)
		}
	})
}

// read reads a question, and returns how to answer it, and whether that waits for the log; nil if it is none. Who may ask it
// has been seen to by the NATS server, by its subject.
func (s *Service) read(ctx context.Context, m *nats.Msg, owner, place, what string) (waits bool, answer func() any) {
	at := queue.Partition{Owner: owner, Dataplane: place}
	switch what {
	case ev.AskOwed:
		var q ev.OwedQuestion
		_ = json.Unmarshal(m.Data, &q) // an empty question asks for the first page
		var over *ev.HandoverStarted
		if q.Idle {
			over = s.toEnd(m, owner, place)
		}
		return over != nil, func() any {
			if over != nil {
				s.idle(ctx, owner, place, over)
			}
			return s.owedAt(at, q)
		}
	case ev.AskStands:
		var q ev.StandsQuestion
		_ = json.Unmarshal(m.Data, &q)
		return false, func() any { return s.standsAt(at, q) }
	case ev.AskEnded:
		var q ev.EndedQuestion
		_ = json.Unmarshal(m.Data, &q)
		return false, func() any {
			a := s.endedOf(at, q)
			if a.Error != "" {
				s.refused()
			}
			return a
		}
	case ev.AskSurveyed:
		var a ev.Surveyed
		if err := json.Unmarshal(m.Data, &a); err != nil {
			return false, func() any { return ev.SurveyTaken{Error: err.Error()} }
		}
		return false, func() any { return s.surveys.take(at, a) }
	case ev.AskChart:
		var q ev.ChartQuestion
		_ = json.Unmarshal(m.Data, &q) // no digest is no chart's
		return false, func() any {
			a := s.charts.piece(q)
			if a.Error != "" {
				s.refused()
			}
			return a
		}
	case ev.AskSeen:
		waits, seen := s.seen(ctx, m, agentRef(owner, place))
		return waits, func() any { return seen() }
	case ev.AskJoin:
		return true, func() any { return s.join(ctx, m, agentRef(owner, place)) }
	}
	return false, nil
}

// agentRef is the agent whose own place that is.
func agentRef(owner, place string) ev.Ref {
	return ev.Ref{Kind: ev.Agent, Owner: owner, ID: strings.TrimPrefix(place, ev.AgentPlace(""))}
}

// placesOf is where an agent works.
func placesOf(w *state.Entities, e fsm.Entity[fsm.Data]) []string {
	return fsm.AgentPlaces(e.Ref.Owner, e.Data.(fsm.AgentData), func(dp ev.Ref) (string, bool) {
		on, ok := w.Get(dp)
		if !ok {
			return "", false
		}
		acc, faults := ev.ParseRef(ev.Account, on.Data.(fsm.DataplaneData).Spec.Account)
		return acc.ID, len(faults) == 0 && acc.Owner == e.Ref.Owner
	})
}

// join takes the key of an agent that has shown its secret to the door. The secret's hash is what the door has named the
// connection by.
func (s *Service) join(ctx context.Context, m *nats.Msg, ref ev.Ref) (a ev.JoinAnswer) {
	var q ev.JoinQuestion
	caller, err := CallerOf(m)
	if err == nil {
		err = json.Unmarshal(m.Data, &q)
	}
	secret, joins := strings.CutPrefix(caller.User, joinUser(ref, ""))
	if err != nil || !joins || !isUserKey(q.Key) {
		return ev.JoinAnswer{Error: "a key is wanted, of who has a token"}
	}
	ask := ev.Join{Secret: secret, Key: q.Key, At: time.Now().UTC()}
	if err := s.do(ctx, command.Internal(ref, ev.ActorAerie, ask)); err != nil {
		var r *ev.Refusal
		return ev.JoinAnswer{Error: err.Error(), Again: !errors.As(err, &r) || r.Retryable}
	}
	held := ""
	s.fold.View(func(w *state.Entities) {
		if e, ok := w.Get(ref); ok {
			held = e.Data.(fsm.AgentData).Key
		}
	})
	if held != q.Key {
		slog.Warn("a used token came again with another key", "agent", ref.String(), "key", q.Key)
		return ev.JoinAnswer{Error: "this token was used, by another key: ask for another one"}
	}
	return a
}

// IsThere tells whether an agent has the lease of a place now.
func (s *Service) IsThere(place queue.Partition) bool { return s.leases.covers(place, time.Now()) }

func (s *Service) do(ctx context.Context, c ev.Command) error {
	ctx, cancel := context.WithTimeout(ctx, command.AnswerTimeout)
	defer cancel()
	answer, err := s.intake.SubmitCommand(ctx, c)
	if err != nil {
		return err
	}
	return s.fold.Wait(ctx, answer.Seq)
}
