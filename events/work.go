package events

import "encoding/json"

// Work is one effect that is owed, as it stands on AERIE_WORK: the newest per entity.
type Work struct {
	Ref      Ref             `json:"ref"`
	UID      string          `json:"uid"`
	Revision uint64          `json:"revision"` // grows; a smaller one is older
	Digest   string          `json:"digest"`   // of the effect: what a report must name
	Attempt  int             `json:"attempt"`  // the number of this try, from 1
	Effect   string          `json:"effect"`   // its name; empty: nothing is owed any more
	Args     json.RawMessage `json:"args,omitempty"`
}

// Report is what an executor saw when it did some work: one more command.
type Report struct {
	UID     string
	Digest  string
	Outcome Event          // set if the effect came about, wholly or a step further
	Failure *AttemptFailed // set if it did not
}

func (Report) ask() {}
