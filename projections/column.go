package projections

import "github.com/aeriehq/aerie/events"

// column is what is a kind's own in the views. A nil function means that the kind has nothing of the sort.
type column struct {
	kind      events.Kind
	observe   func(entity) any    // what was seen of it, as a pointer; nil if nothing yet
	within    events.Kind         // the kind of what its id names first: it stands on that one's dataplane, and is on its plan
	dataplane func(entity) string // the path of the dataplane it stands on, "" if none yet
	plan      func(entity) string // the path of the plan it is on
}

// columns has every kind's. To add a kind, write its column and name it here.
var columns = map[events.Kind]column{}

func init() {
	for _, c := range []column{customerColumn, accountColumn, planColumn, dataplaneColumn,
		tenantInfraColumn, tenantColumn, applicationColumn, addonColumn} {
		columns[c.kind] = c
	}
}

func (c column) observed(e entity) any {
	if c.observe == nil {
		return nil
	}
	return c.observe(e)
}
