// Package callout lets aerie's callers into NATS servers that somebody else runs. The servers ask it for each connection who that
// is (auth callout), and it answers with the rights of whom the registry knows.
//
// There the people of all customers share an account, which makes two things harder than on the embedded server. Who sends a
// message is in its subject, aerie.from.<id>.…, since a caller may publish on no other. And no answer goes where its caller may
// not hear: only streams cross between the accounts, so the reply subject is seen, and one outside the caller's own inbox gets
// nothing. It decides nothing about commands and keeps nothing on disk. Begin with Open; configuration.go has what the servers
// need. After a crash the next process goes on; connections that are open stay so, since they are the servers'.
package callout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
)

const (
	// asks is where the servers ask who a connection is.
	asks = "$SYS.REQ.USER.AUTH"
	// boxHeader says for whom an answer is to be encrypted.
	boxHeader = "Nats-Server-Xkey"
	// group is the queue group of all replicas: one of them answers.
	group = "aerie"
	// abreast is how many questions are answered at once: the word of an issuer may have to be asked for.
	abreast = 64
)

// Handlers answer what callers ask, each message with the reply subject on which its answer reaches the caller. One goroutine calls
// them, one message after the other, so neither may wait.
type Handlers struct {
	Command func(*nats.Msg, events.Caller) // aerie.cmd.…
	Read    func(*nats.Msg, events.Caller) // aerie.read.…
}

// Service lets callers in and passes on what they ask. Its methods may be called from any goroutine.
type Service struct {
	nc       *nats.Conn
	key      Key
	callers  embedded.Callers
	handlers Handlers
	queue    *embedded.Relay
	free     chan struct{}
	room     room
}

// Open answers the servers and the callers on aerie's own connection, until ctx ends.
func Open(ctx context.Context, nc *nats.Conn, key Key, callers embedded.Callers, handlers Handlers) (*Service, error) {
	s := &Service{nc: nc, key: key, callers: callers, handlers: handlers, free: make(chan struct{}, abreast)}
	var err error
	if s.queue, err = embedded.OpenRelay(nc, callers.Spend); err != nil {
		return nil, err
	}
	for subject, take := range map[string]nats.MsgHandler{asks: s.asked, fromPrefix + ">": s.take} {
		sub, err := nc.QueueSubscribe(subject, group, take)
		if err != nil {
			return nil, fmt.Errorf("let callers into NATS: %w", err)
		}
		context.AfterFunc(ctx, func() { _ = sub.Drain() }) // what has come is answered
	}
	if err := nc.Flush(); err != nil { // so that the servers know whom to ask
		return nil, fmt.Errorf("let callers into NATS: %w", err)
	}
	go s.tell(ctx)
	return s, nil
}

// asked answers a server beside other questions.
func (s *Service) asked(m *nats.Msg) {
	s.free <- struct{}{}
	go func() {
		defer func() { <-s.free }()
		if err := s.answer(m); err != nil {
			slog.Warn("a NATS server gets no answer about who enters", "err", err)
		}
	}()
}

var (
	errCredentials = errors.New("want one credential: a token, or a key with its signature")
	errUnknown     = errors.New("nobody is known by this")
)

// answer tells a server who a connection is, or that it is nobody's.
func (s *Service) answer(m *nats.Msg) error {
	box := m.Header.Get(boxHeader)
	data, err := s.key.box.Open(m.Data, box)
	if err != nil {
		return fmt.Errorf("read a question: %w", err)
	}
	q, err := jwt.DecodeAuthorizationRequestClaims(string(data))
	if err != nil {
		return fmt.Errorf("read a question: %w", err)
	}
	a := jwt.NewAuthorizationResponseClaims(q.UserNkey)
	a.Audience = q.Server.ID
	if user, err := s.userOf(q); err != nil {
		a.Error = err.Error()
	} else if a.Jwt, err = user.Encode(s.key.issuer); err != nil {
		return fmt.Errorf("sign a user: %w", err)
	}
	said, err := a.Encode(s.key.issuer)
	if err != nil {
		return fmt.Errorf("sign an answer: %w", err)
	}
	sealed, err := s.key.box.Seal([]byte(said), box)
	if err != nil {
		return fmt.Errorf("encrypt an answer: %w", err)
	}
	return m.Respond(sealed)
}

