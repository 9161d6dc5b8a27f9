package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/consent"
)

// besideAgent is what the commands beside an agent have in common: they work on its data directory, and ask no server.
type besideAgent struct{ dir, because string }

func (b *besideAgent) flags(f *pflag.FlagSet) {
	f.StringVar(&b.dir, "data-dir", "", "the agent's data directory")
}

func (b *besideAgent) becauseFlag(f *pflag.FlagSet) {
	f.StringVar(&b.because, "because", "", "why, in words; the control plane is told why something was denied or paused")
}

// open reads the environment, and wants a directory that is there.
func (b *besideAgent) open(cmd *cobra.Command) error {
	if err := fromEnvironment(cmd.Flags(), nil); err != nil {
		return err
	}
	if b.dir == "" {
		return client.Invalid("--data-dir", "is missing: it is the agent's")
	}
	if info, err := os.Stat(b.dir); err != nil || !info.IsDir() {
		return client.Invalid("--data-dir", "there is no directory %q", b.dir)
	}
	return nil
}

// who is the user of this machine who says something. Only the agent's own log has it.
func who() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// newConsentCommands are those for people beside an agent.
func newConsentCommands() []*cobra.Command {
	return []*cobra.Command{newPendingCommand(), newAnswerCommand("approve", "Let the agent make changes that it asks about", consent.Approved),
		newAnswerCommand("deny", "Have the agent answer no to changes that it asks about", consent.Denied), newPauseCommand(), newContinueCommand()}
}

func newPendingCommand() *cobra.Command {
	b, o := besideAgent{}, print.Output{}
	cmd := &cobra.Command{
		Use:   "pending --data-dir DIR",
		Short: "List what the agent here waits for: answers of yours, or the end of a freeze or a pause",
		Long: "List what the agent here waits for: answers of yours, or the end of a freeze or a pause. It reads the agent's data directory,\n" +
			"whether or not the agent runs; -o json has what each change is in full.",
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			if err := b.open(cmd); err != nil {
				return err
			}
			p, err := consent.ReadPending(b.dir)
			if err != nil {
				return err
			}
			if o.Format != print.Table {
				raw, err := json.Marshal(p)
				return orRaw(cmd, o.Format, raw, err)
			}
			return printPending(cmd, p)
		},
	}
	b.flags(cmd.Flags())
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

func printPending(cmd *cobra.Command, p consent.Pending) error {
	if p.Paused != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "paused since %s by %s: nothing is changed until aerie agent continue\n\n", p.Paused.Since.Format(time.RFC3339), p.Paused.By)
	}
	var rows [][]string
	for _, q := range p.Items {
		rows = append(rows, []string{q.ID, string(q.Class), q.Ref.String(), q.Effect, q.Since.Format(time.RFC3339), "your answer"})
	}
	for _, w := range p.Waiting {
		rows = append(rows, []string{"-", string(w.Class), w.Ref.String(), w.Effect, w.Since.Format(time.RFC3339), w.Why})
	}
	return print.Rows(cmd.OutOrStdout(), []string{"ID", "CHANGE", "ENTITY", "WORK", "SINCE", "WAITS FOR"}, rows)
}

func newAnswerCommand(verb, short, answer string) *cobra.Command {
	b, all := besideAgent{}, false
	cmd := &cobra.Command{
		Use:   verb + " ID... --data-dir DIR",
		Short: short,
		Long: short + ", by the ids of aerie agent pending.\n" +
			"An answer is for this change of this entity; the same of another spec, or with another content, is asked about again.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := b.open(cmd); err != nil {
				return err
			}
			if all != (len(args) == 0) {
				return client.Invalid("id", "give the ids of what is meant, or --all")
			}
			if all {
				p, err := consent.ReadPending(b.dir)
				if err != nil {
					return err
				}
				for _, q := range p.Items {
					args = append(args, q.ID)
				}
			}
			if err := consent.Say(b.dir, args, answer, who(), b.because); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d\n", answer, len(args))
			return nil
		},
	}
	b.flags(cmd.Flags())
	b.becauseFlag(cmd.Flags())
	cmd.Flags().BoolVar(&all, "all", false, "all that wait for an answer")
	return cmd
}

func newPauseCommand() *cobra.Command {
	b := besideAgent{}
	cmd := &cobra.Command{
		Use:   "pause --data-dir DIR",
		Short: "Have the agent here do nothing until it is told to go on",
		Long: "Have the agent here do nothing until aerie agent continue. What is under way is done to its end; what comes waits, and the\n" +
			"control plane is told why. It looks for drift meanwhile, and changes nothing.",
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.open(cmd); err != nil {
				return err
			}
			return consent.SetPaused(b.dir, who(), b.because)
		},
	}
	b.flags(cmd.Flags())
	b.becauseFlag(cmd.Flags())
	return cmd
}

func newContinueCommand() *cobra.Command {
	b := besideAgent{}
	cmd := &cobra.Command{
		Use:   "continue --data-dir DIR",
		Short: "Let the agent here go on after a pause",
		Args:  client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.open(cmd); err != nil {
				return err
			}
			return consent.Continue(b.dir)
		},
	}
	b.flags(cmd.Flags())
	return cmd
}
