package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// platformIDs lets "-/free" stand where an id may: to pflag it is the flag "-/"
// with the value "free".
func platformIDs(cmd *cobra.Command) {
	cmd.Flags().StringArrayP("platform-id", "/", nil, "")
	_ = cmd.Flags().MarkHidden("platform-id") // fails only for a flag that is not there
}

// words are the arguments, with what platformIDs caught behind them.
func words(cmd *cobra.Command, args []string) []string {
	caught, err := cmd.Flags().GetStringArray("platform-id")
	if err != nil {
		return args
	}
	for _, id := range caught {
		args = append(args, events.Platform+"/"+id)
	}
	return args
}

// kindAndIDs reads KIND [ID...].
func kindAndIDs(cmd *cobra.Command, args []string) (events.Kind, []string, error) {
	if len(args) == 0 {
		return "", nil, client.Invalid("kind", "is missing%s", events.Suggest("", kindsOf(cmd).Names()))
	}
	d, ok := kindsOf(cmd).Find(args[0])
	if !ok {
		return "", nil, client.Invalid("kind", "%q is not a kind%s", events.Truncate(args[0]), events.Suggest(args[0], kindsOf(cmd).Names()))
	}
	return d.Kind, words(cmd, args[1:]), nil
}

// one reads KIND ID.
func one(cmd *cobra.Command, args []string) (events.Ref, error) {
	k, ids, err := kindAndIDs(cmd, args)
	if err != nil {
		return events.Ref{}, err
	}
	return onlyID(cmd, k, ids)
}

func onlyID(cmd *cobra.Command, k events.Kind, ids []string) (events.Ref, error) {
	switch len(ids) {
	case 0:
		return events.Ref{}, client.Invalid("id", "is missing: which %s?", k)
	case 1:
		return refOf(cmd, k, ids[0])
	}
	return events.Ref{}, client.Invalid("arguments", "%q is one too many: want one id", events.Truncate(ids[1]))
}

// refsOf reads ids as they are typed, each once.
func refsOf(cmd *cobra.Command, k events.Kind, ids []string) (refs []events.Ref, err error) {
	var faults []events.FieldError
	for _, id := range ids {
		r, wrong := kindsOf(cmd).ParseRef(k, id)
		faults = append(faults, wrong...)
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	return refs, events.RefuseFaults("arguments", faults)
}

// refOf reads an id as it is typed.
func refOf(cmd *cobra.Command, k events.Kind, id string) (events.Ref, error) {
	r, faults := kindsOf(cmd).ParseRef(k, id)
	return r, events.RefuseFaults("arguments", faults)
}

// kindsKey is under what a command's context has the registry.
type kindsKey struct{}

// kindsOf is the registry that a command was started with.
func kindsOf(cmd *cobra.Command) *events.Registry {
	if ctx := cmd.Context(); ctx != nil {
		if kinds, ok := ctx.Value(kindsKey{}).(*events.Registry); ok {
			return kinds
		}
	}
	return events.Builtin
}
