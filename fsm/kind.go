// Package fsm says how each kind of entity lives. It is pure: no clock, no
// network, no chance, no logger. The same events in, the same answer out.
//
// A kind is a table, which says what event may follow where, and a few small
// functions. looplab/fsm judges the table; decide.go has what all kinds have in
// common; the file of a kind has what is its own.
package fsm

import (
	"cmp"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/relapse"
	"github.com/aeriehq/aerie/fsm/sequence"
)

// Phase is where an entity is in its life. It is for people: code asks
// conditions and what is owed.
type Phase string

// Unborn is before the first event.
const Unborn Phase = "Unborn"

// Stay, in a row, leaves the phase as it is.
const Stay Phase = ""

// A Row says: in any of these phases, this event leads to that phase.
type Row struct {
	On   ev.Event
	From []Phase
	To   Phase
}

// PhaseLimits bounds a phase in which work is owed.
type PhaseLimits struct {
	Within   time.Duration // how long the phase may last, in the cloud's time; 0: as long as it takes
	From     time.Time     // from when that counts, over all outages and restarts; zero: since the phase began, and only while somebody works
	Attempts int           // how many attempts may fail before it is given up
	Usual    time.Duration // how long it lasts as a rule, in the cloud's time, for people who wait
}

// Began is from when the time of an entity's phase counts.
func (l PhaseLimits) Began(b Base) time.Time { return cmp.Or(l.From, b.PhaseSince) }

// Data is what a kind keeps of its own beside what every entity has.
type Data interface {
	// Wants is the spec: what the user asked for.
	Wants() ev.Spec
}

// Kind is everything there is to know about one sort of entity. The functions
// are pure; those that may be nil say so.
type Kind[D Data] struct {
	Name             ev.Kind
	Table            []Row
	Rules            map[Phase]PhaseLimits
	SteadyPhases     []Phase // where the entity is what was asked for and nothing more is owed
	TerminatingPhase Phase   // where it is on its way to its end; empty if it ends at once
	FinalPhase       Phase   // where nothing of it is left; its name may be used again

	// EndsAtOnce tells whether nothing was or will be made for an entity of a kind that has a TerminatingPhase, so that its
	// deletion is its end; nil: of each something may be made.
	EndsAtOnce func(Entity[D]) bool

	// StepLimits bounds the present step of a phase that has steps; false if nothing does; nil if no phase has some.
	StepLimits func(Entity[D]) (PhaseLimits, bool)
	// CreateEvents are the first events of an incarnation with this uid.
	CreateEvents func(ev.Create, string) []ev.Event
	// CheckSpec says why a spec does not fit what it refers to; nil if references may be of any kind and owner.
	CheckSpec func(ev.Ref, ev.Spec, *Refs) []ev.FieldError
	// Rejoin is what follows the birth of one that is adopted, in the same decision; nil if nothing does.
	Rejoin func(Entity[D], ev.Adopt, *Refs) ([]ev.Change, error)
	// UpdateEvents are the events of another spec, or why it may not be.
	UpdateEvents func(Entity[D], ev.Spec) ([]ev.Event, []ev.FieldError)
	// Alongside is what a first or another spec brings about for others; nil if nothing.
	Alongside func(Entity[D], ev.Spec, *Refs) []ev.Change
	// Evolve changes the data alone: the table alone moves the phase.
	Evolve func(D, ev.Event) D
	// EvolveAt changes the data besides, where it matters when something happened; nil if it never does.
	EvolveAt func(D, ev.Event, time.Time) D
	// Owed is the effect that is due; it returns nil at rest, or when only a person can help.
	Owed func(Entity[D]) ev.Effect
	// Advance goes on if what the entity waits for is there; nil if it waits for nothing.
	Advance func(Entity[D], *Refs) ([]ev.Change, *Blocker)
	// Elapsed is what happens when the time of a wait is over; nil if no wait has one.
	Elapsed func(Entity[D], *Refs) []ev.Change
	// ExpectedEffects is what was made for one at rest, as the effects that made it; nil if nothing is made for it.
	ExpectedEffects func(Entity[D], *Refs) []ev.Effect
	// Watched tells whether one is looked at that is in none of the SteadyPhases, since what works of it is to go on working; nil: none is.
	Watched func(Entity[D]) bool
	// Repair begins a repair; nil for RepairStarted alone.
	Repair func(Entity[D]) []ev.Event
	// IsNews tells whether a look has seen what is not known yet, and whether that is nothing but numbers of nodes; nil if
	// nothing of it is seen.
	IsNews func(Entity[D], ev.Seen) (news, onlyNodes bool)
	// DecideVerb decides a verb of the kind's own, or what the machinery notes of that kind alone; nil if it has none.
	DecideVerb func(Entity[D], ev.Payload, *Refs) ([]ev.Change, error)
	// Locked says why nothing may be asked of one now that would change its spec; nil, or a nil error, if it may.
	Locked func(Entity[D], ev.Payload, *Refs) error
	// Hold is the event by which what was asked has to wait, of an entity as it is after a decision; nil, or a nil event, if
	// nothing has to.
	Hold func(Entity[D], *Refs) ev.Event
	// ForgetChanges makes others forget the entity before it is gone; nil if nothing keeps a note of it.
	ForgetChanges func(Entity[D], *Refs) []ev.Change
	// Outcome is what a reported outcome means; nil if the outcome is itself the event.
	Outcome func(Entity[D], ev.Event) []ev.Event
	// Users are the living entities that use it, which have to go first; nil if nothing can use it.
	Users func(Entity[D], *Refs) []ev.Ref
	// Cascades tells whether its users may be deleted with it.
	Cascades bool
	// OwnedKinds are those of its users that are a part of it, and go with it unasked.
	OwnedKinds []ev.Kind
	// GiveUp is the event that ends the attempts; nil for Failed.
	GiveUp func(Entity[D], ev.Reason) ev.Event
	// Recheck is what a retry of one with which nothing is wrong brings about; nil: nothing.
	Recheck func(Entity[D]) []ev.Event
	// StandsOn is what it stands on directly: what has failed for that is tried again once it is back; nil if it never is.
	StandsOn func(Entity[D]) []Dependency
	// Again is what trying again means for one that could not do what was asked of it; nil, or no changes, for a retry.
	Again func(Entity[D], *Refs) ([]ev.Change, error)
	// Handover is how it is handed over to another worker; nil if it never is, or is not now.
	Handover func(D) *ev.HandoverStarted
	// Conditions are what can be asked of it, the last one Ready.
	Conditions func(Entity[D]) []Condition
	// ConditionsOfUsers are what can be asked of it and is said by what uses it; nil if nothing is.
	ConditionsOfUsers func(Entity[D], *Refs) []Condition

	verdicts map[Phase]map[string]Phase // of looplab/fsm, see transitions.go
}

