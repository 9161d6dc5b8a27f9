package views

import "github.com/aeriehq/aerie/events"

var customerView = kindView{kind: events.Customer}
