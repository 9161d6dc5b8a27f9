package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Machine is a kind whose data's type is not known, as the fold and the workers
// use it.
type Machine interface {
	// Apply moves an entity by one event of the log; an error means that the table forbids it.
	Apply(Entity[Data], ev.Recorded) (Entity[Data], error)
	// Decide says what a command changes, tried on the table; errors are *events.Refusal.
	Decide(Entity[Data], ev.Command, *Refs) ([]ev.Change, error)
	// propose is a part of a decision: it is not tried, and what follows for others is not in it.
	propose(Entity[Data], ev.Command, *Refs) ([]ev.Change, error)
	// Owed is what the world owes the entity; nil if nothing.
	Owed(Entity[Data]) ev.Effect
	// Blocker is the one reason for which an entity is not at rest; nil if it is.
	Blocker(Entity[Data], *Refs) *Blocker
	// Conditions are what can be asked of the entity, Ready last: what its own events say, and what its users do.
	Conditions(Entity[Data], *Refs) []Condition
	// Users are the living entities that use one, which have to go before it.
	Users(Entity[Data], *Refs) []ev.Ref
	// Others are those of its users that are no part of it: they are in the way of its deletion, or go with cascade.
	Others(Entity[Data], *Refs) []ev.Ref
	// ExpectedEffects is what was made for an entity at rest and should still be as it was
	// made, as the effects that made it; nil if it is not at rest, or not to be looked at.
	ExpectedEffects(Entity[Data], *Refs) []ev.Effect
	// TriedAgain tells whether what has failed is tried again by itself, if what it stands on was the cause and is back.
	TriedAgain() bool
	// standsOn is what an entity stands on directly; nil if what it stands on does not matter.
	standsOn(Entity[Data], func(ev.Ref) (Entity[Data], bool)) []Dependency
	// Next is the phase to which an event leads from another, and whether the table lets it happen there.
	Next(Phase, string) (Phase, bool)
	// Terminating tells whether a phase is on the way to the end.
	Terminating(Phase) bool
	// Ended tells whether in a phase nothing of the entity is left.
	Ended(Phase) bool
	// Limits bounds a phase.
	Limits(Phase) PhaseLimits
	// LimitsOf bounds what an entity is owed now: its phase, or the step of it that is taken.
	LimitsOf(Entity[Data]) PhaseLimits
	// UsuallyRests is how long an entity that enters a phase takes as a rule until it is at rest, in the cloud's
	// time, but for what it waits for; 0 if that is not known.
	UsuallyRests(Phase) time.Duration
	// LookedAt tells whether it is looked at what somebody else does to an entity: at rest, and where else something of it works.
	LookedAt(Entity[Data]) bool
	// AtRest tells whether a phase is what was asked for, with nothing more to come.
	AtRest(Phase) bool
	// Phases lists the phases in the order of a life, Unborn first.
	Phases() []Phase
	// Vocabulary is every event of the kind.
	Vocabulary() []ev.Event
	// Diagram draws the kind's life as a Mermaid state diagram.
	Diagram() (string, error)

	Pack([]byte, Entity[Data]) []byte            // writes an entity behind some bytes, but for the full groups of its history
	PackBase([]byte, Entity[Data]) []byte        // writes the part of it that comes first: what all kinds have in common
	Unpack(ev.Ref, Packed) (Entity[Data], error) // reads one
}

// machine erases the type of a kind's data.
type machine[D Data] struct {
	*Kind[D]
	packer packer[D]
}

func erase[D Data](k Kind[D]) Machine {
	k.judge()
	return machine[D]{&k, newPacker(&k)}
}

func typed[D Data](e Entity[Data]) Entity[D] {
	d, _ := e.Data.(D) // of the unborn: the zero value
	return Entity[D]{e.Base, d}
}

func (m machine[D]) Apply(e Entity[Data], r ev.Recorded) (Entity[Data], error) {
	after, err := m.apply(typed[D](e), r)
	return Entity[Data]{after.Base, after.Data}, err
}

