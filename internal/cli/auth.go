package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/api"
)

// newAuthCommand is `aerie auth`.
func newAuthCommand() *cobra.Command {
	cmd := groupOf("auth", "Log in; say who you are and what you may do; tokens, people, keys")
	cmd.AddCommand(newWhoamiCommand(), newCanICommand(), newLoginCommand(), newLogoutCommand(),
		newTokensCommand(), newLocalTokenCommand(), newPeopleCommand(), newKeysCommand(), newNATSConfigCommand())
	return cmd
}

// groupOf is a command that only has others.
func groupOf(use, short string) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return client.UnknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
}

func newWhoamiCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show who the server takes you for",
		Args:  client.NoArgs,
		RunE: shows(&conn, &o, "/v1/whoami", "who you are", func(me api.Whoami) (head []string, rows [][]string) {
			until := "-"
			if me.Expires != nil {
				until = me.Expires.UTC().Format(time.RFC3339)
			}
			return []string{"ACTOR", "ROLE", "OWNER", "EXPIRES"}, [][]string{{me.Actor, string(me.Role), me.Owner, until}}
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

// orRaw prints an answer as it came, unless there is none.
func orRaw(cmd *cobra.Command, format string, raw json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	return print.Raw(cmd.OutOrStdout(), format, raw)
}

func newCanICommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	var owner string
	cmd := &cobra.Command{
		Use:   "can-i VERB KIND [ID]",
		Short: "Say whether you may ask something; the exit code is 3 if not",
		Long: "Say whether you may ask a verb of a kind, or read it. Without an ID it is about what your own owner has. The answer is\n" +
			"that of the table of rights, docs/reference.md: whether the thing is there is not looked up.",
		Example: "  aerie auth can-i update tenant\n  aerie auth can-i read token\n  aerie auth can-i move tenant acme/prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			if len(args) < 2 || len(args) > 3 {
				return client.Invalid("arguments", "%d: want VERB KIND, and the ID of one if it is about one", len(args))
			}
			kind, known := kindsOf(cmd).Find(args[1])
			if !known {
				return client.Invalid("KIND", "%q is no kind%s", events.Truncate(args[1]), events.Suggest(args[1], kindsOf(cmd).Names()))
			}
			if len(args) == 3 {
				ref, faults := kindsOf(cmd).ParseRef(kind.Kind, args[2])
				if err := events.RefuseFaults("arguments", faults); err != nil {
					return err
				}
				owner = ref.Owner
			}
			return askCanI(cmd, &conn, o.Format, url.Values{"verb": {args[0]}, "kind": {string(kind.Kind)}}, owner)
		},
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	cmd.Flags().StringVar(&owner, "owner", "", "whose things; your own owner's if it is left out")
	return cmd
}

// errMayNot ends can-i with the exit code of a refusal, after it has said why.
var errMayNot = &client.Failure{Code: string(events.Denied), Message: "no", Exit: client.ExitRefused}

func askCanI(cmd *cobra.Command, conn *client.Connection, format string, q url.Values, owner string) error {
	if owner != "" {
		q.Set("owner", owner)
	}
	cl, err := conn.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	raw, err := cl.Get(cmd.Context(), "/v1/can-i", q)
	if err != nil {
		return err
	}
	var answer api.CanI
	if err := json.Unmarshal(raw, &answer); err != nil {
		return events.Refuse(events.Internal, "read what you may do: %v", err)
	}
	if format != print.Table {
		err = print.Raw(cmd.OutOrStdout(), format, raw)
	} else {
		err = print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s: %s\n", map[bool]string{true: "yes", false: "no"}[answer.Allowed], client.Plain(answer.Reason)))
	}
	if err != nil || answer.Allowed {
		return err
	}
	return errMayNot
}
