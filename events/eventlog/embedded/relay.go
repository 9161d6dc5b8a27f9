package embedded

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// openRelay takes what people put into the command queue. A stream keeps no word of who published what it stores, so it is
// written into a header here, which no client can write: the queue has no other way in.
func (s *Server) openRelay() error {
	if _, err := s.gateConn.Subscribe(relayPrefix+queued, s.relay); err != nil {
		return fmt.Errorf("open the relay of the queue: %w", err)
	}
	return s.gateConn.Flush()
}

// relay passes one command on, or answers as JetStream does why not.
func (s *Server) relay(m *nats.Msg) {
	subject := strings.TrimPrefix(m.Subject, relayPrefix)
	caller, ok := s.auth.callerOf(m.Header)
	if !ok {
		refuse(m, 403, "who asks is not known")
		return
	}
	if tokens := strings.Split(subject, "."); len(tokens) == 6 { // else the intake says what is wrong with it
		if err := caller.Deny(events.Builtin, tokens[2], events.Kind(tokens[3]), tokens[5]); err != nil {
			refuse(m, 403, err.Error())
			return
		}
	} else if len(tokens) < 3 || !caller.Owns(tokens[2]) || !caller.Role.Commands() {
		refuse(m, 403, "denied")
		return
	}
	said, err := json.Marshal(caller)
	if err != nil {
		refuse(m, 500, "internal error")
		return
	}
	on := &nats.Msg{Subject: subject, Reply: m.Reply, Header: nats.Header{}, Data: m.Data}
	for name, values := range m.Header {
		if !strings.EqualFold(name, events.HeaderCaller) && !strings.EqualFold(name, events.HeaderRequestInfo) {
			on.Header[name] = values
		}
	}
	on.Header.Set(events.HeaderCaller, string(said))
	if err := s.gateConn.PublishMsg(on); err != nil {
		refuse(m, 503, "pass a command on to the queue: "+err.Error())
	}
}

// callerOf says who sent a message, as the server has written it into its header.
func (a *authenticator) callerOf(h nats.Header) (events.Caller, bool) {
	name, ok := events.SenderOf(h)
	callers := a.callers.Load()
	switch {
	case !ok:
		return events.Caller{}, false
	case callers != nil:
		return callers.Actor(name)
	}
	return events.LocalAdmin(), name == events.ActorAdmin
}
