package events

import "time"

// The verbs by which a tenant moves to other terms or to another place.
const (
	VerbMove     = "move"
	VerbPause    = "pause"
	VerbContinue = "continue"
	VerbAbort    = "abort"
	VerbConfirm  = "confirm"
)

var (
	moveVerb     = Verb{VerbMove, "Move {a kind} to another plan, or to another place of its plan; --dry-run says what that does", Move{}}
	pauseVerb    = Verb{VerbPause, "Hold the move of {a kind} where it is, while it still runs where it was", Pause{}}
	continueVerb = Verb{VerbContinue, "Let a held move of {a kind} go on", Continue{}}
	abortVerb    = Verb{VerbAbort, "Give up the move of {a kind} and bring all back to what it was", Abort{}}
	confirmVerb  = Verb{VerbConfirm, "Let the move of {a kind} close it where it is, if its plan waits for that", Confirm{}}
)

// Move asks that a tenant goes to another plan, to another version of its own, or to another place.
type Move struct {
	Plan      string `json:"plan" pattern:"^(-/)?[a-z][a-z0-9-]{0,39}(@[1-9][0-9]{0,5})?$" doc:"The plan to go to, such as business, or business@4 for a version of it; empty: its own plan, in its newest version"`
	Dataplane string `json:"dataplane" ref:"dataplane" doc:"The dataplane to go to; empty: the tenant's own if the plan allows it"`
	Cell      string `json:"cell" ref:"cell" doc:"The cell to go to, such as eu/pg-small/c1; empty: the plan's rule chooses one"`
	Leave     bool   `json:"leave" default:"false" doc:"Go to another cluster though things stay behind that aerie did not make, and are removed there"`
	PlanID    string `json:"plan_id" pattern:"^[0-9a-f-]{8,100}$" doc:"The plan_id of a dry run: if the move would be a different one by now, that is a conflict and nothing happens"`
}

// Pause asks that a move goes no further for now.
type Pause struct{}

// Continue asks that a held move goes on.
type Continue struct{}

// Abort asks that a move is given up.
type Abort struct {
	Force bool `json:"force" default:"false" doc:"Open a closed tenant where it was at once, without waiting until unquiesce succeeds or the programs at the other place have ended"`
}

// Confirm asks that a move whose plan waits for that goes on.
type Confirm struct{}

// IsPayload marks a payload.
func (Move) IsPayload() {}

// IsPayload marks a payload.
func (Pause) IsPayload() {}

// IsPayload marks a payload.
func (Continue) IsPayload() {}

// IsPayload marks a payload.
func (Abort) IsPayload() {}

// IsPayload marks a payload.
func (Confirm) IsPayload() {}

// The kinds of moves.
const (
	MoveTerms    = "terms"    // the pods stay where they are
	MoveMachines = "machines" // the pods go to other machines of the same cluster
	MoveCluster  = "cluster"  // the pods go to another cluster
)

// The steps of moves.
const (
	StepReserve = "reserve" // the place is taken, and is waited for
	StepPrepare = "prepare" // its namespace says where its pods go
	StepEvict   = "evict"   // its pods go there, one of a workload at a time
	StepSwitch  = "switch"  // the tenant is on the new terms
	StepApply   = "apply"   // its namespace is made as these say
	StepRelease = "release" // the place that it had is free
	StepAbort   = "abort"   // all is brought back
)

// TenantUse is what a tenant's namespace takes of its quota.
type TenantUse struct {
	CPU     int64 `json:"cpu" doc:"Thousandths of a core that its pods ask for"`
	Memory  int64 `json:"memory" doc:"Bytes that its pods ask for"`
	Storage int64 `json:"storage" doc:"Bytes that its volumes ask for"`
	Pods    int64 `json:"pods" doc:"How many pods"`

	Going   int64    `json:"going,omitempty" doc:"How many of its pods go to other machines"`
	Blocked []string `json:"blocked,omitempty" nullable:"false" doc:"What keeps them where they are"`
	Volumes []string `json:"volumes,omitempty" nullable:"false" doc:"Its volumes, where it would go to another cluster"`
	Foreign []string `json:"foreign,omitempty" nullable:"false" doc:"What aerie did not make and would stay behind, where it would go to another cluster"`
	Follow  []string `json:"follow,omitempty" nullable:"false" doc:"Its Secrets that come along to another cluster, labelled aerie.io/follow"`
	Budgets []string `json:"budgets,omitempty" nullable:"false" doc:"The disruption budgets that let nobody go now"`
}

