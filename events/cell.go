package events

import "time"

// CellSpec is a group of tenants on a tenant infra that no other cell gets into.
type CellSpec struct {
	Tenants   int    `json:"tenants" default:"20" minimum:"1" maximum:"1000" doc:"most tenants at once; fewer move nobody"`
	KeepEmpty string `json:"keepEmpty,omitempty" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long it stays empty, such as 1h; else: for ever"`
}

// Cell is the kind of a group of tenants.
const Cell Kind = "cell"

// VerbDrain closes a cell to newcomers.
const VerbDrain = "drain"

var cellKind = Descriptor{
	Kind: Cell, Plural: "cells", Doc: "a group of tenants on a tenant infra, apart from others",
	Parent: TenantInfra, Above: Dataplane, Spec: CellSpec{}, Verbs: CommonVerbs(drainVerb),
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

// Check finds no faults between the fields.
func (CellSpec) Check() []FieldError { return nil }

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
