package command

import (
	"context"
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
	found := ev.LiteralSecrets(spec)
	if len(found) == 0 {
		return nil
	}
	known := false
	var has ev.Spec
	i.fold.View(func(w *state.Entities) {
		_, known = w.Caused(c.ID)
		if e, there := w.Get(c.Ref); there {
			has = e.Data.Wants()
		}
	})
	faults := secretFaults(found, has)
	if known || len(faults) == 0 {
		return nil
	}
	if before, err := i.longAgo(ctx, c); err != nil || before > 0 {
		return err
	}
	return ev.RefuseFaults(c.Ref.String(), faults)
}

// SecretFaults finds what looks like a secret in a spec, but for what an entity's present spec has already; nil: it has none.
func SecretFaults(spec, present ev.Spec) []ev.FieldError {
	return secretFaults(ev.LiteralSecrets(spec), present)
}

// secretFaults is SecretFaults of what was found in the spec.
func secretFaults(found []ev.LiteralSecret, present ev.Spec) []ev.FieldError {
	if len(found) > 0 && present != nil {
		has := ev.LiteralSecrets(present)
		found = slices.DeleteFunc(found, func(l ev.LiteralSecret) bool { return slices.ContainsFunc(has, l.Same) })
	}
	return refusals(found)
}

// refusals are the faults that secrets in a spec are, in the order of their fields, each field once.
func refusals(found []ev.LiteralSecret) (faults []ev.FieldError) {
	slices.SortStableFunc(found, func(a, b ev.LiteralSecret) int { return strings.Compare(a.Field, b.Field) })
	for _, l := range slices.CompactFunc(found, func(a, b ev.LiteralSecret) bool { return a.Field == b.Field }) {
		message := l.Is + ": " + insteadOfSecrets
		if l.Excuse != "" {
			message += ". If it is no secret, name it in " + l.Excuse
		}
		faults = append(faults, ev.FieldError{Field: l.Field, Message: message})
	}
	return faults
}
