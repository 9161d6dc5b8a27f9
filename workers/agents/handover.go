package agents

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// dataplaneOf is a place as a dataplane; where it is none there is no such entity.
func dataplaneOf(owner, place string) ev.Ref {
	return ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: place}
}

// mayWork says why a report may not be taken from who does not work on its dataplane; nil if it may. While a dataplane is
// handed over what was begun before is told, and nothing else is begun.
func (s *Service) mayWork(m *nats.Msg, reporter fsm.Worker) error {
	t := strings.Split(m.Subject, ".")
	if len(t) < 4 {
		return nil // the intake says what is wrong with that
	}
	on, works, known := dataplaneOf(t[2], t[3]), reporter, false
	s.fold.View(func(w *state.Entities) {
		var dp fsm.Entity[fsm.Data]
		if dp, known = w.Get(on); known {
			works = fsm.WorkerOn(dp)
		}
	})
	switch {
	case works == fsm.ByNobody && begins(m.Data):
		return ev.Refuse(ev.Conflict, "%s is being handed over: nothing is begun there", on)
	case works == fsm.ByNobody, works == reporter:
		return nil
	}
	return ev.Refuse(ev.Conflict, "%s was handed over: others work there now", on)
}

// begins tells whether a report says that something is about to be made.
func begins(report []byte) bool {
	var r struct {
		Outcome string `json:"outcome"`
	}
	return json.Unmarshal(report, &r) == nil && r.Outcome == ev.CreateStarted{}.Type()
}

// toEnd is the handover of a dataplane that ends when who has sent a message says that nothing goes on there; nil if none does. Others
// than the session of the agent that worked on it say nothing of it.
func (s *Service) toEnd(m *nats.Msg, owner, place string) (h *ev.HandoverStarted) {
	s.fold.View(func(w *state.Entities) {
		if e, known := w.Get(dataplaneOf(owner, place)); known {
			h = fsm.HandoverOf(e)
		}
	})
	caller, err := CallerOf(m)
	if h == nil || h.From != ev.ModePull || err != nil || !s.leases.worksAt(place, caller.session(), time.Now()) {
		return nil
	}
	return h
}

// idle ends the handover of a dataplane on which nothing goes on any more.
func (s *Service) idle(ctx context.Context, owner, place string, h *ev.HandoverStarted) {
	on := dataplaneOf(owner, place)
	if err := s.do(ctx, command.Internal(on, ev.ActorAerie, ev.Expire{Since: h.Since})); err != nil {
		slog.Warn("a handover takes its time: that nothing goes on any more is not noted", "dataplane", on.String(), "err", err)
	}
}

// worksAt tells whether a session has the lease of the one agent that works at a place. Where there are two, neither speaks for
// the other.
func (l leases) worksAt(place, session string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	works, others := false, false
	for _, h := range l.held {
		if now.Sub(h.seen) >= leaseFor || !slices.Contains(h.places, place) {
			continue
		}
		if h.session == session {
			works = true
		} else {
			others = true
		}
	}
	return works && !others
}
