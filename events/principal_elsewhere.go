package events

import "time"

// UsedElsewhere says that somebody came in with the local token from another machine than the server's: how often, since it was
// last told, at most once a minute. From where is in the program's log, and not in this one, which is kept for ever.
type UsedElsewhere struct {
	Count int       `json:"count"` // requests over HTTP, and connections over NATS
	Since time.Time `json:"since"` // when the first of them came
	Over  string    `json:"over"`  // of the last one: http or nats
}

// Type names the event on the wire.
func (UsedElsewhere) Type() string { return "used_elsewhere" }

// NoteElsewhere asks to write that down.
type NoteElsewhere struct{ Used UsedElsewhere }

// IsPayload marks a payload.
func (NoteElsewhere) IsPayload() {}
