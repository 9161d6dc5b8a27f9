package command

import (
	"context"
	"maps"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// insteadOfSecrets says how a secret gets to where it is needed without passing the log.
const insteadOfSecrets = "what is asked is kept for ever in the log. Put it into a store and refer to it by ${secret:store/name#key}, or put it into the cluster itself, as a SealedSecret, an ExternalSecret or with kubectl, and name that Secret here"

// refuseSecrets refuses a command that would write a secret into the log, where it could never be removed from. What the
// entity's present spec has already is let through, so that an entity of an older release can still be changed. A repeat of
// a command that was done gets its answer.
func (i *Intake) refuseSecrets(ctx context.Context, c ev.Command) error {
	spec := ev.SpecOf(c.Payload)
	if spec == nil {
		return nil
	}
	found := literals(spec)
	if len(found) == 0 {
		return nil
	}
	known := false
	i.fold.View(func(w *state.Entities) {
		_, known = w.Caused(c.ID)
		if e, there := w.Get(c.Ref); there {
			for value := range literals(e.Data.Wants()) {
				delete(found, value)
			}
		}
	})
	if known || len(found) == 0 {
		return nil
	}
	if before, err := i.longAgo(ctx, c); err != nil || before > 0 {
		return err
	}
	return ev.RefuseFaults(c.Ref.String(), slices.SortedFunc(maps.Values(found), func(a, b ev.FieldError) int {
		return strings.Compare(a.Field, b.Field)
	}))
}

// literals are the secrets in a spec, each with the fault that it is.
func literals(spec ev.Spec) map[string]ev.FieldError {
	found := map[string]ev.FieldError{}
	for _, l := range ev.LiteralSecrets(spec) {
		found[l.Value] = ev.FieldError{Field: l.Field, Message: l.Is + ": " + insteadOfSecrets}
	}
	return found
}
