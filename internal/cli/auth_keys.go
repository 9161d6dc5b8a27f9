package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/api"
)

// newKeysCommand is `aerie auth keys`.
func newKeysCommand() *cobra.Command {
	cmd := groupOf("keys", "List, seal anew or erase the installation's own keys, such as that of its CA")
	cmd.AddCommand(newKeysListCommand(), newKeysRotateCommand(), newKeysEraseCommand())
	return cmd
}

func newKeysListCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	cmd := &cobra.Command{
		Use: "list", Short: "List the installation's own keys, by name, and what they are sealed with", Args: client.NoArgs,
		RunE: shows(&conn, &o, "/v1/keys", "the installation's keys", func(all api.SealedKeyList) (head []string, rows [][]string) {
			for _, k := range all.Items {
				rows = append(rows, []string{k.Name, k.Made.UTC().Format(time.RFC3339), k.Seal, strconv.FormatBool(k.Newest)})
			}
			return []string{"NAME", "MADE", "SEAL", "NEWEST"}, rows
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

func newKeysRotateCommand() *cobra.Command {
	var conn client.Connection
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Seal the installation's keys anew, with the first key in the seal file",
		Long: "Seal the installation's keys anew, with the first key in the file of --seal-key-file. Before that, put the new key above the\n" +
			"old one in that file and restart one replica after the other; afterwards take the old key out.",
		Args: client.NoArgs,
		RunE: withClient(&conn, func(cmd *cobra.Command, cl *client.Client, _ []string) error {
			raw, err := cl.Post(cmd.Context(), "/v1/keys/rotate", nil)
			if err != nil {
				return err
			}
			var done api.RotatedKeys
			if err := json.Unmarshal(raw, &done); err != nil {
				return events.Refuse(events.Internal, "read what was sealed: %v", err)
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%d sealed anew\n", done.Rotated))
		}),
	}
	conn.Flags(cmd)
	return cmd
}

func newKeysEraseCommand() *cobra.Command {
	var conn client.Connection
	cmd := &cobra.Command{
		Use:   "erase NAME",
		Short: "Erase one of the installation's keys; the next server that starts makes another",
		Long: "Erase one of the installation's keys, such as ca, if somebody else has it. Servers that run go on with it. Restart them all\n" +
			"then: the first one makes another, which nobody trusts yet; give its certificate to clients and agents.",
		Example: "  aerie auth keys erase ca",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("arguments", "%d: want one name, as aerie auth keys list shows it", len(args))
			}
			return nil
		},
		RunE: withClient(&conn, func(cmd *cobra.Command, cl *client.Client, args []string) error {
			if _, err := cl.Request(cmd.Context(), "DELETE", "/v1/keys/"+url.PathEscape(args[0]), nil); err != nil {
				return err
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s erased\n", client.Plain(args[0])))
		}),
	}
	conn.Flags(cmd)
	return cmd
}
