package cli

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/views"
)

// completeWithin is how long a shell may be kept waiting for names.
const completeWithin = 2 * time.Second

// shells are those that completion knows.
var shells = []string{"bash", "zsh", "fish"}

func newCompletionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Write a completion script for a shell",
		Example:   "  source <(aerie completion bash)\n  aerie completion zsh > ~/.zfunc/_aerie\n  aerie completion fish > ~/.config/fish/completions/aerie.fish",
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("shell", "want one%s", events.Suggest("", shells))
			}
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return client.Invalid("shell", "%q%s", events.Truncate(args[0]), events.Suggest(args[0], shells))
		},
	}
}

// completeKindAndID completes KIND, then ID.
func completeKindAndID(conn *client.Connection) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return kindsOf(cmd).Names(), cobra.ShellCompDirectiveNoFileComp
		}
		d, ok := kindsOf(cmd).Find(args[0])
		if !ok {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeID(conn, d.Kind)(cmd, args[1:], typed)
	}
}

// completeID completes an id with what the server has; nothing, silently, if it
// can't be asked.
func completeID(conn *client.Connection, k events.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return idsWithin(cmd, conn, k, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeField completes the value of a field's flag: the ids of what it refers to, or what it may be.
func completeField(cmd *cobra.Command, conn *client.Connection, flag string, field events.Field) {
	complete := func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if k := field.RefersTo(); k != "" {
			return idsWithin(cmd, conn, k, typed), cobra.ShellCompDirectiveNoFileComp
		}
		return field.Enum(), cobra.ShellCompDirectiveNoFileComp
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, complete) // fails only for a flag that is not there
}

// completeFilters completes the filters of a list, those that the command has.
func completeFilters(cmd *cobra.Command, conn *client.Connection) {
	for flag, k := range map[string]events.Kind{"dataplane": events.Dataplane, "plan": events.Plan, "owner": events.Customer} {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			found := idsWithin(cmd, conn, k, typed)
			if flag == "owner" {
				found = append(found, events.Platform)
			}
			return found, cobra.ShellCompDirectiveNoFileComp
		})
	}
	_ = cmd.RegisterFlagCompletionFunc("phase", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return phasesOf(kindIn(cmd, args)), cobra.ShellCompDirectiveNoFileComp
	})
	completeLabels(cmd, conn, kindIn, true)
}

// completeOrders completes in which order a list is shown: as the server knows them, and by the paths of a kind's fields.
func completeOrders(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(views.Sorts(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("sort-by", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		paths := []string{".created", ".id", ".owner", ".phase", ".seq", ".uid"}
		if d, ok := kindsOf(cmd).Of(kindIn(cmd, args)); ok {
			for _, f := range d.ScalarFields() {
				paths = append(paths, ".spec."+f.Path)
			}
		}
		return paths, cobra.ShellCompDirectiveNoFileComp
	})
}

// kindIn is the kind that the first argument names; none if it names none.
func kindIn(cmd *cobra.Command, args []string) events.Kind {
	if len(args) == 0 {
		return ""
	}
	d, _ := kindsOf(cmd).Find(args[0])
	return d.Kind
}

// phasesOf lists the phases that entities of a kind can be in.
func phasesOf(k events.Kind) (phases []string) {
	if m, ok := fsm.Machines[k]; ok {
		for _, p := range m.Phases()[1:] {
			phases = append(phases, string(p))
		}
	}
	return phases
}

func idsWithin(cmd *cobra.Command, conn *client.Connection, k events.Kind, typed string) (names []string) {
	owner, _, _ := strings.Cut(typed, "/")
	if owner == typed {
		owner = ""
	}
	for _, e := range entitiesWithin(cmd, conn, k, owner) {
		// A platform's thing without "-/": a shell would take that for a flag.
		name := strings.TrimPrefix(e.Ref().Path(), events.Platform+"/")
		if strings.HasPrefix(name, typed) {
			names = append(names, name)
		}
	}
	return names
}

// entitiesWithin reads a page of entities, an owner's or all, as quickly as a shell needs it; none if that can't be.
func entitiesWithin(cmd *cobra.Command, conn *client.Connection, k events.Kind, owner string) []client.Entity {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	cl, err := conn.Client(cmd)
	if err != nil {
		return nil
	}
	defer cl.Close()
	cl.Hush()
	q := url.Values{}
	if owner != "" {
		q.Set("owner", owner)
	}
	l, err := cl.List(ctx, "/v1/"+k.Plural(), q, client.PageSize)
	if err != nil {
		return nil
	}
	all, err := l.Entities()
	if err != nil {
		return nil
	}
	return all
}
