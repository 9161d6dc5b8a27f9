package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// CellObserved is how much of a cell is taken.
type CellObserved struct {
	Used int `json:"used" required:"true" doc:"How many tenants are in it"`
	Of   int `json:"of" required:"true" doc:"How many may be"`
}

var cellView = kindView{
	kind: events.Cell,
	observe: func(e entity) any {
		d := e.Data.(fsm.CellData)
		return &CellObserved{d.Used, d.Spec.Tenants}
	},
	dataplane: func(e entity) string {
		infra := events.Ref{Owner: e.Ref.Owner, ID: e.Ref.Parent()}
		return events.Ref{Kind: events.Dataplane, Owner: e.Ref.Owner, ID: infra.Parent()}.Path()
	},
}
