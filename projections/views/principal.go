package views

import "github.com/aeriehq/aerie/events"

var principalView = kindView{kind: events.Principal}
