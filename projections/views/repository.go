package views

import "github.com/aeriehq/aerie/events"

var repositoryView = kindView{kind: events.Repository}
