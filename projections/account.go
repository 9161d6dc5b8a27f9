package projections

import "github.com/aeriehq/aerie/events"

var accountColumn = column{kind: events.Account}
