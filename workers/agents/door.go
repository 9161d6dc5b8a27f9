package agents

import (
	"strings"
	"sync"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Key finds the agent that has a key; false if none has.
func (s *Service) Key(public string) (r embedded.Rights, known bool) {
	ref, some := s.keys.of(public)
	if !some {
		return r, false
	}
	s.fold.View(func(w *state.Entities) {
		e, _ := w.Get(ref)
		if d, is := e.Data.(fsm.AgentData); is && d.Key == public && e.Phase() != fsm.Revoked {
			r, known = rightsOf(e.Ref, placesOf(w, e), public), true
		}
	})
	return r, known
}

// keys has whose the keys of agents are.
type keys struct {
	mu    *sync.RWMutex
	owner map[string]ev.Ref
	key   map[ev.Ref]string
}

func newKeys() keys { return keys{&sync.RWMutex{}, map[string]ev.Ref{}, map[ev.Ref]string{}} }

func (k keys) of(public string) (ref ev.Ref, some bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	ref, some = k.owner[public]
	return ref, some
}

// put notes an agent's key; empty: it has none.
func (k keys) put(agent ev.Ref, public string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.owner, k.key[agent])
	delete(k.key, agent)
	if public != "" {
		k.owner[public], k.key[agent] = agent, public
	}
}

// see follows what happens to agents.
func (k keys) see(r ev.Recorded) {
	switch e := r.Event.(type) {
	case ev.Joined:
		k.put(r.Ref, e.Key)
	case ev.AgentRevoked, ev.Deleted:
		k.put(r.Ref, "")
	}
}

// rightsOf are those of an agent: to ask and report where it works, and to hear hints.
func rightsOf(ref ev.Ref, places []string, key string) embedded.Rights {
	own := ev.AgentPlace(ref.ID)
	r := embedded.Rights{User: ev.AgentActor(ref.Owner, ref.ID), Owner: ref.Owner, See: []string{Inbox(key) + ".>"},
		Publish: []string{ev.AgentSubject(ref.Owner, own, ev.AskSeen), ev.AgentSubject(ref.Owner, own, ev.AskChart)}}
	for _, p := range places {
		for _, what := range []string{ev.AskOwed, ev.AskStands, ev.AskEnded, ev.AskSurveyed} {
			r.Publish = append(r.Publish, ev.AgentSubject(ref.Owner, p, what))
		}
		r.Publish = append(r.Publish, ev.ReportPrefix+ref.Owner+"."+p+".>")
		r.See = append(r.See, ev.HintSubject(ref.Owner, p))
	}
	return r
}

// Inbox is where the holder of a key gets answers. Nobody else may listen there.
func Inbox(key string) string { return "_INBOX." + key }

// joinUser names a connection of somebody who has a secret of an agent.
func joinUser(ref ev.Ref, secret string) string {
	return "join:" + ref.Owner + "/" + ref.ID + ":" + secret
}

// joinPrefix is what the token of somebody who joins begins with.
const joinPrefix = "join."

// JoinToken is what is shown to the NATS server to join as an agent.
func JoinToken(owner, agent, secret string) string {
	return joinPrefix + owner + "." + agent + "." + secret
}

// Joining finds the agent that may join, or has joined, with a secret; false if the secret is not good. Whether it was used with
// another key is found when the key is shown.
func (s *Service) Joining(token string) (r embedded.Rights, known bool) {
	rest, joins := strings.CutPrefix(token, joinPrefix)
	t := strings.Split(rest, ".")
	if !joins || len(t) != 3 {
		return r, false
	}
	ref, secret := ev.Ref{Kind: ev.Agent, Owner: t[0], ID: t[1]}, ev.HashOf(t[2])
	s.fold.View(func(w *state.Entities) {
		if e, ok := w.Get(ref); ok {
			d := e.Data.(fsm.AgentData)
			known = secret == d.Secret || secret == d.Used
		}
	})
	return embedded.Rights{User: joinUser(ref, secret), Owner: ref.Owner, See: []string{Inbox(secret) + ".>"},
		Publish: []string{ev.AgentSubject(ref.Owner, ev.AgentPlace(ref.ID), ev.AskJoin)}}, known
}
