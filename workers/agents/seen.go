package agents

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// seen takes or keeps the lease of an agent, and says how to answer it, and whether something of what it says is to be noted before.
func (s *Service) seen(ctx context.Context, m *nats.Msg, ref ev.Ref) (news bool, answer func() ev.Lease) {
	var q ev.SeenQuestion
	caller, err := CallerOf(m)
	if err == nil {
		err = json.Unmarshal(m.Data, &q)
	}
	if err != nil || q.Instance == "" {
		return false, func() ev.Lease { return ev.Lease{Error: "an instance is wanted"} }
	}
	isThere := func(conn uint64) bool { return s.door.IsThere(caller.User, conn) }
	was, now := s.leases.alive(ref, time.Now()), time.Now()
	if held, since := s.leases.take(ref, q.Instance, caller, isThere, now); held != "" {
		return false, func() ev.Lease { return ev.Lease{HeldBy: held, Since: since, Now: now.UTC()} }
	}
	seen := ev.AgentConnected{Instance: ev.Cut(q.Instance, 64), Version: ev.Cut(q.Version, 64), Lacks: s.lacks(q.Effects),
		ClockOff: clockOff(ref, q.Now, now)}
	notes := slices.Concat(s.connected(ref, seen), mended(q.Repaired), s.differs(ref, q.Differs))
	return len(notes) > 0, func() ev.Lease {
		for _, note := range notes {
			if err := s.do(ctx, command.Internal(ref, ev.ActorAerie, note)); err != nil {
				return ev.Lease{Error: err.Error()}
			}
		}
		return s.lease(ref, was)
	}
}

// lease is what the holder of the lease of an agent is told, which it had before or not.
func (s *Service) lease(ref ev.Ref, was bool) (l ev.Lease) {
	l.Speed, l.Log, l.Charts = s.clock.Speed, s.fold.Point(), s.charts.digests
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

// connected is what there is to note of an agent that is there; nothing if the fold has it. Who is noted as lost in that moment
// is noted as connected a minute later.
func (s *Service) connected(ref ev.Ref, seen ev.AgentConnected) (notes []ev.NoteAgent) {
	known := false
	s.fold.View(func(w *state.Entities) {
		e, ok := w.Get(ref)
		known = ok && fsm.KnowsAgent(e, seen)
	})
	if known {
		return nil
	}
	return []ev.NoteAgent{{Seen: seen}}
}

// mended notes what an agent has repaired by itself.
func mended(repairs []ev.Repair) []ev.NoteAgent {
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
	return []ev.NoteAgent{{Seen: ev.RepairedAway{Repairs: repairs}}}
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
