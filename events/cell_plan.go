package events

var upgradeCellVerb = Verb{VerbUpgrade, "Bring the applications of {a kind} to another version of its plan", UpgradeCell{}}

// UpgradeCell asks that a cell has the applications of another version of its plan.
type UpgradeCell struct {
	Plan string `json:"plan" required:"true" pattern:"^(-/)?[a-z][a-z0-9-]{0,39}@[1-9][0-9]{0,5}$" doc:"The plan and its version, such as pro@4"`
}

// IsPayload marks a payload.
func (UpgradeCell) IsPayload() {}

type (
	// OpeningStarted says that the tenant infra of a plan's cell is ready, and where the cell is made; of one that was made, that its
	// version of the plan bounds it otherwise now.
	OpeningStarted struct {
		Site      Target      `json:"site"`
		Cluster   string      `json:"cluster"`
		Namespace string      `json:"namespace"`
		Infra     string      `json:"infra,omitempty"`  // the name by which the machines for its pods are labelled; absent in events of older releases
		Bounds    *CellBounds `json:"bounds,omitempty"` // of its namespace; absent: none
	}
	// CellPrepared says that the cell's namespace is there: its applications can be installed.
	CellPrepared struct {
		Calls []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (OpeningStarted) Type() string { return "opening_started" }

// Type names the event on the wire.
func (CellPrepared) Type() string { return "prepared" }

type (
	// CellBounds are what a version of a plan says of the namespace of its cells.
	CellBounds struct {
		Quota  CellQuota `json:"quota"`
		Limits PlanLimit `json:"limits"`
	}
	// EnsureCell owes a cell's namespace, who installs there, and what keeps other cells out.
	EnsureCell struct {
		Target
		Cluster   string      `json:"cluster"`
		Namespace string      `json:"namespace"`
		Label     string      `json:"label"`            // the value of the label that names the cell
		Infra     string      `json:"infra,omitempty"`  // the name by which the machines for its pods are labelled
		Bounds    *CellBounds `json:"bounds,omitempty"` // of the namespace; absent: none
	}
	// RemoveCell owes the end of a cell's namespace and all that is in it.
	RemoveCell struct {
		Target
		Cluster   string `json:"cluster"`
		Namespace string `json:"namespace"`
	}
)

// Effect names the work on the wire.
func (EnsureCell) Effect() string { return "ensure_cell" }

// Effect names the work on the wire.
func (RemoveCell) Effect() string { return "remove_cell" }
