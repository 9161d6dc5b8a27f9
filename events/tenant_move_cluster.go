package events

import "time"

// The steps of a move to another cluster beside those of every move.
const (
	StepInstall  = "install"  // its applications are installed at the target, which is closed
	StepReady    = "ready"    // where snapshots bring its data: all is there to close the source
	StepConfirm  = "confirm"  // somebody is to say that it may be closed
	StepWindow   = "window"   // the time is waited for in which it may be closed
	StepQuiesce  = "quiesce"  // the source is closed
	StepCopy     = "copy"     // programs, or snapshots of its volumes, bring its data to the target
	StepVerify   = "verify"   // it is looked whether all is there
	StepOpen     = "open"     // the target is opened
	StepRedirect = "redirect" // programs point at it from outside
	StepHold     = "hold"     // the source stays, closed

	StepStop      = "stop"      // no step: where a move is given up, the programs end that were begun at the target
	StepUnquiesce = "unquiesce" // no step: what programs undo that have let the source rest, where a move is given up
)

type (
	// MoveInstalled says that all applications are at the target, which is closed. Unless something is waited for first, the
	// source is closed from now on.
	MoveInstalled struct {
		At time.Time `json:"at"` // of the decision
		// Here and There are where its applications are reached that name endpoints, at the source and at the target.
		Here  []EndpointAddress `json:"here,omitempty"`
		There []EndpointAddress `json:"there,omitempty"`
	}
	// MoveReadied says that the target is ready for snapshots of the tenant's volumes. Unless something is waited for first, the source is
	// closed from now on.
	MoveReadied struct {
		At time.Time `json:"at"` // of the decision
	}
	// MoveConfirmed says that somebody lets the tenant be closed.
	MoveConfirmed struct {
		At time.Time `json:"at"` // of the decision
	}
	// MoveWindowOpened says that the time has come in which the tenant may be closed.
	MoveWindowOpened struct {
		At time.Time `json:"at"` // of the decision
	}
	// MoveWindowMissed says that nobody was at work while the tenant might have been closed: the next such time is waited for.
	MoveWindowMissed struct{}
	// MoveQuiesced says that the source was closed, and has been seen so.
	MoveQuiesced struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// MoveCopied says that the programs, or the snapshots, are done that bring its data to the target.
	MoveCopied struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// MoveVerified says that it was looked whether all is there.
	MoveVerified struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// MoveRedirected says that the programs are done that point at the target from outside.
	MoveRedirected struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// MoveOpened says that the target is open, and for how long neither place was.
	MoveOpened struct {
		ClosedMS int64  `json:"closed_ms"`
		Calls    []Call `json:"calls,omitempty"`
	}
	// MoveHeld says that the source has stayed for long enough.
	MoveHeld struct{}
	// MoveStopped says that a move was given up and none of its programs runs at the target any more.
	MoveStopped struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// MoveReopened says that a move was given up and the source is open again.
	MoveReopened struct {
		ClosedMS int64  `json:"closed_ms"`
		Calls    []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (MoveInstalled) Type() string { return "move_installed" }

// Type names the event on the wire.
func (MoveReadied) Type() string { return "move_readied" }

// Type names the event on the wire.
func (MoveConfirmed) Type() string { return "move_confirmed" }

// Type names the event on the wire.
func (MoveWindowOpened) Type() string { return "move_window_opened" }

// Type names the event on the wire.
func (MoveWindowMissed) Type() string { return "move_window_missed" }

// Type names the event on the wire.
func (MoveQuiesced) Type() string { return "move_quiesced" }

// Type names the event on the wire.
func (MoveCopied) Type() string { return "move_copied" }

// Type names the event on the wire.
func (MoveVerified) Type() string { return "move_verified" }

// Type names the event on the wire.
func (MoveRedirected) Type() string { return "move_redirected" }

// Type names the event on the wire.
func (MoveOpened) Type() string { return "move_opened" }

// Type names the event on the wire.
func (MoveHeld) Type() string { return "move_held" }

// Type names the event on the wire.
func (MoveStopped) Type() string { return "move_stopped" }

// Type names the event on the wire.
func (MoveReopened) Type() string { return "move_reopened" }

// RelocateTenant owes a step of a tenant's move to another cluster: its namespace in one of the two, open or closed. Where the placement
// names a record that is its record in a cell instead.
type RelocateTenant struct {
	EnsureTenant           // its namespace as it is to be at this step
	Step         string    `json:"step"`
	Move         string    `json:"move"`             // the operation's id
	Sleeps       bool      `json:"sleeps,omitempty"` // nothing runs in it
	Since        time.Time `json:"since,omitzero"`   // when the source began to be closed

	Programs *MovePrograms `json:"programs,omitempty"` // nil: none is run at this step
	Follow   *MoveFollow   `json:"follow,omitempty"`   // nil: no Secret follows at this step
	Look     *MoveLook     `json:"look,omitempty"`     // what is looked at again before it is closed; nil: nothing is
	Volumes  *MoveVolumes  `json:"volumes,omitempty"`  // where they come from that come along by snapshots; nil: none do
	Join     *PlanJob      `json:"join,omitempty"`     // by which it comes into its new cell at the step prepare; nil: by none
}

// MoveFollow is the other place of a tenant that goes to another cluster, for the Secrets that follow it: at the step prepare the one that
// they come from, at quiesce the one that they go to. What they say is in no effect and in no event.
type MoveFollow struct {
	Site      Target `json:"site"`
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Stay      string `json:"stay,omitempty"`
	Some      bool   `json:"some,omitempty"` // some did when the move began
}

// MoveVolumes is the place from which the volumes of a tenant come along to another cluster, by snapshots of them.
type MoveVolumes struct {
	Site      Target `json:"site"`
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Stay      string `json:"stay"`
}

// MovePrograms are the programs of one step of a move, or of a suspension, which has Jobs, Stops, Egress, Source and Round alone.
type MovePrograms struct {
	Jobs    []MoveJob `json:"jobs,omitempty"`
	Stops   []string  `json:"stops,omitempty"`   // the applications whose programs of the opposite step must have ended first; empty: the plan
	Egress  []string  `json:"egress,omitempty"`  // address ranges that they may connect to
	Ingress []string  `json:"ingress,omitempty"` // and from which those of the other side come
	Source  string    `json:"source"`            // the namespaces
	Target  string    `json:"target"`
	Quota   PlanQuota `json:"quota,omitzero"` // what the tenant may use where it goes to
	// SourceRecord and TargetRecord are the names of its records where the source and the target are cells.
	SourceRecord string `json:"source_record,omitempty"`
	TargetRecord string `json:"target_record,omitempty"`
	// Beside is that one end is a cell and the other a namespace of the same cluster: their programs reach each other by namespace.
	Beside bool              `json:"beside,omitempty"`
	Round  int               `json:"round,omitempty"` // of a suspension: those of an earlier one are ended, and run anew; 0: of a move
	Here   []EndpointAddress `json:"here,omitempty"`  // the endpoints of the source
	There  []EndpointAddress `json:"there,omitempty"`
}

// Effect names the work on the wire.
func (RelocateTenant) Effect() string { return "relocate_tenant" }

// Outcome is what says that the step is done, after a tenant was closed for so many milliseconds.
func (e RelocateTenant) Outcome(closedMS int64) Event {
	switch e.Step {
	case StepPrepare:
		return MovePrepared{}
	case StepQuiesce:
		return MoveQuiesced{}
	case StepCopy:
		return MoveCopied{}
	case StepVerify:
		return MoveVerified{}
	case StepRedirect:
		return MoveRedirected{}
	case StepStop:
		return MoveStopped{}
	case StepOpen:
		return MoveOpened{ClosedMS: closedMS}
	}
	return MoveReopened{ClosedMS: closedMS}
}
