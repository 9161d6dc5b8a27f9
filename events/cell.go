package events

import "time"

// CellSpec is a group of tenants on a tenant infra that no other cell gets into.
type CellSpec struct {
	Tenants   int    `json:"tenants" default:"20" minimum:"1" maximum:"1000" doc:"most tenants at once; a lower number moves nobody"`
	KeepEmpty string `json:"keepEmpty,omitempty" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long it stays empty, such as 1h; else: for ever"`
	Plan      string `json:"plan,omitempty" ref:"plan" doc:"The multi-tenant plan whose tenants alone live in it; else it takes those of every other plan"`
	Version   int    `json:"planVersion,omitempty" minimum:"0" doc:"With a plan: the version of it whose applications the cell has"`
}

// Cell is the kind of a group of tenants.
const Cell Kind = "cell"

// VerbDrain closes a cell to newcomers.
const VerbDrain = "drain"

var cellKind = Descriptor{
	Kind: Cell, Plural: "cells", Doc: "a group of tenants on a tenant infra, apart from others",
	Parent: TenantInfra, Above: []Kind{Dataplane}, Spec: CellSpec{},
	Verbs: CommonVerbs(drainVerb, upgradeCellVerb, adoptVerb, disownVerb), Marked: true,
}

var drainVerb = Verb{VerbDrain, "Close {a kind} to newcomers; who is in it stays", Drain{}}

// Drain asks that nobody more comes into a cell, or with End that it is open again.
type Drain struct {
	End bool `json:"end" default:"false" doc:"Open it to newcomers again"`
}

// IsPayload marks a payload.
func (Drain) IsPayload() {}

// Kind is Cell.
func (CellSpec) Kind() Kind { return Cell }

// Check wants a plan and its version together.
func (s CellSpec) Check() []FieldError {
	switch {
	case s.Plan != "" && s.Version == 0:
		return []FieldError{{"spec.planVersion", "is missing: the version of the plan whose applications the cell has, such as 1"}}
	case s.Plan == "" && s.Version > 0:
		return []FieldError{{"spec.planVersion", "is of a plan: name that in spec.plan, or leave this out"}}
	}
	return nil
}

// Kept is how long the cell stays when it is empty; 0: until it is deleted.
func (s CellSpec) Kept() time.Duration {
	d, _ := time.ParseDuration(s.KeepEmpty) // its pattern is checked
	return d
}

// New is the spec of a cell that is opened because somebody needs it.
func (c Cells) New() CellSpec { return CellSpec{Tenants: c.Tenants, KeepEmpty: c.KeepEmpty} }

// What a slot is taken for.
const (
	SlotPlaced = "placed" // a tenant was placed
	SlotMoving = "moving" // a tenant is to come from elsewhere
)

type (
	// CellOpened says that tenants can live in the cell: its tenant infra is ready.
	CellOpened struct{}
	// SlotTaken says that a tenant has a place in the cell.
	SlotTaken struct {
		Tenant string `json:"tenant"`
		UID    string `json:"uid"`
		Stay   string `json:"stay"`
		For    string `json:"for"`
	}
	// SlotFreed says that a tenant has its place in the cell no longer.
	SlotFreed struct {
		Tenant string `json:"tenant"`
		UID    string `json:"uid"`
		Stay   string `json:"stay"`
	}
	// Filled says that the cell has no slot left.
	Filled struct{}
	// Reopened says that a full cell has a slot again.
	Reopened struct{}
	// KeptWarm says that the cell stays though it has been empty for its time: its tenant infra keeps some so.
	KeptWarm struct{}
	// DrainingStarted says that nobody more comes into the cell.
	DrainingStarted struct{}
	// DrainEnded says that tenants may come again.
	DrainEnded struct{}
)

// Type names the event on the wire.
func (CellOpened) Type() string { return "opened" }

// Type names the event on the wire.
func (SlotTaken) Type() string { return "slot_taken" }

// Type names the event on the wire.
func (SlotFreed) Type() string { return "slot_freed" }

// Type names the event on the wire.
func (Filled) Type() string { return "filled" }

// Type names the event on the wire.
func (Reopened) Type() string { return "reopened" }

// Type names the event on the wire.
func (KeptWarm) Type() string { return "kept_warm" }

// Type names the event on the wire.
func (DrainingStarted) Type() string { return "draining_started" }

// Type names the event on the wire.
func (DrainEnded) Type() string { return "drain_ended" }