// begin forgets what was decided with these refs before, as by a dry run: what that gave birth to is not there.
func (r *Refs) begin(c ev.Command) { r.command, r.births, r.born = c, 0, nil }

// Decide tries its own outcome on the tables before anyone may store it.
func (m machine[D]) Decide(e Entity[Data], c ev.Command, refs *Refs) ([]ev.Change, error) {
	refs.begin(c)
	changes, err := m.propose(e, c, refs)
	if err != nil {
		return nil, err
	}
	return complete(refs.addForMade(c, changes), c, refs)
}

func (m machine[D]) propose(e Entity[Data], c ev.Command, refs *Refs) ([]ev.Change, error) {
	return m.decide(typed[D](e), c, refs)
}

func (m machine[D]) Owed(e Entity[Data]) ev.Effect              { return m.owed(typed[D](e)) }
func (m machine[D]) Users(e Entity[Data], refs *Refs) []ev.Ref  { return m.users(typed[D](e), refs) }
func (m machine[D]) Others(e Entity[Data], refs *Refs) []ev.Ref { return m.others(typed[D](e), refs) }
func (m machine[D]) Conditions(e Entity[Data], refs *Refs) []Condition {
	return m.conditions(typed[D](e), refs)
}
func (m machine[D]) ExpectedEffects(e Entity[Data], refs *Refs) []ev.Effect {
	return m.stands(typed[D](e), refs)
}
func (m machine[D]) LookedAt(e Entity[Data]) bool {
	return m.Kind.ExpectedEffects != nil && (m.AtRest(e.Phase()) || m.watches(typed[D](e)))
}
func (m machine[D]) Next(p Phase, event string) (Phase, bool) {
	to, may := m.verdicts[p][event]
	return to, may
}
func (m machine[D]) Terminating(p Phase) bool {
	return m.Kind.TerminatingPhase != "" && p == m.Kind.TerminatingPhase
}
func (m machine[D]) Ended(p Phase) bool                          { return p == m.FinalPhase }
func (m machine[D]) Blocker(e Entity[Data], refs *Refs) *Blocker { return m.blocker(typed[D](e), refs) }
func (m machine[D]) Limits(p Phase) PhaseLimits                  { return m.Rules[p] }
func (m machine[D]) LimitsOf(e Entity[Data]) PhaseLimits {
	l, _ := m.limits(typed[D](e))
	return l
}
func (m machine[D]) UsuallyRests(from Phase) (d time.Duration) {
	phases := m.Phases()
	at := slices.Index(phases, from)
	if at < 0 || m.AtRest(from) || m.Terminating(from) || m.Ended(from) {
		return 0
	}
	for _, p := range phases[at:] {
		if m.AtRest(p) {
			break
		}
		d += m.Rules[p].Usual
	}
	return d
}
func (m machine[D]) AtRest(p Phase) bool { return slices.Contains(m.SteadyPhases, p) }

// Vocabulary is every event of every kind: what the log may hold.
func Vocabulary() map[ev.Kind][]ev.Event {
	all := map[ev.Kind][]ev.Event{ev.CommandKind: {ev.CommandRefused{}}}
	for k, m := range Machines {
		all[k] = m.Vocabulary()
	}
	return all
}

// Machines lists every kind. To add one, write its column and name it here.
var Machines map[ev.Kind]Machine

func init() { // not an initialiser: kinds and their machines refer to each other
	Machines = map[ev.Kind]Machine{
		ev.Customer: erase(customer), ev.Account: erase(account), ev.Plan: erase(plan), ev.Dataplane: erase(dataplane),
		ev.TenantInfra: erase(tenantInfra), ev.Tenant: erase(tenant), ev.Application: erase(application), ev.Addon: erase(addon),
		ev.Principal: erase(principal), ev.Token: erase(token),
		ev.Cell: erase(cell), ev.Agent: erase(agent), ev.CellApplication: erase(cellApplication),
		ev.Repository: erase(repository),
	}
	for k := range Machines {
		if _, ok := ev.KindOf(string(k)); !ok {
			panic(fmt.Sprintf("fsm: kind %s has no name in events.Kinds", k))
		}
	}
}
