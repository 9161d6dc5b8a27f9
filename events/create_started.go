package events

// These events count what an entity makes in a cloud. They happen only while work is owed.
type (
	// CreateStarted says, before the call, that something is about to be made in a cloud. What was made so often without
	// having been seen is not made once more.
	CreateStarted struct {
		Part string `json:"part"` // what is ensured, such as "Cluster"
		What string `json:"what"` // the call and what it makes, such as "cluster eu-3f2a"
	}
	// CreatesEnded says how creates ended that were started: as far as anybody was told.
	CreatesEnded struct {
		Ends []CreateEnd `json:"ends,omitempty"`
		Seen []string    `json:"seen,omitempty"` // the parts that a look has shown
	}
)

// Type names the event on the wire.
func (CreateStarted) Type() string { return "create_started" }

// Type names the event on the wire.
func (CreatesEnded) Type() string { return "creates_ended" }

// CreateEnd is how one create ended. One that made nothing may be started again and does not count.
type CreateEnd struct {
	What    string `json:"what"`
	ID      string `json:"id,omitempty"`      // the cloud's, of what was made
	Refused bool   `json:"refused,omitempty"` // nothing was made
	Lost    bool   `json:"lost,omitempty"`    // no answer: something may have been made
}