// MoveState is a move that is under way.
type MoveState struct {
	ID     string    `json:"id" doc:"The operation's id: that of the command that asked for it"`
	Kind   string    `json:"kind" enum:"terms,machines,cluster" doc:"terms: its pods stay; machines: they go to other machines of the cluster; cluster: to another one, or to, from or between cells of multi-tenant plans"`
	Step   string    `json:"step" doc:"Which step is taken now"`
	Paused bool      `json:"paused,omitempty" doc:"It goes no further until somebody says continue"`
	Makes  bool      `json:"makes,omitempty" doc:"It waits for machines that are made for it"`
	Data   string    `json:"data,omitempty" enum:"none,jobs,snapshot" doc:"What becomes of its data on the way to another cluster; absent: it goes to no other cluster"`
	Closed time.Time `json:"closed_since,omitzero" doc:"Since when it is closed on the way to another cluster; absent: it has not been"`
	From   Placement `json:"from" doc:"The stay that it leaves"`
	To     Placement `json:"to" doc:"The stay that it goes to"`
}

// MovePlan is what a move does, as it is said before it is done.
type MovePlan struct {
	PlanID        string         `json:"plan_id" doc:"What this plan says, in a few characters; --plan-id does it as long as that holds"`
	Kind          string         `json:"kind" enum:"terms,machines,cluster" doc:"terms: its pods stay; machines: they go to other machines of the cluster; cluster: to another one, or to, from or between cells of multi-tenant plans"`
	From          Placement      `json:"from" doc:"The stay that it leaves"`
	To            Placement      `json:"to" doc:"The stay that it goes to; its cell, its tenant infra and its dataplane are left out if they are made for it"`
	Steps         []MovePlanStep `json:"steps" nullable:"false" doc:"What happens, in this order"`
	Made          []string       `json:"made" nullable:"false" doc:"What is made for it"`
	Changed       []string       `json:"changed" nullable:"false" doc:"What of the tenant becomes another: from, and to"`
	Removed       []string       `json:"removed" nullable:"false" doc:"What goes"`
	Interrupted   string         `json:"interrupted" doc:"What is interrupted, in words"`
	InterruptedMS int64          `json:"interrupted_ms" doc:"For how long at most; 0: nothing is"`
	PriceNow      PlanPrice      `json:"price_now" doc:"What the tenant costs"`
	PriceThen     PlanPrice      `json:"price_then" doc:"What it costs from the switch on"`
	Use           *TenantUse     `json:"use,omitempty" doc:"What it uses of its quota; absent: no limit becomes lower, so it does not matter"`
}

// MovePlanStep is one step of a MovePlan.
type MovePlanStep struct {
	Name   string   `json:"name" doc:"Such as reserve"`
	Does   string   `json:"does" doc:"What it does, in words"`
	Events []string `json:"events" nullable:"false" doc:"The events that say that it is done"`
}

type (
	// MoveStarted says that somebody wants the tenant elsewhere. Its place there is taken.
	MoveStarted struct {
		ID   string     `json:"id"` // the operation's
		Kind string     `json:"kind"`
		From Placement  `json:"from"`
		To   Placement  `json:"to"`
		Spec TenantSpec `json:"spec"` // what the tenant asks for once it has moved
		// Zones are those of the machines that it goes to, if these are in some only.
		Zones []string `json:"zones,omitempty"`
		// Makes is that those are made for it: they are waited for, and then there is room.
		Makes bool       `json:"makes,omitempty"`
		Plan  string     `json:"plan"` // the digest of what a dry run says
		Use   *TenantUse `json:"use,omitempty"`
		// Terms say how it goes to another cluster, and Apps which applications go with it.
		Terms *PlanMove `json:"terms,omitempty"`
		Apps  []string  `json:"apps,omitempty"`
		Jobs  []MoveJob `json:"jobs,omitempty"` // the programs that are run on the way
		// Apart is that who works in the one cluster does not work in the other, so that nobody brings Secrets along.
		Apart bool `json:"apart,omitempty"`
		// Quota is what programs are told that it may use where it goes. A move of a release before has none: agents of that time, at work
		// on it, would not know it.
		Quota PlanQuota `json:"quota,omitzero"`
	}
	// MoveReserved says that the place is ready, and of one in another cluster where that is. Join is the program by which a
	// tenant of a multi-tenant plan comes into its new cell; none: by none.
	MoveReserved struct {
		Site    *Target  `json:"site,omitempty"`
		Cluster string   `json:"cluster,omitempty"`
		Join    *PlanJob `json:"join,omitempty"`
		Calls   []Call   `json:"calls,omitempty"`
	}
	// MoveMade says that the machines are there that the tenant will have alone.
	MoveMade struct{}
	// MovePrepared says that the pods that come now go to the new machines.
	MovePrepared struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// MoveEvicted says that no pod is left on the machines of before.
	MoveEvicted struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// Moved is the switch: the tenant is on the terms and in the place that it was to go to.
	Moved struct {
		Placement
		Spec TenantSpec `json:"spec"`
	}
	// MoveReleased says that the place that the tenant has left is free.
	MoveReleased struct{}
	// MovePaused says that a move goes no further for now.
	MovePaused struct{}
	// MoveContinued says that a held move goes on.
	MoveContinued struct{}
	// MoveAborting says that a move is given up, and why. What was made for it goes.
	MoveAborting struct {
		Reason
		Forced bool `json:"forced,omitempty"` // what is closed opens without waiting for a program
	}
	// MoveAborted says that all is as it was before the move.
	MoveAborted struct{}
)

