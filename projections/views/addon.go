package views

import (
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

var addonView = kindView{
	kind:      events.Addon,
	observe:   func(e entity) any { return installedOf(e.Data.(fsm.AddonData).Objects, nil) },
	dataplane: dataplaneInName,
}

// dataplaneInName is the dataplane that the id of what stands on it begins with.
func dataplaneInName(e entity) string {
	return events.Ref{Kind: events.Dataplane, Owner: e.Ref.Owner, ID: e.Ref.Parent()}.Path()
}
