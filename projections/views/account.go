package views

import "github.com/aeriehq/aerie/events"

var accountView = kindView{kind: events.Account}
