package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// Caller is who sent a message, as the NATS server says.
type Caller struct {
	Account string    `json:"acc"`
	User    string    `json:"user"`
	Conn    uint64    `json:"id"`
	Server  string    `json:"server"`
	Start   time.Time `json:"start"`
}

var errNobody = errors.New("who asks is not known")

// CallerOf reads the header that the server writes where one account asks a service of another. Without an account the
// message did not come that way, and the header is worth nothing.
func CallerOf(m *nats.Msg) (c Caller, err error) {
	h := m.Header[ev.HeaderRequestInfo]
	if len(h) != 1 || json.Unmarshal([]byte(h[0]), &c) != nil || c.Account == "" || c.User == "" {
		return Caller{}, errNobody
	}
	return c, nil
}

// session is one connection.
func (c Caller) session() string {
	return fmt.Sprintf("%s %d %d", c.Server, c.Conn, c.Start.UnixNano())
}

// MayReport says why a report may not be taken; nil if it may. Aerie's own executors say who they are, which nobody can from
// another account.
func (s *Service) MayReport(m *nats.Msg) error {
	c, err := CallerOf(m)
	if err != nil {
		return ev.Refuse(ev.Denied, "%v", err)
	}
	if c.Account == ev.OwnAccount && c.User == ev.ActorExecutor {
		return s.mayWork(m, fsm.ByServer)
	}
	agent, ok := agentOf(c.User)
	if !ok || !s.leases.holds(agent, c.session(), time.Now()) {
		s.tellRefused(agent, c.session())
		return ev.Refuse(ev.Conflict, "%s: another instance of it is at work, or this one has not registered", agent)
	}
	if err := s.spend(c.User, agent.Owner, len(m.Data)); err != nil {
		return err
	}
	if t := strings.Split(m.Subject, "."); len(t) < 7 || t[2] != agent.Owner || t[5] != agent.Owner {
		return ev.Refuse(ev.Denied, "%s reports about something that %s does not own", agent, agent.Owner)
	}
	return s.mayWork(m, fsm.ByAgent)
}

// agentOf is the agent that a user is who came in by its key; false if it is none.
func agentOf(user string) (agent ev.Ref, is bool) {
	rest, is := strings.CutPrefix(user, ev.AgentActorPrefix)
	owner, name, whole := strings.Cut(rest, "/")
	return ev.Ref{Kind: ev.Agent, Owner: owner, ID: name}, is && whole
}

// tellRefused has an event of a session that reports without the lease, one for each session.
func (s *Service) tellRefused(agent ev.Ref, session string) {
	s.telling.Lock()
	known := s.told[agent] == session
	s.told[agent] = session
	s.telling.Unlock()
	if known || !s.isAgent(agent) {
		return
	}
	s.caught.Go(func() {
		c := command.Internal(agent, ev.ActorAerie, ev.NoteAgent{Seen: ev.ReportRefused{Instance: s.leases.holder(agent)}})
		if err := s.do(context.Background(), c); err != nil {
			slog.Warn("a report without the lease is not noted", "agent", agent.String(), "err", err)
		}
	})
}

func (s *Service) isAgent(ref ev.Ref) (is bool) {
	s.fold.View(func(w *state.Entities) { _, is = w.Get(ref) })
	return is
}

// isUserKey tells whether a text is the public key of a user.
func isUserKey(s string) bool { return nkeys.IsValidPublicUserKey(s) }
