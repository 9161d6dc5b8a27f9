package events

import (
	"encoding/json"
	"strconv"
)

// Upcast makes of an event's body, as one version of its encoding had it, the body
// that the next version has. It is pure, and for ever.
type Upcast func(json.RawMessage) (json.RawMessage, error)

// Versioned is implemented by events whose encoding was another one before. An
// event that is not is of version 1.
type Versioned interface {
	Event
	// Older has a step from each older version to the next, from version 1 on.
	Older() []Upcast
}

// Version is the version in which an event is written now.
func Version(e Event) int {
	if v, ok := e.(Versioned); ok {
		return len(v.Older()) + 1
	}
	return 1
}

// CEType is the CloudEvents type of a kind's event as it is written now, such as
// "io.aerie.tenant.activated.v1".
func CEType(k Kind, e Event) string {
	return "io.aerie." + string(k) + "." + e.Type() + ".v" + strconv.Itoa(Version(e))
}
