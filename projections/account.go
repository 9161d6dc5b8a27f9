package projections

import "github.com/aeriehq/aerie/events"

var accountColumn = column{kind: events.Account, routes: routesOf[events.AccountSpec, *None](events.Account)}
