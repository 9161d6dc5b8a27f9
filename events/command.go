package events

import "time"

// MaxBody is the most bytes the body of a command may have.
const MaxBody = 256 << 10

// Command asks for a change of one entity, in the imperative. It may be refused.
// Time and new ids come with it, so that deciding needs neither clock nor chance.
type Command struct {
	ID            string
	Ref           Ref
	Actor         string
	Time          time.Time
	UID           string // the incarnation's, should this command create one
	CausationID   string
	CorrelationID string
	TraceParent   string
	Digest        string  // tells a repeat from another command under the same id
	RawDigest     string  // the same as releases before made it, which the log may have
	ExpectedSeq   *uint64 // refuse if the entity's last sequence is another
	ExpectedUID   string  // refuse if the name belongs to another incarnation
	DryRun        bool
	Internal      bool       // the machinery gave it, and nobody who authenticated
	OfCustomer    bool       // a customer's people gave it: what they may not see is to it as if it were not there
	Use           *TenantUse // what was seen of a tenant that is to move; nil: nobody has looked
	Payload       Payload
}

// Payload is what a command wants: what the verbs of its kind say from people, Report, Settle, Sweep, NoteDrift, NoteCatalogue or Expire
// from the machinery.
type Payload interface{ IsPayload() }

// Settle asks to look again at what the entity waits for: a dependency, a place.
type Settle struct{}

// Sweep says what was found and removed of an incarnation that has ended.
type Sweep struct{ Swept Swept }

// NoteDrift says what of an entity at rest was found to be not as it was made, if
// anything.
type NoteDrift struct {
	Found []Drift
	Seen  *Seen         // how it is besides; nil: nobody looked
	Every time.Duration // the least time between two events of nothing but numbers of nodes; 0: none
	Calls []Call
}

// Expire says that the time an entity may spend in a phase is over.
type Expire struct{ Since time.Time } // when it entered the phase

// IsPayload marks a payload.
func (Settle) IsPayload() {}

// IsPayload marks a payload.
func (Sweep) IsPayload() {}

// IsPayload marks a payload.
func (NoteDrift) IsPayload() {}

// IsPayload marks a payload.
func (Expire) IsPayload() {}

// Spec is what a user wants of an entity of one kind.
type Spec interface {
	Kind() Kind
	// Check finds what tags cannot say: faults between fields. Paths start at "spec".
	Check() []FieldError
}

// The actors that are not people.
const (
	ActorAdmin    = "admin"    // who shows the local token; also in logs of releases that knew nobody else
	ActorAerie    = "aerie"    // the control plane itself
	ActorExecutor = "executor" // who works in clouds and clusters
)

// Answer is what a command is answered with once its events are durable.
type Answer struct {
	CommandID string        `json:"command_id" doc:"The command's id: a repeat of it is answered with this same answer"`
	Seq       uint64        `json:"seq" doc:"The last sequence the command caused, or the entity's present one if nothing new happened"`
	Events    []AnswerEvent `json:"events" doc:"What happened; empty if nothing new did"`
	Entity    AnswerEntity  `json:"entity" doc:"The commanded entity afterwards"`
	Move      *MovePlan     `json:"move,omitempty" doc:"In a dry run of a tenant's move: what it would do"`
	Takes     []string      `json:"takes,omitempty" nullable:"false" doc:"In a dry run of a deletion with cascade: what else would be deleted, in this order"`
}

// AnswerEvent names one event of an answer.
type AnswerEvent struct {
	Type string `json:"type"`
	Seq  uint64 `json:"seq"`
	ID   string `json:"id"`
}

// AnswerEntity is the commanded entity right after the command.
type AnswerEntity struct {
	Owner string `json:"owner"`
	Kind  Kind   `json:"kind"`
	ID    string `json:"id"`
	UID   string `json:"uid"`
	Phase string `json:"phase"`
	Seq   uint64 `json:"seq"`
}
