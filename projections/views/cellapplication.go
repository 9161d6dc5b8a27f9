package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

var cellApplicationView = kindView{
	kind:    events.CellApplication,
	observe: func(e entity) any { return installedOf(e.Data.(fsm.CellApplicationData).Objects, nil) },
	dataplane: func(e entity) string {
		cell := events.Ref{Owner: e.Ref.Owner, ID: e.Ref.Parent()}
		infra := events.Ref{Owner: e.Ref.Owner, ID: cell.Parent()}
		return events.Ref{Kind: events.Dataplane, Owner: e.Ref.Owner, ID: infra.Parent()}.Path()
	},
}
