package events

import (
	"reflect"
	"slices"
	"time"
)

// These events happen to entities of several kinds.
type (
	// Requested gives birth to an entity: someone wants it.
	Requested[S Spec] struct {
		UID    string            `json:"uid"`
		Labels map[string]string `json:"labels,omitempty"`
		Spec   S                 `json:"spec"`
		Made   *Made             `json:"made,omitempty"` // of what a plan's template has made
	}
	// UpdateRequested replaces the spec; the world is owed the difference.
	UpdateRequested[S Spec] struct {
		Spec S `json:"spec"`
	}
	// LabelsChanged replaces the business labels. It never influences provisioning.
	LabelsChanged struct {
		Labels map[string]string `json:"labels"`
	}
	// RetryRequested asks to try again now.
	RetryRequested struct{}
	// DeletionRequested begins the end. What uses the entity has to go first.
	DeletionRequested struct {
		Cascade bool `json:"cascade,omitempty"` // what uses it is deleted too
	}
	// Drained says that nothing uses the entity any more.
	Drained struct{}
	// Deleted says that nothing of the entity is left, neither in a cloud nor in a cluster, but for what was to stay.
	Deleted struct {
		Kept  []string `json:"kept,omitempty"` // the volumes of a dataplane that are left in its cloud
		Calls []Call   `json:"calls,omitempty"`
	}
	// Swept says that something was found in a cloud that carried the mark of an
	// incarnation that has ended, or in a dataplane's cluster that no tenant needs any
	// longer, and was removed.
	Swept struct {
		UID       string   `json:"uid"` // the incarnation's; the dataplane's own of what was not needed
		Resources []string `json:"resources"`
		Calls     []Call   `json:"calls,omitempty"`
	}
	// Drifted says that something is no longer as it was made: somebody else has
	// changed or deleted it.
	Drifted struct {
		Found  []Drift   `json:"found"`
		NextAt time.Time `json:"next_at,omitzero"` // somebody undoes each repair: the next one is not before
		Calls  []Call    `json:"calls,omitempty"`
	}
	// DriftEnded says that all is as it was made again, without our doing.
	DriftEnded struct{}
	// RepairStarted says that what has drifted is brought back.
	RepairStarted struct{}
	// AttemptFailed says that an effect was tried and did not come about.
	AttemptFailed struct {
		Effect   string    `json:"effect"`
		Revision uint64    `json:"revision"` // the sequence at which the effect was owed
		Attempt  int       `json:"attempt"`  // from 1; not counted: what was told to come later, or got no answer
		Reason             // what went wrong
		NextAt   time.Time `json:"next_at,omitzero"`   // zero: not tried again by itself
		EveryMS  int64     `json:"every_ms,omitempty"` // what is not counted is tried so often from then on, and told once
		Calls    []Call    `json:"calls,omitempty"`
	}
	// CallsMade says which calls have changed something in a round of work that had no other news.
	CallsMade struct {
		Effect string `json:"effect"`
		Calls  []Call `json:"calls"`
	}
	// Failed ends the attempts: the entity rests until someone retries or updates it.
	Failed struct {
		Reason
	}
	// Activated says that everything wanted is there.
	Activated struct {
		Calls []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (Requested[S]) Type() string { return "requested" }

// Type names the event on the wire.
func (UpdateRequested[S]) Type() string { return "update_requested" }

// Type names the event on the wire.
func (LabelsChanged) Type() string { return "labels_changed" }

// Type names the event on the wire.
func (RetryRequested) Type() string { return "retry_requested" }

// Type names the event on the wire.
func (DeletionRequested) Type() string { return "deletion_requested" }

// Type names the event on the wire.
func (Swept) Type() string { return "swept" }

// Type names the event on the wire.
func (Drifted) Type() string { return "drifted" }

// Type names the event on the wire.
func (DriftEnded) Type() string { return "drift_ended" }

// Type names the event on the wire.
func (RepairStarted) Type() string { return "repair_started" }

// Type names the event on the wire.
func (Drained) Type() string { return "drained" }

// Type names the event on the wire.
func (Deleted) Type() string { return "deleted" }

// Type names the event on the wire.
func (AttemptFailed) Type() string { return "attempt_failed" }

// Type names the event on the wire.
func (CallsMade) Type() string { return "calls_made" }

// Type names the event on the wire.
func (Failed) Type() string { return "failed" }

// Type names the event on the wire.
func (Activated) Type() string { return "activated" }

// Drift is one thing that is not as it was made.
type Drift struct {
	What    string `json:"what"` // such as "network", or "NetworkPolicy acme--prod/aerie-default-deny"
	How     string `json:"how"`  // DriftDeleted or DriftChanged
	Message string `json:"message,omitempty"`
	By      string `json:"by,omitempty"`    // who has changed it, by the name that a cluster keeps of who sets fields; absent: not known
	Times   int    `json:"times,omitempty"` // how often it was found so, again after each repair; absent: once
}

// How something can drift.
const (
	DriftDeleted = "deleted"
	DriftChanged = "changed"
)

// String reads as a part of a sentence.
func (d Drift) String() string {
	if d.Message == "" {
		return d.What + " was " + d.How
	}
	return d.What + " was " + d.How + ": " + d.Message
}

// CreateEvent is implemented by the events that a life begins with.
type CreateEvent interface {
	Event
	// Born returns the incarnation's uid, its labels and its spec.
	Born() (uid string, labels map[string]string, spec Spec)
}

// SpecEvent is implemented by the events that replace a spec.
type SpecEvent interface {
	Event
	// Wanted returns the new spec.
	Wanted() Spec
}

// Born returns what the entity is born with.
func (e Requested[S]) Born() (string, map[string]string, Spec) { return e.UID, e.Labels, e.Spec }

// Born returns what the entity is born with.
func (e Created[S]) Born() (string, map[string]string, Spec) { return e.UID, e.Labels, e.Spec }

// Wanted returns the new spec.
func (e UpdateRequested[S]) Wanted() Spec { return e.Spec }

// Wanted returns the new spec.
func (e Updated[S]) Wanted() Spec { return e.Spec }

// Reason says why something is not where it should be: a stable code, a sentence, and who can help.
type Reason struct {
	Code    ReasonCode `json:"code"`
	Message string     `json:"message"`
	Fault   Blame      `json:"fault"`
	Denied  bool       `json:"denied,omitempty" doc:"People at the customer's side were asked, and said no"`
}

// ReasonCode is the stable name of a reason.
type ReasonCode string

// The codes of reasons.
const (
	Unauthenticated     ReasonCode = "unauthenticated"
	Unauthorized        ReasonCode = "unauthorized"
	QuotaExceeded       ReasonCode = "quota_exceeded"
	RateLimited         ReasonCode = "rate_limited"
	CapacityUnavailable ReasonCode = "capacity_unavailable"
	Dependency          ReasonCode = "dependency"
	ConfigProblem       ReasonCode = "config_problem"
	ConflictReason      ReasonCode = "conflict"
	Timeout             ReasonCode = "timeout"
	Unreachable         ReasonCode = "unreachable"
	InternalReason      ReasonCode = "internal"
	UnknownReason       ReasonCode = "unknown" // refused in words that nobody has met
	DriftedReason       ReasonCode = "drifted"
	Contested           ReasonCode = "contested"         // somebody else undoes what is repaired, again and again
	Queued              ReasonCode = "queued"            // so much is being done at once that it has to wait for its turn
	NotSeen             ReasonCode = "not_seen"          // it was made, and no look shows it
	InProgress          ReasonCode = "in_progress"       // nothing is wrong: it takes its time
	AgentTooOld         ReasonCode = "agent_too_old"     // the agent that is to do it does not know how
	ProvisionStopped    ReasonCode = "provision_blocked" // what was made for a plan failed again and again
	Approval            ReasonCode = "approval"          // people at the customer's side are to agree, or a freeze or pause of theirs to end
)

// ReasonCodes are all of them.
var ReasonCodes = []ReasonCode{
	Unauthenticated, Unauthorized, QuotaExceeded, RateLimited, CapacityUnavailable, Dependency,
	ConfigProblem, ConflictReason, Timeout, Unreachable, InternalReason, UnknownReason,
	DriftedReason, Contested, Queued, NotSeen, InProgress, AgentTooOld, ProvisionStopped, Approval,
}

// Call is one call to a cloud or a cluster, as the event of its outcome keeps it.
type Call struct {
	API       string    `json:"api"`
	At        time.Time `json:"at"`
	TookMS    int64     `json:"took_ms"`
	Code      string    `json:"code"` // "ok", or the error's code
	RequestID string    `json:"request_id,omitempty"`
	Changes   []string  `json:"changes,omitempty"` // what it had changed in the cloud, in that one's own words
}

// inside are the calls inside a cluster that make or remove something there. They do not say what they changed.
var inside = []string{"EnsureBase", "RemoveBase", "EnsureTenant", "MoveTenant", "RelocateTenant", "FollowSecrets", "DeleteTenant", "EnsureApplication", "RemoveApplication", "EnsureAddon", "RemoveAddon",
	"EmptyNodes", "ReopenNodes", "DeleteBalancers", "EnsureCell", "RemoveCell", "JoinTenant", "RecordTenant", "LeaveTenant", "ForgetTenant"}

// Changing tells whether a call has changed something, or may have inside a cluster.
func (c Call) Changing() bool { return len(c.Changes) > 0 || slices.Contains(inside, c.API) }

// CallsOf are the calls that an event tells.
func CallsOf(e Event) []Call {
	f := reflect.ValueOf(e).FieldByName("Calls")
	if !f.IsValid() {
		return nil
	}
	calls, _ := f.Interface().([]Call)
	return calls
}

// NextTry is the first try after a time: a failed attempt is tried again at NextAt, and one that is not counted ever
// after. Zero: it is being tried, or not by itself.
func (f AttemptFailed) NextTry(now time.Time) time.Time {
	every := time.Duration(f.EveryMS) * time.Millisecond
	switch {
	case f.NextAt.After(now):
		return f.NextAt
	case f.NextAt.IsZero() || every <= 0:
		return time.Time{}
	}
	return f.NextAt.Add((now.Sub(f.NextAt)/every + 1) * every)
}

// Longer tells whether the pause between tries is so much longer than the one that was told that it is news: each time more
// than twice as long, so that it is told a few times at most.
func (f AttemptFailed) Longer(told AttemptFailed) bool {
	return told.EveryMS > 0 && f.EveryMS > 2*told.EveryMS
}

// Counted tells whether a failure counts as an attempt: being told to come
// later does not, nor does no answer, which says nothing of what was asked.
func (r Reason) Counted() bool {
	switch r.Code {
	case RateLimited, ConflictReason, Dependency, QuotaExceeded, CapacityUnavailable, Unreachable, Queued, NotSeen, AgentTooOld, Approval:
		return false
	}
	return true
}

// LacksRights tells whether somebody was not let in, or may not do what is to be done. What people have denied is not for an
// account to give.
func (r Reason) LacksRights() bool {
	return !r.Denied && (r.Code == Unauthorized || r.Code == Unauthenticated)
}

// Waits tells whether who waits for this uses up none of a phase's time: whoever is throttled, has no room or is not
// answered can do nothing about it. What asks for more than the machines of its cluster have is its owner's to change.
func (r Reason) Waits() bool {
	switch r.Code {
	case RateLimited, QuotaExceeded, Unreachable, Queued, AgentTooOld, Approval:
		return true
	case CapacityUnavailable:
		return r.Fault == ByCloud
	}
	return false
}

// Held tells whether it is the customer's side alone that keeps work waiting, for as long as it likes: no time of a phase runs.
func (r Reason) Held() bool { return r.Code == AgentTooOld || r.Code == Approval }

// Final tells whether trying again by itself can't help.
func (r Reason) Final() bool { return r.Code == ConfigProblem || r.Denied }

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
