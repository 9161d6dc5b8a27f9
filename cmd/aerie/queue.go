package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/projections"
	commands "github.com/aeriehq/aerie/workers/command"
)

// listQueue lists the commands that wait, for HTTP.
func (c *control) listQueue(ctx context.Context, from uint64, most int) (all []projections.Waiting, err error) {
	queued, err := c.waiting.Waiting(ctx, from, most)
	for _, q := range queued {
		all = append(all, waitingOf(q))
	}
	return all, err
}

// dropQueued takes a command off the queue, for HTTP.
func (c *control) dropQueued(ctx context.Context, seq uint64, actor string) (projections.Waiting, error) {
	q, err := c.intake.Dropped(ctx, c.waiting, seq, actor)
	return waitingOf(q), err
}

func waitingOf(q queue.Queued) projections.Waiting {
	return projections.Waiting{Seq: q.Seq, CommandID: commands.QueuedID(q), Owner: q.Owner, Kind: q.Kind, ID: q.ID, Verb: q.Verb, Bytes: len(q.Body), Stored: q.Stored.UTC()}
}

// newQueueCommand is `aerie queue`.
func newQueueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show the commands that wait in the queue, or drop one",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newQueueListCommand(), newQueueDropCommand())
	return cmd
}

func newQueueListCommand() *cobra.Command {
	var conn connection
	var out output
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the commands that wait, the oldest first",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if limit < 0 {
				return invalid("--limit", "%d: want 0 or more", limit)
			}
			cl, err := conn.client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			l, err := cl.list(cmd.Context(), "/v1/queue", nil, limit)
			if err != nil {
				return err
			}
			if out.format == asJSON || out.format == asYAML {
				return writeList(cmd.OutOrStdout(), out.format, l)
			}
			return printQueue(cmd, out.format, l)
		},
	}
	conn.flags(cmd)
	out.flags(cmd, asTable, asJSON, asYAML, asName)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many; 0: all")
	return cmd
}

func printQueue(cmd *cobra.Command, format string, l list) error {
	head, rows := []string{"SEQ", "ENTITY", "VERB", "COMMAND", "BYTES", "WAITS"}, [][]string{}
	for _, raw := range l.Items {
		var w projections.Waiting
		if err := json.Unmarshal(raw, &w); err != nil {
			return events.Refuse(events.Internal, "read the queue: %v", err)
		}
		if format == asName {
			if err := write(cmd.OutOrStdout(), fmt.Appendln(nil, w.Seq)); err != nil {
				return err
			}
			continue
		}
		ref := events.Ref{Kind: events.Kind(w.Kind), Owner: w.Owner, ID: w.ID}
		rows = append(rows, []string{fmt.Sprint(w.Seq), ref.String(), w.Verb, w.CommandID, fmt.Sprint(w.Bytes), ago(time.Since(w.Stored))})
	}
	if format == asName {
		return nil
	}
	return writeTable(cmd.OutOrStdout(), head, rows)
}

func newQueueDropCommand() *cobra.Command {
	var conn connection
	cmd := &cobra.Command{
		Use:     "drop SEQ",
		Short:   "Take a command off the queue; that it was refused is an event",
		Example: "  aerie queue drop 17",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return invalid("arguments", "%d: want the place of one command, as aerie queue list shows it", len(args))
			}
			seq, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || seq == 0 {
				return invalid("SEQ", "%q is no place in the queue: want a number, as aerie queue list shows it", events.Clip(args[0]))
			}
			cl, err := conn.client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			raw, err := cl.request(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/queue/%d", seq), nil)
			if err != nil {
				return err
			}
			var w projections.Waiting
			if err := json.Unmarshal(raw, &w); err != nil {
				return events.Refuse(events.Internal, "read what was dropped: %v", err)
			}
			ref := events.Ref{Kind: events.Kind(w.Kind), Owner: w.Owner, ID: w.ID}
			return write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s of %s dropped: command %s\n", plain(w.Verb), plain(ref.String()), plain(w.CommandID)))
		},
	}
	conn.flags(cmd)
	return cmd
}
