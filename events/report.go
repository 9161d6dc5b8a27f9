package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// Work is one effect that is owed, as it stands on AERIE_WORK: the newest per entity.
type Work struct {
	Ref      Ref             `json:"ref"`
	UID      string          `json:"uid"`
	Revision uint64          `json:"revision"` // Revision of the sequence at which it was owed; a smaller one is older
	Digest   string          `json:"digest"`   // of the effect: what a report must name
	Attempt  int             `json:"attempt"`  // the number of this try, from 1
	Effect   string          `json:"effect"`   // its name; empty: nothing is owed any more
	Args     json.RawMessage `json:"args,omitempty"`
}

// Report is what an executor saw when it did some work: one more command.
type Report struct {
	UID, Digest string
	Outcome     Event          // set if the effect came about, wholly or a step further
	Failure     *AttemptFailed // set if it did not
	Calls       []Call         // those that were made
	Every       time.Duration  // of a drift that was found on the way: the time between two looks
}

// IsPayload marks a payload.
func (Report) IsPayload() {}

// ReportPrefix is what the subject of every report starts with.
const ReportPrefix = "aerie.report."

// ReportTaken is the answer to a report that is durable, or was of no use any more.
const ReportTaken = "taken"

// CreateCounted is the answer to the report of a create that is counted now, and may be made.
const CreateCounted = "counted"

// ExecutorReport is an executor's report on the wire: what came of a piece of work.
type ExecutorReport struct {
	Ref      Ref             `json:"ref"`
	UID      string          `json:"uid"`
	Revision uint64          `json:"revision"` // of the work: who takes the report must know the log up to it; of an earlier epoch nobody waits
	Digest   string          `json:"digest"`
	Outcome  string          `json:"outcome,omitempty"` // the type of the event that came about
	Event    json.RawMessage `json:"event,omitempty"`
	Failure  *AttemptFailed  `json:"failure,omitempty"`
	Calls    []Call          `json:"calls,omitempty"` // of this round
	Every    time.Duration   `json:"every,omitempty"` // of a drift that was found on the way: the time between two looks

	// What an agent has seen besides work, instead of an outcome.
	Saw       *NoteDrift     `json:"saw,omitempty"`       // of what was made; Revision is the sequence at which it was told
	Swept     *Swept         `json:"swept,omitempty"`     // of an incarnation that has ended
	Catalogue *NoteCatalogue `json:"catalogue,omitempty"` // of an account
}

// ReportSubject is where the executor reports that works for an entity on a dataplane. It
// has the tokens of the work's subject.
func ReportSubject(owner, dataplane string, ref Ref) string {
	return fmt.Sprintf("%s%s.%s.%s.%s.%s", ReportPrefix, owner, dataplane, ref.Kind, ref.Owner, ref.ID)
}