// userOf says who a connection is and what it may do.
func (s *Service) userOf(q *jwt.AuthorizationRequestClaims) (*jwt.UserClaims, error) {
	if q.ClientInformation.Kind != "Client" {
		return nil, errCredentials // a leaf node is no caller
	}
	if id, ok := s.key.isProbe(q.ConnectOptions.Token); ok {
		u := newUser(q.UserNkey, probeName(id), id)
		u.Permissions.Pub.Allow.Add(fromPrefix + id + "." + probe)
		return u, nil
	}
	caller, err := s.identify(q)
	if err != nil {
		return nil, err
	}
	if caller.InboxOf() == "" {
		return nil, errUnknown // the local admin's token is for HTTP here: he has no id that a subject could have
	}
	u := rightsOf(q.UserNkey, caller)
	if !s.roomFor(caller) {
		u.Audience = fullAccount // ends it, with a word that clients know
		if s.callers.Full != nil {
			s.callers.Full(caller)
		}
	}
	return u, nil
}

// identify says who shows what a client has shown. What he calls himself is overwritten by the server with the name in the answer.
func (s *Service) identify(q *jwt.AuthorizationRequestClaims) (events.Caller, error) {
	o, known, caller := q.ConnectOptions, false, events.Caller{}
	switch {
	case o.JWT != "" || o.Password != "" || (o.Nkey != "") == (o.Token != ""):
		return caller, errCredentials
	case o.Token != "":
		caller, known = s.callers.Token(o.Token)
	default:
		if err := embedded.CheckSignature(o.Nkey, o.SignedNonce, []byte(q.ClientInformation.Nonce)); err != nil {
			return caller, err
		}
		caller, known = s.callers.Key(o.Nkey)
	}
	if !known {
		return caller, errUnknown
	}
	return caller, nil
}

// take passes on what a caller asks.
func (s *Service) take(m *nats.Msg) {
	id, what, _ := strings.Cut(strings.TrimPrefix(m.Subject, fromPrefix), ".")
	caller, known := s.callerOf(id)
	if !answerable(m.Reply, id) {
		if known && s.callers.Denied != nil {
			s.callers.Denied(caller.Actor, "aerie."+what)
		}
		return // an answer would be heard by others, or taken for an event
	}
	if m.Reply != "" {
		m.Reply = answerPrefix + strings.TrimPrefix(m.Reply, inboxPrefix)
	}
	m.Subject = "aerie." + what
	first, _, _ := strings.Cut(what, ".")
	switch {
	case what == probe:
		_ = m.Respond(nil) // whoever asked may be gone
	case !known: // another replica has let him in, and this one has not read of him yet; or he is just being thrown out
		refuse(m, events.Refuse(events.Unavailable, "this replica does not know yet who asks: ask again"))
	case first == "cmd":
		s.handlers.Command(m, caller)
	case first == "read":
		s.handlers.Read(m, caller)
	case first == "queue" && strings.Count(m.Subject, ".") != 5: // nothing would keep it
		refuse(m, events.Refuse(events.Invalid, "want aerie.queue.<owner>.<kind>.<id>.<verb>"))
	case first == "queue":
		s.queue.Pass(m, m.Subject, caller)
	}
}

// refuse answers with an error, as commands do.
func refuse(m *nats.Msg, why *events.Refusal) {
	data, err := json.Marshal(map[string]*events.Refusal{"error": why})
	if err != nil {
		return
	}
	_ = m.RespondMsg(&nats.Msg{Data: data, // whoever asked may be gone
		Header: nats.Header{micro.ErrorHeader: {why.Message}, micro.ErrorCodeHeader: {string(why.Code)}}})
}

// callerOf is who has an id, if this replica knows of anybody.
func (s *Service) callerOf(id string) (events.Caller, bool) {
	for _, actor := range []string{events.TokenActor(id), events.UserActor(id)} {
		if c, known := s.callers.Actor(actor); known {
			return c, true
		}
	}
	return events.Caller{}, false
}

// answerable tells whether only a caller hears what is sent to a reply subject.
func answerable(reply, id string) bool {
	return reply == "" || strings.HasPrefix(reply, inboxPrefix+id+".") && !strings.ContainsAny(reply, "*>")
}
