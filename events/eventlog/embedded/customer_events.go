package embedded

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// shownPrefix stands in AERIE before the rest of the subject of an event in the form in which a customer's people read it.
// Their account has it as aerie.evt.<owner>.
const shownPrefix = "aerie.shown."

// mostShown bounds, in bytes, the events that wait to be shown to the people of one customer.
const mostShown = 64 << 20

// teller hands events on to customers' people in the form in which they read them. It costs nothing for customers of whom
// nobody has come.
type teller struct{ nc *nats.Conn }

// openTeller connects who hands events on.
func (s *Server) openTeller() error {
	nc, err := s.Connect("events for customers")
	if err != nil {
		return fmt.Errorf("open the way of events to customers: %w", err)
	}
	s.auth.teller.Store(&teller{nc})
	return nil
}

// show begins to hand on the events of a customer, in the order in which they come.
func (t *teller) show(customer string) error {
	sub, err := t.nc.Subscribe(events.EventPrefix+customer+".>", func(m *nats.Msg) {
		subject := shownPrefix + strings.TrimPrefix(m.Subject, events.EventPrefix)
		on := &nats.Msg{Subject: subject, Header: m.Header, Data: events.ShownTo(customer, m.Data)}
		_ = t.nc.PublishMsg(on) // whoever missed it reads it, as after any cut
	})
	if err == nil {
		err = sub.SetPendingLimits(-1, mostShown)
	}
	if err == nil {
		err = t.nc.FlushTimeout(gateTimeout)
	}
	if err != nil {
		return fmt.Errorf("hand on the events of %s: %w", customer, err)
	}
	return nil
}
