// Command aerie is the whole product in one binary: the server, and the command
// line that talks to it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/events"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with everything given, so that tests can call it.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	err := root.ExecuteContext(ctx)
	var refused *events.Refusal
	if err != nil && !understood && !errors.As(err, &refused) {
		err = invalid("arguments", "%v", err) // cobra's own words
	}
	if err != nil {
		printError(errs, err)
	}
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               "aerie",
		Short:             "An event-sourced control plane for infrastructure software sold as a service",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "use", Title: "Use:"}, &cobra.Group{ID: "kind", Title: "Command one entity:"})
	addGroup(root, "run", newServerCommand(), newDemoCommand(), newSimcloudCommand(), newBenchCommand())
	addGroup(root, "use", newApplyCommand(), newDiffCommand(), newGetCommand(), newDescribeCommand(), newHistoryCommand(), newDeleteCommand(), newWhyCommand(), newTailCommand(), newLogCommand(), newQueueCommand(), newOrphansCommand())
	for _, k := range events.Kinds {
		addGroup(root, "kind", newKindCommand(k))
	}
	root.AddCommand(newCompletionCommand(), newVersionCommand())
	root.SetHelpCommand(newHelpCommand())
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
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}

// unknownCommand names the nearest command of those below cmd.
func unknownCommand(cmd *cobra.Command, word string) error {
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			known = append(known, c.Name())
		}
	}
	return invalid("command", "%q is no command of %s%s", events.Clip(word), cmd.CommandPath(), events.Nearest(word, known))
}

// flagError turns pflag's errors into refusals that name the nearest flag. A
// wrong command with flags gets here too: its own flags can't be known.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd == cmd.Root() && len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	unknown, ok := err.(*pflag.NotExistError)
	if !ok {
		return invalid("flag", "%v", err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	name := unknown.GetSpecifiedName()
	return invalid(dashed(name), "%s has no such flag%s", cmd.CommandPath(), events.Nearest(name, known))
}

// dashed writes a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + events.Clip(name)
}

// invalid is a refusal with one fault.
func invalid(field, format string, args ...any) error {
	return events.RefuseFaults("arguments", []events.Fault{{Field: field, Message: fmt.Sprintf(format, args...)}})
}
