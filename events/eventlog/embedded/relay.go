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

// Relay is the way of people's commands into the queue. It passes them on in the order in which they come.
type Relay struct {
	nc    *nats.Conn
	spend func(c events.Caller, bytes int) error
	inbox string // where JetStream acknowledges what was passed on

	mu      sync.Mutex
	next    uint64
	waiting map[string]*nats.Msg // who waits for an acknowledgement, by the last token of where it comes
}

// OpenRelay makes the way into the queue on a connection. spend, if it is not nil, takes a command off its caller's budget, or
// refuses it.
func OpenRelay(nc *nats.Conn, spend func(c events.Caller, bytes int) error) (*Relay, error) {
	r := &Relay{nc: nc, spend: spend, inbox: nats.NewInbox() + ".", waiting: map[string]*nats.Msg{}}
	if _, err := nc.Subscribe(r.inbox+"*", r.acknowledge); err != nil {
		return nil, fmt.Errorf("open the relay of the queue: %w", err)
	}
	return r, nil
}

// openRelay takes what people put into the command queue. A stream keeps no word of who published what it stores, so it is
// written into a header here, which no client can write: the queue has no other way in.
func (s *Server) openRelay() error {
	r, err := OpenRelay(s.gateConn, s.auth.spend)
	if err != nil {
		return err
	}
	take := func(m *nats.Msg) {
		caller, ok := s.auth.callerOf(m.Header)
		if !ok {
			refuse(m, 403, "who asks is not known")
			return
		}
		r.Pass(m, strings.TrimPrefix(m.Subject, relayPrefix), caller)
	}
	if _, err := s.gateConn.Subscribe(relayPrefix+queued, take); err != nil {
		return fmt.Errorf("open the relay of the queue: %w", err)
	}
	return s.gateConn.Flush()
}

// expect says where the acknowledgement of a message is to come, which is given to its sender. One that does not come is
// forgotten: its sender asks again.
func (r *Relay) expect(m *nats.Msg) string {
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
func (r *Relay) forget(token string) *nats.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.waiting[token]
	delete(r.waiting, token)
	return m
}

func (r *Relay) acknowledge(ack *nats.Msg) {
	if m := r.forget(strings.TrimPrefix(ack.Subject, r.inbox)); m != nil {
		_ = m.RespondMsg(&nats.Msg{Data: ack.Data, Header: ack.Header}) // whoever asked may be gone
	}
}

// Pass passes a command of a caller on to a subject of the queue, or answers as JetStream does why not.
func (r *Relay) Pass(m *nats.Msg, subject string, caller events.Caller) {
	if r.spend != nil {
		if err := r.spend(caller, len(m.Data)); err != nil {
			refuse(m, 429, err.Error())
			return
		}
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

// spend takes what a caller has sent off his budget, or refuses it.
func (a *authenticator) spend(c events.Caller, bytes int) error {
	if callers := a.callers.Load(); callers != nil && callers.Spend != nil {
		return callers.Spend(c, bytes)
	}
	return nil
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
