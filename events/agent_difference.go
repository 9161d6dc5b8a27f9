package events

type (
	// Difference is what an agent says when it meets a log that does not go on from the one it has worked for.
	Difference struct {
		Was   LogPoint `json:"was"` // how far the log was that it has worked for
		Now   LogPoint `json:"now"` // how far this one was, when it met it
		Stood []Stood  `json:"stood,omitempty"`
		More  int      `json:"more,omitempty"` // how many stand there too and are not named
	}
	// Stood is an entity that stood somewhere by the log before, and the digest of what was made for it.
	Stood struct {
		Place  string `json:"place"`
		Ref    Ref    `json:"ref"`
		UID    string `json:"uid"`
		Digest string `json:"digest"`
	}
	// Differing is an entity that stands somewhere otherwise than the log has it.
	Differing struct {
		Ref Ref    `json:"ref"`
		UID string `json:"uid"`
		How string `json:"how"` // unknown: the log has not got it; ended: there, but not here; other: the log wants another content
	}
	// LogDiffers says that an agent has met a log that does not go on from the one it has worked for, as after a restore. It
	// changes nothing that stands there until that is accepted.
	LogDiffers struct {
		Was   LogPoint    `json:"was"`
		Now   LogPoint    `json:"now"`
		Found []Differing `json:"found,omitempty"`
		More  int         `json:"more,omitempty"` // how many differ, or were not compared, beyond those in Found
	}
	// DifferenceAccepted says that somebody lets an agent work for the log that it has met.
	DifferenceAccepted struct {
		At LogPoint `json:"at"` // the Now of what was met
	}
	// AcceptLog asks for that.
	AcceptLog struct{}
)

// How what stands may differ from the log.
const (
	StandsUnknown = "unknown"
	StandsEnded   = "ended"
	StandsOther   = "other"
)

// MostStood is how many entities an agent names at once, and MostDiffering how many of them an event.
const (
	MostStood     = 1000
	MostDiffering = 100
)

// DigestOfMade names what was made for an entity.
func DigestOfMade(made []MadeEffect) (string, error) {
	data, err := Encode(made)
	return HashOf(string(data)), err
}

// IsPayload marks a payload.
func (AcceptLog) IsPayload() {}

// Type names the event on the wire.
func (LogDiffers) Type() string { return "log_differs" }

// Type names the event on the wire.
func (DifferenceAccepted) Type() string { return "difference_accepted" }
