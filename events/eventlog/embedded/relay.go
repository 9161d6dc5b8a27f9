package embedded

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// relay is the way of people's commands into the queue.
type relay struct {
	nc    *nats.Conn
	auth  *authenticator
	inbox string // where JetStream acknowledges what was passed on

	mu      sync.Mutex
	next    uint64
	waiting map[string]*nats.Msg // who waits for an acknowledgement, by the last token of where it comes
}

// openRelay takes what people put into the command queue. A stream keeps no word of who published what it stores, so it is
// written into a header here, which no client can write: the queue has no other way in. Commands are passed on in the order
// in which they come.
func (s *Server) openRelay() error {
	r := &relay{nc: s.gateConn, auth: s.auth, inbox: nats.NewInbox() + ".", waiting: map[string]*nats.Msg{}}
	if _, err := s.gateConn.Subscribe(r.inbox+"*", r.acknowledge); err != nil {
		return fmt.Errorf("open the relay of the queue: %w", err)
	}
	if _, err := s.gateConn.Subscribe(relayPrefix+queued, r.take); err != nil {
		return fmt.Errorf("open the relay of the queue: %w", err)
	}
	return s.gateConn.Flush()
}

// expect says where the acknowledgement of a message is to come, which is given to its sender. One that does not come is
// forgotten: its sender asks again.
func (r *relay) expect(m *nats.Msg) string {
	if m.Reply == "" {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	token := strconv.FormatUint(r.next, 36)
	r.waiting[token] = m
	time.AfterFunc(gateTimeout, func() { r.forget(token) })
	return r.inbox + token
}

// forget takes out who waits for an acknowledgement; nil if nobody does any more.
func (r *relay) forget(token string) *nats.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.waiting[token]
	delete(r.waiting, token)
	return m
}

func (r *relay) acknowledge(ack *nats.Msg) {
	if m := r.forget(strings.TrimPrefix(ack.Subject, r.inbox)); m != nil {
		_ = m.RespondMsg(&nats.Msg{Data: ack.Data, Header: ack.Header}) // whoever asked may be gone
	}
}

// take passes one command on, or answers as JetStream does why not.
func (r *relay) take(m *nats.Msg) {
	subject := strings.TrimPrefix(m.Subject, relayPrefix)
	caller, ok := r.auth.callerOf(m.Header)
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
	on := &nats.Msg{Subject: subject, Reply: r.expect(m), Header: nats.Header{}, Data: m.Data}
	for name, values := range m.Header {
		if !strings.EqualFold(name, events.HeaderCaller) && !strings.EqualFold(name, events.HeaderRequestInfo) {
			on.Header[name] = values
		}
	}
	on.Header.Set(events.HeaderCaller, string(said))
	if err := r.nc.PublishMsg(on); err != nil {
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
