package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/api"
)

// newQueueCommand is `aerie queue`.
func newQueueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show the commands that wait in the queue, or drop one",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return client.UnknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newQueueListCommand(), newQueueDropCommand())
	return cmd
}

func newQueueListCommand() *cobra.Command {
	var conn client.Connection
	var out print.Output
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the commands that wait, the oldest first",
		Args:  client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.Check(); err != nil {
				return err
			}
			if limit < 0 {
				return client.Invalid("--limit", "%d: want 0 or more", limit)
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			l, err := cl.List(cmd.Context(), "/v1/queue", nil, limit)
			if err != nil {
				return err
			}
			if out.Format == print.JSON || out.Format == print.YAML {
				return print.RawList(cmd.OutOrStdout(), out.Format, l)
			}
			return printQueue(cmd, out.Format, l)
		},
	}
	conn.Flags(cmd)
	out.Flags(cmd, print.Table, print.JSON, print.YAML, print.Name)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many; 0: all")
	return cmd
}

func printQueue(cmd *cobra.Command, format string, l client.List) error {
	head, rows := []string{"SEQ", "ENTITY", "VERB", "COMMAND", "BYTES", "WAITS"}, [][]string{}
	for _, raw := range l.Items {
		var w api.Waiting
		if err := json.Unmarshal(raw, &w); err != nil {
			return events.Refuse(events.Internal, "read the queue: %v", err)
		}
		if format == print.Name {
			if err := print.Write(cmd.OutOrStdout(), fmt.Appendln(nil, w.Seq)); err != nil {
				return err
			}
			continue
		}
		ref := events.Ref{Kind: events.Kind(w.Kind), Owner: w.Owner, ID: w.ID}
		rows = append(rows, []string{fmt.Sprint(w.Seq), ref.String(), w.Verb, w.CommandID, fmt.Sprint(w.Bytes), print.Ago(time.Since(w.Stored))})
	}
	if format == print.Name {
		return nil
	}
	return print.Rows(cmd.OutOrStdout(), head, rows)
}

func newQueueDropCommand() *cobra.Command {
	var conn client.Connection
	cmd := &cobra.Command{
		Use:     "drop SEQ",
		Short:   "Take a command off the queue; that it was refused is an event",
		Example: "  aerie queue drop 17",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("arguments", "%d: want the place of one command, as aerie queue list shows it", len(args))
			}
			seq, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || seq == 0 {
				return client.Invalid("SEQ", "%q is no place in the queue: want a number, as aerie queue list shows it", events.Truncate(args[0]))
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			raw, err := cl.Request(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/queue/%d", seq), nil)
			if err != nil {
				return err
			}
			var w api.Waiting
			if err := json.Unmarshal(raw, &w); err != nil {
				return events.Refuse(events.Internal, "read what was dropped: %v", err)
			}
			ref := events.Ref{Kind: events.Kind(w.Kind), Owner: w.Owner, ID: w.ID}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s of %s dropped: command %s\n", client.Plain(w.Verb), client.Plain(ref.String()), client.Plain(w.CommandID)))
		},
	}
	conn.Flags(cmd)
	return cmd
}
