// Package events is the vocabulary of the control plane: the kinds, the names of things, every command
// that may be asked, every event that has happened and every effect that can be owed, with the
// refusals and the strict decoder of what people send.
//
// It imports nothing but the standard library and does nothing itself: fsm decides, eventlog stores,
// the workers act. Begin with this file, then ref.go and command.go; the file of a kind has its spec,
// events and effects. Values are plain and are never changed once they are made, so they may be read
// from any goroutine. Names on the wire stay for ever, since old logs are read with them: upcast.go
// reads what older releases wrote.
package events

import "time"

// Event is a fact about one entity, in the past tense. It is never changed.
type Event interface {
	// Type is the event's name on the wire, for ever: past tense, snake case.
	Type() string
}

// Effect is work that an entity is owed by the world outside the log.
type Effect interface {
	// Effect is the work's name on the wire.
	Effect() string
}

// Envelope is what every event carries beside its body: who, when and why.
// On the wire it is the CloudEvents headers of docs/reference.md.
type Envelope struct {
	EventID       string    // a ULID, the event's own
	Time          time.Time // when it was decided, UTC
	Actor         string    // who authenticated, never what a header claims
	CommandID     string    // the command, or the report, that caused it
	CausationID   string    // the event or command right before it in the chain
	CorrelationID string    // the command a person gave, however long ago
	Digest        string    // of the command's subject and body: tells a repeat from a reuse
	TraceParent   string    // W3C trace context, if the command had one
	Internal      bool      // the machinery caused it, and no command of somebody who authenticated
	Index, Count  int       // its place in its decision, from 1
}

// Recorded is an event as the log keeps it.
type Recorded struct {
	Envelope
	Ref   Ref
	Seq   uint64 // its place in the log, from 1, without gaps
	Event Event
	State State // what the entity became by it; zero in events that an older release wrote
}

// State is what an answer says of an entity beside its name: which incarnation it is, and
// where that is in its life.
type State struct{ UID, Phase string }

// Change is what one decision appends to one entity.
type Change struct {
	Ref    Ref
	After  uint64 // the entity's last sequence when it was decided, 0 for a new one
	Events []Event
	States []State // what the entity becomes by each event; nil if nobody has tried
}
