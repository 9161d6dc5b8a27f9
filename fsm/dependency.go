package fsm

import (
	"cmp"
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// WaitFor is the effect of waiting: nobody does it, the dispatcher looks again at
// each event of what is awaited.
type WaitFor struct {
	On     []Dependency  `json:"on"`
	Since  time.Time     `json:"since,omitzero"`   // of a wait that has a time: the event from which that counts, over all restarts
	Within time.Duration `json:"within,omitempty"` // how long that is, in the cloud's time; 0: as long as it takes
	Wall   bool          `json:"wall,omitempty"`   // that time is real time, and not the cloud's

	Resting bool `json:"resting,omitempty"` // whoever waits so is at rest: what comes is news, and nothing that was asked for
}

// Idle tells whether whoever waits so is at rest.
func (w WaitFor) Idle() bool { return w.Resting || w.OnlyTime() }

// OnlyTime tells whether nothing but time ends the wait: whoever waits so is at rest.
func (w WaitFor) OnlyTime() bool { return len(w.On) == 0 && w.Within > 0 }

// Dependency is what is waited for: a condition of another entity, or with a class
// something of which there may be many.
type Dependency struct {
	ev.Ref
	Condition string `json:"condition,omitempty"`
	Class     string `json:"class,omitempty"`
}

// Awaited is what can end a wait: news of an entity, of the users of an entity, or of a class of places.
type Awaited struct {
	Ref   ev.Ref
	Class string
}

// String says for people what is waited for.
func (d Dependency) String() string {
	switch words, is := classWords[d.Class]; {
	case is:
		return fmt.Sprintf(words, d.Ref)
	case d.Class == Budget:
		return "that more may be made for plans"
	case d.Class != "":
		return "any " + string(d.Kind)
	}
	return d.Ref.String()
}

// classWords are what is awaited of an entity, as people say it.
var classWords = map[string]string{
	UsersGone: "the end of what uses %s", AccountOf: "the account of %s", Ground: "what %s stands on", MadeFor: "what is made for %s",
	CellApplications: "the applications of %s", TenantsOn: "who comes to %s or leaves it",
}

const (
	// UsersGone is what who is to go awaits of itself: that nothing uses it any more.
	UsersGone = "users"
	// SomePlace is what a tenant awaits that has none: any place that its plan asks for.
	SomePlace = "place"
)

// AwaitedBy lists what can end the wait of an entity; nothing if it does not wait.
func AwaitedBy(e Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (all []Awaited) {
	a, _ := Machines[e.Ref.Kind].Owed(e).(WaitFor)
	for _, n := range a.On {
		switch n.Class {
		case SomePlace:
			all = append(all, awaitedPlaces(typed[TenantData](e), get)...)
		case AccountOf, Ground:
			all = append(all, awaitedBelow(e, n, get)...)
		case CellApplications:
			all = append(all, awaitedApplications(n.Ref, get)...)
		default:
			all = append(append(all, Awaited{n.Ref, n.Class}), awaitedMachines(e.Ref, n.Ref, get)...)
		}
	}
	return all
}

// Effect names the waiting.
func (WaitFor) Effect() string { return "await" }

// ready is the need that another entity is Ready.
func ready(kind ev.Kind, path string) Dependency {
	ref, _ := ev.ParseRef(kind, path)
	return Dependency{Ref: ref, Condition: ConditionReady}
}

// Blocker says what an entity that is not where it should be is waiting for, or
// what went wrong, and when it is tried again.
type Blocker struct {
	ev.Reason
	Since   time.Time `json:"since,omitzero" doc:"Since when it is so"`
	Retried bool      `json:"retried" doc:"Whether it goes on by itself"`
	NextAt  time.Time `json:"next_at,omitzero" doc:"When it is tried again"`

	attempt *ev.AttemptFailed
}

// NextTry is when it is tried again after a time; zero if that is not known.
func (b Blocker) NextTry(now time.Time) time.Time {
	switch {
	case b.attempt == nil && b.NextAt.After(now): // a repair that has to wait
		return b.NextAt
	case b.attempt == nil:
		return time.Time{}
	}
	return b.attempt.NextTry(now)
}

// waitsFor says that one thing is not ready yet.
func waitsFor(n Dependency, state string) *Blocker {
	return &Blocker{Reason: ev.Reason{Code: ev.Dependency, Fault: ev.BySystem, Message: fmt.Sprintf("waits for %s, which is %s", n.Ref, state)}, Retried: true}
}

// state is where an entity is, and what is in its way.
func state(b Base) string {
	if t := b.trouble(); t != nil {
		return fmt.Sprintf("%s: %s", b.Phase(), t.Message)
	}
	return string(b.Phase())
}

// unmet finds the first need that does not hold; nil if all do.
func (r *Refs) unmet(needs []Dependency) *Blocker {
	for _, n := range needs {
		other, ok := r.Get(n.Ref)
		if !ok {
			return waitsFor(n, "not there")
		}
		if !other.Holds(n.Condition) {
			return waitsFor(n, state(other.Base))
		}
	}
	return nil
}

// blocker finds the one reason for which an entity is not at rest; nil if it is.
func (k *Kind[D]) blocker(e Entity[D], refs *Refs) *Blocker {
	if t := e.trouble(); t != nil {
		w := &Blocker{Reason: *t, Since: e.TroubleSince, NextAt: e.RepairAt}
		if e.Failure == nil {
			w.NextAt, w.attempt = e.Attempt.NextAt, e.Attempt
		}
		w.Retried = !w.NextAt.IsZero()
		return w
	}
	owed := k.owed(e)
	if h := k.handoverBlocker(e); h != nil {
		return h
	}
	if idle(owed) {
		return nil
	}
	if _, w := k.wait(e, refs); w != nil {
		w.Since = e.OwedSince
		return w
	}
	return &Blocker{Reason: ev.Reason{Code: ev.InProgress, Fault: ev.BySystem, Message: inWords(owed) + " is under way"}, Since: e.OwedSince, Retried: true}
}

// workWords are effects as people say them.
var workWords = map[string]string{
	"await": "waiting for others", "verify_account": "a check of the account's rights", "ensure_network": "the network",
	"ensure_cluster": "the cluster's control plane", "ensure_system_pool": "the pool of system nodes", "upgrade_pools": "an upgrade of the node pools",
	"ensure_cloud_addons": "installing what the cloud adds", "ensure_base": "the base of the cluster", "ensure_pools": "the set of node pools",
	"suspend_tenant": "stopping what runs of the tenant", "resume_tenant": "starting what ran of the tenant",
	"retire_pools": "removal of pools that are not wanted any more", "move_tenant": "a step of the tenant's move",
	"relocate_tenant": "a step of the tenant's move to another cluster", "ensure_tenant": "the tenant's namespace",
	"ensure_application": "installing the application", "ensure_addon": "installing the addon",
	"remove_owned": "removal of all that was made", "remove_tenant": "removal of the namespace", "remove_application": "removal of the application",
	"remove_addon": "removal of the addon", "ensure_cell": "the cell's namespace", "remove_cell": "removal of the cell's namespace",
	"join_tenant": "the program by which the tenant joins its cell", "record_tenant": "the tenant's record in its cell",
	"leave_tenant": "the program by which the tenant leaves its cell", "forget_tenant": "removal of what is left of the tenant in its cell",
}

// WorkInWords is an effect, of which the name is given, as people say it; one that has no words yet by its name.
func WorkInWords(effect string) string { return cmp.Or(workWords[effect], effect) }

func inWords(e ev.Effect) string { return WorkInWords(e.Effect()) }
