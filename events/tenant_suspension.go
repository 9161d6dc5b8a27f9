package events

import "time"

// The verbs by which a tenant sleeps and wakes.
const (
	VerbSuspend = "suspend"
	VerbResume  = "resume"
)

var (
	suspendVerb = Verb{VerbSuspend, "Stop all that runs of {a kind}, and keep the rest", Suspend{}}
	resumeVerb  = Verb{VerbResume, "Let run again what a suspended {kind} has", Resume{}}
)

// Suspend asks that nothing of a tenant runs.
type Suspend struct{}

// Resume asks that a suspended tenant runs again.
type Resume struct{}

// IsPayload marks a payload.
func (Suspend) IsPayload() {}

// IsPayload marks a payload.
func (Resume) IsPayload() {}

type (
	// SuspendRequested says that somebody wants that nothing of the tenant runs, and by which programs operators stop what they run.
	SuspendRequested struct {
		Programs *SuspensionPrograms `json:"programs,omitempty"` // nil: by none, or by those of before if it was asleep
	}
	// Suspended says that nothing of the tenant runs any more.
	Suspended struct {
		TookMS int64  `json:"took_ms"` // since it was begun
		Calls  []Call `json:"calls,omitempty"`
	}
	// SuspendGivenUp says that the tenant can't be suspended, and why. What was stopped of it is brought back.
	SuspendGivenUp struct {
		Reason
	}
	// ResumeRequested says that somebody wants that the tenant runs again, and by which programs operators run what they have stopped.
	ResumeRequested struct {
		Programs *SuspensionPrograms `json:"programs,omitempty"` // nil: by those that were named when it was suspended; without Jobs: by none
	}
	// Resumed says that what was stopped runs again, or of a tenant that never slept that what has a scale does, and why its operators
	// could not be told to.
	Resumed struct {
		Unmet  *Reason `json:"unmet,omitempty"` // nil: all runs
		TookMS int64   `json:"took_ms"`         // since it was begun
		Calls  []Call  `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (SuspendRequested) Type() string { return "suspend_requested" }

// Type names the event on the wire.
func (Suspended) Type() string { return "suspended" }

// Type names the event on the wire.
func (SuspendGivenUp) Type() string { return "suspend_given_up" }

// Type names the event on the wire.
func (ResumeRequested) Type() string { return "resume_requested" }

// Type names the event on the wire.
func (Resumed) Type() string { return "resumed" }

type (
	// SuspendTenant owes a tenant's namespace in which nothing runs.
	SuspendTenant struct {
		EnsureTenant
		Since    time.Time     `json:"since"`              // when it was begun
		Programs *MovePrograms `json:"programs,omitempty"` // that are run first, when those have ended that it resumes by; nil: none are
		// Operated are the applications whose programs have operators stop what they run, and "" if those of its plan do.
		Operated []string `json:"operated,omitempty"`
	}
	// ResumeTenant owes a tenant's namespace in which all runs that ran before it was suspended.
	ResumeTenant struct {
		EnsureTenant
		Since    time.Time     `json:"since"`
		Programs *MovePrograms `json:"programs,omitempty"` // that are run too, when those have ended by which it is suspended; nil: none are
	}
)

// Effect names the work on the wire.
func (SuspendTenant) Effect() string { return "suspend_tenant" }

// Effect names the work on the wire.
func (ResumeTenant) Effect() string { return "resume_tenant" }