// Entity is what its events made of it. Nothing but Apply can change its phase.
type Entity[D Data] struct {
	Base
	Data D
}

// Base is what entities of all kinds have in common. Its reference and its phase are not packed with the rest: whoever keeps an entity
// keeps the one beside it, and the other is a number among the phases of its kind.
type Base struct {
	Ref           ev.Ref `pack:"-"`
	UID           string
	Seq           uint64    // of its last event
	Created       time.Time // of its first event
	CreatedSeq    uint64    // the sequence of that event
	PhaseSince    time.Time // when it entered its phase, or began in it anew
	OwedSince     time.Time // when it came to be owed what it is owed now; zero at rest
	TroubleSince  time.Time // when it met the trouble that it has now; zero if it has none
	Labels        map[string]string
	Revision      int               // of its spec, from 1
	Attempt       *ev.AttemptFailed // the last failed attempt at what is owed now
	Failure       *ev.Reason        // why it was given up, if it was
	Creations     []Creation        // what is made for it and was not seen yet
	Unmet         *ev.Reason        // why what is asked for now was given up, while what was there before works on
	UnmetSince    time.Time         // when it met that; of no meaning if there is none
	Drift         string            // what had drifted when somebody last saw that something has, until that is over
	Relapses      relapse.Relapses  // what has drifted lately
	RepairAt      time.Time         // when what is contested is repaired; zero if nothing is
	Conditions    []Condition
	History       sequence.List // the sequences of its events
	LastEventID   string        // the id of its last event: the cause of what follows from it
	CorrelationID string        // the correlation id of that event
	Rounds        Rounds        // of its phase
	Drained       bool          // it is to go, and nothing uses it any more
	phase         Phase         `pack:"-"`
}

// Phase is where the entity is in its life.
func (b Base) Phase() Phase {
	if b.phase == "" {
		return Unborn
	}
	return b.phase
}

// Holds tells whether a condition of the entity is true.
func (b Base) Holds(condition string) bool {
	for _, c := range b.Conditions {
		if c.Type == condition {
			return c.Status == True
		}
	}
	return false
}

// The status of a condition.
const (
	True  = "True"
	False = "False"
)

// ConditionReady is the condition every kind has: others may rely on it.
const ConditionReady = "Ready"

// Condition is one thing that can be asked of an entity.
type Condition struct {
	Type    string    `json:"type" doc:"What is asked; Ready is asked of every kind"`
	Status  string    `json:"status" enum:"True,False"`
	Reason  string    `json:"reason" doc:"Why, as one stable word"`
	Message string    `json:"message" doc:"Why, as a sentence"`
	Since   time.Time `json:"since" doc:"When the status last changed"`
}

// condition makes a condition of a yes or no; when it is no, the entity's
// trouble says why, else its phase.
func (b Base) condition(name string, yes bool) Condition {
	if yes {
		return Condition{Type: name, Status: True, Reason: string(b.Phase())}
	}
	c := Condition{Type: name, Status: False, Reason: string(b.Phase())}
	if r := b.trouble(); r != nil {
		c.Reason, c.Message = string(r.Code), r.Message
	}
	return c
}

// TroubleOf is the code of what is wrong with an entity; empty if nothing is.
func TroubleOf(e Entity[Data]) ev.ReasonCode {
	if t := e.trouble(); t != nil {
		return t.Code
	}
	return ""
}

// trouble is the reason of the last failure that still matters; nil if none does.
func (b Base) trouble() *ev.Reason {
	switch {
	case b.Failure != nil:
		return b.Failure
	case b.Attempt != nil:
		return &b.Attempt.Reason
	}
	return nil
}

// limits are the bounds of the work that an entity is owed now, if it has some.
func (k *Kind[D]) limits(e Entity[D]) (PhaseLimits, bool) {
	if k.StepLimits != nil {
		if l, bounded := k.StepLimits(e); bounded {
			return l, true
		}
	}
	l, bounded := k.Rules[e.Phase()]
	return l, bounded
}
