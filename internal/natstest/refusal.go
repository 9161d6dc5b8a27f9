package natstest

import (
	"errors"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// Refusal is the refusal that is written down of a command of an owner, of any if id is
// empty. It waits for one within Patience.
func Refusal(t testing.TB, log *eventlog.Log, owner, id string) (found events.CommandRefused) {
	t.Helper()
	enough := errors.New("enough")
	err := log.Tail(Deadline(t), 0, func(decision []events.Recorded) error {
		for _, r := range decision {
			if e, ok := r.Event.(events.CommandRefused); ok && r.Ref.Owner == owner && (id == "" || r.Ref.ID == id) {
				found = e
				return enough
			}
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("command %s was not refused: %v", id, err)
	}
	return found
}