// Wanted returns the new spec.
func (e Moved) Wanted() Spec { return e.Spec }

// Type names the event on the wire.
func (MoveStarted) Type() string { return "move_started" }

// Type names the event on the wire.
func (MoveReserved) Type() string { return "move_reserved" }

// Type names the event on the wire.
func (MoveMade) Type() string { return "move_made" }

// Type names the event on the wire.
func (MovePrepared) Type() string { return "move_prepared" }

// Type names the event on the wire.
func (MoveEvicted) Type() string { return "move_evicted" }

// Type names the event on the wire.
func (Moved) Type() string { return "moved" }

// Type names the event on the wire.
func (MoveReleased) Type() string { return "move_released" }

// Type names the event on the wire.
func (MovePaused) Type() string { return "move_paused" }

// Type names the event on the wire.
func (MoveContinued) Type() string { return "move_continued" }

// Type names the event on the wire.
func (MoveAborting) Type() string { return "move_aborting" }

// Type names the event on the wire.
func (MoveAborted) Type() string { return "move_aborted" }

// MoveTenant owes a step of a tenant's move to other machines of its cluster.
type MoveTenant struct {
	EnsureTenant           // its namespace as it is to be at this step
	Step         string    `json:"step"`
	Move         string    `json:"move"`            // the operation's id
	To           string    `json:"to"`              // the tenant infra whose machines its pods go to
	Zones        []string  `json:"zones,omitempty"` // in which these are
	Sleeps       bool      `json:"sleeps,omitempty"`
	Since        time.Time `json:"since"` // when the step was begun

	Look *MoveLook `json:"look,omitempty"` // nil: nothing is looked at again before this step
}

// MoveLook is what a tenant on its way must fit when it is looked at once more, before the step by which it is interrupted.
type MoveLook struct {
	To    Placement `json:"to"`              // the place and the terms that it goes to
	Lower bool      `json:"lower,omitempty"` // they bound it more than those that it is on
	Data  string    `json:"data,omitempty"`  // what becomes of its data on the way to another cluster; empty: it stays in its own
	Leave bool      `json:"leave,omitempty"` // what aerie did not make may stay behind
	Site  Target    `json:"site,omitzero"`   // where another cluster is
	Into  string    `json:"into,omitempty"`  // its name
	Apart bool      `json:"apart,omitempty"` // and who works in the one does not work in the other
}

// Effect names the work on the wire.
func (MoveTenant) Effect() string { return "move_tenant" }

// TenantSurvey is what is looked at before a tenant moves.
type TenantSurvey struct {
	EnsureTenant
	Suspended bool     `json:"suspended,omitempty"`
	To        string   `json:"to,omitempty"`        // the tenant infra whose machines its pods go to; empty: they stay
	Elsewhere bool     `json:"elsewhere,omitempty"` // that is in another cluster
	Shared    bool     `json:"shared,omitempty"`    // and is a cell, in which it has no Secrets of its own
	There     Target   `json:"there,omitzero"`      // where that is
	Into      string   `json:"into,omitempty"`      // its name; empty: it is not made yet
	Zones     []string `json:"zones,omitempty"`     // in which these are
	Snapshots bool     `json:"snapshots,omitempty"` // its volumes would come along to another cluster by snapshots
}

// Outcome is what says that the step is done.
func (e MoveTenant) Outcome() Event {
	switch {
	case e.Step == StepReserve:
		return MoveReserved{}
	case e.Step == StepPrepare:
		return MovePrepared{}
	case e.Step == StepEvict:
		return MoveEvicted{}
	case e.Sleeps:
		return Suspended{}
	}
	return Activated{}
}
