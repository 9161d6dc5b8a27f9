package events

import "time"

// AttemptsRefused says that somebody has asked what he may not: how often, since it was last told of him, at most once a minute. It
// is an event of the token or principal that he showed, and says nothing of what others own.
type AttemptsRefused struct {
	Count int       `json:"count"`
	Since time.Time `json:"since"`          // when the first of them was
	Verb  string    `json:"verb"`           // of the last one; read for reading
	Kind  Kind      `json:"kind,omitempty"` // of what it was about; empty: it was about no kind
}

// Type names the event on the wire.
func (AttemptsRefused) Type() string { return "attempts_refused" }

// NoteAttempts asks to write that down.
type NoteAttempts struct{ Refused AttemptsRefused }

// IsPayload marks a payload.
func (NoteAttempts) IsPayload() {}
