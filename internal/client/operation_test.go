package client

import (
	"errors"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// A tenant is at rest after a move that was given up too: the operation says which it was.
func TestAMoveThatWasGivenUpIsAFailure(t *testing.T) {
	tenant := events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	why := &Reason{Reason: events.Reason{Code: events.Timeout, Message: "a budget let nobody go"}}
	ended := []Operation{{ID: "another", Reason: why}, {ID: "mine", Reason: why}}
	var f *Failure
	if err := moveFailed(ended, tenant, "mine"); !errors.As(err, &f) || f.Exit != ExitFailure ||
		err.Error() != "timeout: tenant acme/prod has not moved and is as it was before: a budget let nobody go" {
		t.Error(err)
	}
	if err := moveFailed(ended, tenant, "done"); err != nil {
		t.Error(err)
	}
}
