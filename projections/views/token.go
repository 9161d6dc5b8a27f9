package views

import "github.com/aeriehq/aerie/events"

var tokenView = kindView{kind: events.Token}
