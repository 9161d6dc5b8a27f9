package events

var upgradeCellsVerb = Verb{VerbUpgrade, "Bring all cells of {a kind} to its newest version, or to the one named, even an older one, one after the other. Cells that get a later version meanwhile keep it. It stops at the first that fails; retry goes on", UpgradeCells{}}

// UpgradeCells asks that all cells of a multi-tenant plan have the applications of one of its versions.
type UpgradeCells struct {
	Version int `json:"version" default:"0" minimum:"0" doc:"The version; 0: the newest"`
}

// IsPayload marks a payload.
func (UpgradeCells) IsPayload() {}

type (
	// CellsUpgradeStarted says that the cells of the plan are brought to a version of it.
	CellsUpgradeStarted struct {
		Version int `json:"version"`
		Newest  int `json:"newest,omitempty"` // version of the plan then: cells that have a later one stay; absent: none stays
	}
	// CellUpgradeStarted says which cell is next.
	CellUpgradeStarted struct {
		Cell string `json:"cell"`
	}
	// CellsUpgradeStopped says that a cell could not be brought there: those behind it are left as they are.
	CellsUpgradeStopped struct {
		Cell string `json:"cell"`
		Reason
	}
	// CellsUpgraded says that all cells have the version.
	CellsUpgraded struct {
		Version int `json:"version"`
	}
)

// Type names the event on the wire.
func (CellsUpgradeStarted) Type() string { return "cells_upgrade_started" }

// Type names the event on the wire.
func (CellUpgradeStarted) Type() string { return "cell_upgrade_started" }

// Type names the event on the wire.
func (CellsUpgradeStopped) Type() string { return "cells_upgrade_stopped" }

// Type names the event on the wire.
func (CellsUpgraded) Type() string { return "cells_upgraded" }
