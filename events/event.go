// Package events is the vocabulary of the control plane: the kinds, the names of things, every command
// that may be asked, every event that has happened and every effect that can be owed, with the
// refusals and the strict decoder of what people send.
//
// It imports nothing but the standard library and does nothing itself: fsm decides, eventlog stores,
// the workers act. Begin with this file, then ref.go and command.go; the file of a kind has its spec,
// events and effects. Values are plain and are never changed once they are made, so they may be read
// from any goroutine. Names on the wire stay for ever, since old logs are read with them: an
// Upcast reads what older releases wrote.
package events

import (
	"encoding/json"
	"strconv"
	"time"
)

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

// Upcast makes of an event's body, as one version of its encoding had it, the body
// that the next version has. It is pure, and for ever.
type Upcast func(json.RawMessage) (json.RawMessage, error)

// Versioned is implemented by events whose encoding was another one before. An
// event that is not is of version 1.
type Versioned interface {
	Event
	// Older has a step from each older version to the next, from version 1 on.
	Older() []Upcast
}

// Version is the version in which an event is written now.
func Version(e Event) int {
	if v, ok := e.(Versioned); ok {
		return len(v.Older()) + 1
	}
	return 1
}

// CEType is the CloudEvents type of a kind's event as it is written now, such as
// "io.aerie.tenant.activated.v1".
func CEType(k Kind, e Event) string {
	return "io.aerie." + string(k) + "." + e.Type() + ".v" + strconv.Itoa(Version(e))
}

// Target is where in which cloud an effect is to happen, and whose it is.
type Target struct {
	Account   CloudAccount `json:"account"`
	Region    string       `json:"region"`
	Owner     string       `json:"owner"`     // the mark that everything made carries: owner/kind/id/uid
	Dataplane string       `json:"dataplane"` // on whose executor it is done, such as -/eu
}

// Where returns the site: every effect that happens in a dataplane has one.
func (s Target) Where() Target { return s }

// RemoveOwned owes the end of everything in the cloud that carries the owner's mark.
type RemoveOwned struct {
	Target
	Existing string `json:"existing,omitempty"` // a cluster that stays: what was put into it first goes
}

// Effect names the work on the wire.
func (RemoveOwned) Effect() string { return "remove_owned" }
