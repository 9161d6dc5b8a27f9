// Package cli is the command line: Run is the program, and each command has a file of its own. A command reads its
// flags, calls packages client, manifest, server or bench, and prints with package print; what it means to create an
// entity is decided by the server alone. Begin reading at Run and newRoot, then kind_commands.go, which makes the verbs
// of each kind. Commands share nothing but the process's environment and its logger, so tests call Run several times at
// once. A command keeps nothing, but for server, demo, simcloud and bench, which say where.
package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/bench"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Run is main with everything given, so that tests can call it.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	return run(ctx, events.Builtin, args, in, out, errs)
}

// run is Run with kinds.
func run(ctx context.Context, kinds *events.Registry, args []string, in io.Reader, out, errs io.Writer) int {
	ctx = context.WithValue(ctx, kindsKey{}, kinds)
	root := newRoot(kinds, func(d events.Descriptor) bool {
		return slices.Contains(args, string(d.Kind)) || slices.Contains(args, d.Plural)
	})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	err := root.ExecuteContext(ctx)
	var refused *events.Refusal
	if err != nil && !understood && !errors.As(err, &refused) {
		err = client.Invalid("arguments", "%v", err) // cobra's own words
	}
	if err != nil && err != errDiffers {
		client.PrintError(errs, err)
	}
	return client.ExitCode(err)
}

// ofEveryKind is newRoot's for who needs the verbs of all kinds.
func ofEveryKind(events.Descriptor) bool { return true }

// newRoot makes the whole tree of commands, but for the verbs of kinds that are not asked for: they are most of it, and a command
// needs those of one.
func newRoot(kinds *events.Registry, asked func(events.Descriptor) bool) *cobra.Command {
	root := &cobra.Command{
		Use:               "aerie",
		Short:             "An event-sourced control plane for infrastructure software sold as a service",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return client.UnknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "use", Title: "Use:"}, &cobra.Group{ID: "kind", Title: "Command one entity:"})
	addGroup(root, "run", newServerCommand(), newDemoCommand(), newSimcloudCommand(), bench.NewCommand(kinds))
	addGroup(root, "use", newApplyCommand(), newDiffCommand(), newGetCommand(), newEditCommand(), newWaitCommand(), newDescribeCommand(), newHistoryCommand(), newDeleteCommand(kinds), newWhyCommand(), newTailCommand(), newLogCommand(), newRestoreCommand(), newQueueCommand(), newOrphansCommand(kinds), newAuthCommand(), newContextCommand(), newExplainCommand(), newAPIResourcesCommand())
	for _, d := range kinds.All() {
		cmd := newKindCommand(d)
		if asked(d) {
			addVerbs(cmd, kinds, d)
		}
		addGroup(root, "kind", cmd)
	}
	root.AddCommand(newCompletionCommand(), newVersionCommand())
	root.SetHelpCommand(newHelpCommand())
	fitHelp(root)
	return root
}

func addGroup(root *cobra.Command, id string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = id
		root.AddCommand(c)
	}
}

// newHelpCommand is cobra's, but that it refuses what there is no help for.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return client.UnknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}

// flagError turns pflag's errors into refusals that name the nearest flag. A
// wrong command with flags gets here too: its own flags can't be known.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd == cmd.Root() && len(args) > 0 {
		return client.UnknownCommand(cmd, args[0])
	}
	unknown, ok := err.(*pflag.NotExistError)
	if !ok {
		return client.Invalid("flag", "%v", err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	name := unknown.GetSpecifiedName()
	return client.Invalid(dashed(name), "%s has no such flag%s", cmd.CommandPath(), events.Suggest(name, known))
}

// dashed writes a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + events.Truncate(name)
}
