package projections

import "github.com/aeriehq/aerie/events"

var customerColumn = column{kind: events.Customer}
