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
	"fmt"
	"log/slog"
	"slices"
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

	active  atomic.Bool // there is an agent: before, nobody asks what is owed
	owed    index
	leases  leases
	keys    keys
	built   built
	changes changes
	effects []string     // that this control plane may owe
	back    func(ev.Ref) // has somebody looked at whose agent has come back
	refused func()       // counts what agents were refused
	spend   func(actor, customer string, bytes int) error
	told    map[ev.Ref]string // the session without a lease of which there is an event, of each agent
	telling sync.Mutex
	caught  sync.WaitGroup
}

// Door is the NATS server, as far as agents are concerned. A user is an agent, by the name of ev.AgentActor.
type Door struct {
	Evict   func(user string)                   // ends the connections of a user
	IsThere func(user string, conn uint64) bool // tells whether a user has a connection of that number
}

// New makes a service.
func New(intake *command.Intake, fold *state.Live, clock clock.Clock, door Door) *Service {
	s := &Service{intake: intake, fold: fold, clock: clock, door: door, owed: newIndex(), leases: newLeases(), keys: newKeys(),
		built: newBuilt(), changes: newChanges(),
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
		user := ev.AgentActor(r.Ref.Owner, r.Ref.ID)
		s.leases.end(r.Ref)
		s.caught.Go(func() { s.door.Evict(user) }) // not under the fold's lock
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

// Serve has agents answered until ctx ends, and returns at once. They are answered one after the other: one that waits for the
// intake, for ten seconds at most, keeps the others waiting. The fold must have seen all that the log held at the start.
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
		t := strings.Split(m.Subject, ".")
		if actor, known := ev.SenderOf(m.Header); known {
			if err := s.spend(actor, t[2], len(m.Data)); err != nil {
				s.refused()
				_ = m.Respond([]byte(err.Error())) // no JSON, so that nobody takes it for an answer
				return
			}
		}
		s.answer(context.WithoutCancel(ctx), m, t[2], t[3], t[4])
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

// answer answers one question. Who may ask it has been seen to by the NATS server, by its subject.
func (s *Service) answer(ctx context.Context, m *nats.Msg, owner, place, what string) {
	var out any
	switch what {
	case ev.AskOwed:
		var q ev.OwedQuestion
		_ = json.Unmarshal(m.Data, &q) // an empty question asks for the first page
		if q.Idle {
			s.idle(ctx, m, owner, place)
		}
		out = s.owedAt(queue.Partition{Owner: owner, Dataplane: place}, q)
	case ev.AskStands:
		var q ev.StandsQuestion
		_ = json.Unmarshal(m.Data, &q)
		out = s.standsAt(queue.Partition{Owner: owner, Dataplane: place}, q)
	case ev.AskEnded:
		var q ev.EndedQuestion
		_ = json.Unmarshal(m.Data, &q)
		a := s.endedOf(queue.Partition{Owner: owner, Dataplane: place}, q)
		if a.Error != "" {
			s.refused()
		}
		out = a
	case ev.AskSeen:
		out = s.seen(ctx, m, agentRef(owner, place))
	case ev.AskJoin:
		out = s.join(ctx, m, agentRef(owner, place))
	default:
		return
	}
	data, err := json.Marshal(out)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		slog.Warn("agent not answered", "subject", m.Subject, "err", err)
	}
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
		return ev.JoinAnswer{Error: err.Error()}
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

// seen takes or keeps the lease of an agent, and notes that it is there.
func (s *Service) seen(ctx context.Context, m *nats.Msg, ref ev.Ref) (l ev.Lease) {
	var q ev.SeenQuestion
	caller, err := CallerOf(m)
	if err == nil {
		err = json.Unmarshal(m.Data, &q)
	}
	if err != nil || q.Instance == "" {
		return ev.Lease{Error: "an instance is wanted"}
	}
	isThere := func(conn uint64) bool { return s.door.IsThere(caller.User, conn) }
	was, now := s.leases.alive(ref, time.Now()), time.Now()
	if held, since := s.leases.take(ref, q.Instance, caller, isThere, now); held != "" {
		return ev.Lease{HeldBy: held, Since: since, Now: now.UTC()}
	}
	seen := ev.AgentConnected{Instance: ev.Cut(q.Instance, 64), Version: ev.Cut(q.Version, 64), Lacks: s.lacks(q.Effects),
		ClockOff: clockOff(ref, q.Now, now)}
	if err := s.do(ctx, command.Internal(ref, ev.ActorAerie, ev.NoteAgent{Seen: seen})); err != nil {
		return ev.Lease{Error: err.Error()}
	}
	if err := s.mended(ctx, ref, q.Repaired); err != nil {
		return ev.Lease{Error: err.Error()}
	}
	if err := s.differs(ctx, ref, q.Differs); err != nil {
		return ev.Lease{Error: err.Error()}
	}
	l.Speed, l.Log = s.clock.Speed, s.fold.Point()
	s.fold.View(func(w *state.Entities) {
		if e, ok := w.Get(ref); ok {
			l.Places, l.Agreed = placesOf(w, e), e.Data.(fsm.AgentData).Agreed
			l.Changed = s.fold.Revision(s.changes.of(ref.Owner))
		}
	})
	l.Now = time.Now().UTC()
	if s.leases.at(ref, l.Places); !was {
		s.lookAgain(ref.Owner, l.Places)
	}
	return l
}

// mended notes what an agent has repaired by itself.
func (s *Service) mended(ctx context.Context, ref ev.Ref, repairs []ev.Repair) error {
	if len(repairs) == 0 {
		return nil
	}
	repairs = repairs[:min(len(repairs), ev.MostRepairs)]
	for i := range repairs {
		r := &repairs[i]
		r.Failed, r.Found = ev.Cut(r.Failed, mostWords), r.Found[:min(len(r.Found), mostFound)]
		for j := range r.Found {
			d := &r.Found[j]
			for _, words := range []*string{&d.What, &d.How, &d.By, &d.Message} {
				*words = ev.Cut(*words, mostWords)
			}
		}
	}
	return s.do(ctx, command.Internal(ref, ev.ActorAerie, ev.NoteAgent{Seen: ev.RepairedAway{Repairs: repairs}}))
}

// What an agent may say of a repair: whoever says it may be in other hands.
const (
	mostWords = 256
	mostFound = 10
)

// lookAgain has all looked at that is owed at some places: how long that may take counts from now.
func (s *Service) lookAgain(owner string, places []string) {
	for _, name := range places {
		for _, ref := range s.owed.after(queue.Partition{Owner: owner, Dataplane: name}, "") {
			s.back(ref)
		}
	}
}

// IsThere tells whether an agent has the lease of a place now.
func (s *Service) IsThere(place queue.Partition) bool { return s.leases.covers(place, time.Now()) }

// lacks are the effects of this control plane that an agent does not know.
func (s *Service) lacks(knows []string) (all []string) {
	for _, effect := range s.effects {
		if !slices.Contains(knows, effect) {
			all = append(all, effect)
		}
	}
	return all
}

// mostOff is by how much an agent's clock may be wrong without a word about it.
const mostOff = 5 * time.Minute

// clockOff is by how much an agent's clock is ahead, in words, if that is much.
func clockOff(agent ev.Ref, its, ours time.Time) string {
	off := its.Sub(ours).Round(time.Second)
	if its.IsZero() || off.Abs() <= mostOff {
		return ""
	}
	slog.Warn("the clock of an agent is wrong, or ours", "agent", agent.String(), "ahead", off.String())
	return off.String()
}

func (s *Service) do(ctx context.Context, c ev.Command) error {
	ctx, cancel := context.WithTimeout(ctx, command.AnswerTimeout)
	defer cancel()
	answer, err := s.intake.SubmitCommand(ctx, c)
	if err != nil {
		return err
	}
	return s.fold.Wait(ctx, answer.Seq)
}
