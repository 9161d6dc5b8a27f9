package views

import "github.com/aeriehq/aerie/events"

// kindView is what is a kind's own in the views. A nil function means that the kind has nothing of the sort.
type kindView struct {
	kind      events.Kind
	observe   func(entity) any    // what was seen of it, as a pointer; nil if nothing yet
	within    events.Kind         // the kind of what its id names first: it stands on that one's dataplane, and is on its plan
	dataplane func(entity) string // the path of the dataplane it stands on, "" if none yet
	plan      func(entity) string // the path of the plan it is on
}

// kindViews has every kind's. To add a kind, write its view and name it here.
var kindViews = map[events.Kind]kindView{}

func init() {
	for _, c := range []kindView{customerView, accountView, planView, dataplaneView,
		tenantInfraView, tenantView, applicationView, addonView, principalView, tokenView, cellView, agentView, cellApplicationView,
		repositoryView} {
		kindViews[c.kind] = c
	}
}

func (c kindView) observed(e entity) any {
	if c.observe == nil {
		return nil
	}
	return c.observe(e)
}
