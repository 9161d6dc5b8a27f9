package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
)

func newHistoryCommand() *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:               "history KIND ID",
		Short:             "Show every event of one entity, oldest first",
		Example:           "  aerie history dataplane -/eu",
		ValidArgsFunction: completeKindAndID(&r.connection),
		RunE: r.one(func(cmd *cobra.Command, cl *client, ref events.Ref) error {
			l, err := cl.list(cmd.Context(), entityPath(ref)+"/history", nil, 0)
			if err != nil {
				return err
			}
			return printHistory(cmd.OutOrStdout(), r.format, l)
		}),
	}
	r.flags(cmd)
	return cmd
}

func printHistory(w io.Writer, format string, l list) error {
	if format == asJSON || format == asYAML {
		return writeList(w, format, l)
	}
	past, err := l.events()
	if err != nil {
		return err
	}
	if format == asName {
		var b bytes.Buffer
		for _, h := range past {
			fmt.Fprintln(&b, plain(h.Type))
		}
		return write(w, b.Bytes())
	}
	head, rows := eventTable(past, format == asWide)
	return writeTable(w, head, rows)
}

func eventTable(past []happened, wide bool) (head []string, rows [][]string) {
	head = []string{"SEQ", "TIME", "TYPE", "ACTOR", "WHAT"}
	if wide {
		head = append(head, "COMMAND", "CAUSE")
	}
	for _, h := range past {
		row := []string{fmt.Sprint(h.Seq), h.Time.UTC().Format(time.RFC3339), h.Type, h.Actor, h.what(wide)}
		if wide {
			row = append(row, h.CommandID, h.Cause)
		}
		rows = append(rows, row)
	}
	return head, rows
}

// what is the part of an event's body that says most: why, or where.
func (h happened) what(wide bool) string {
	var b struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Why     string `json:"why"`
		Cluster string `json:"cluster"`
		Network string `json:"network"`

		Customer  string         `json:"customer"`
		Found     []events.Drift `json:"found"`
		Resources []string       `json:"resources"`
		Kept      []string       `json:"kept"`
		UID       string         `json:"uid"`
	}
	_ = json.Unmarshal(h.Data, &b) // an event without these says nothing here
	text := ""
	switch {
	case b.Message != "":
		text = strings.TrimPrefix(b.Code+": "+b.Message, ": ")
	case b.Why != "":
		text = b.Why
	case len(b.Found) > 0:
		text = b.Found[0].String()
	case len(b.Resources) > 0:
		text = b.Resources[0]
	case len(b.Kept) > 0:
		text = "kept " + strings.Join(b.Kept, ", ")
	case h.Type == events.Disowned{}.Type():
		text = b.UID
	default:
		text = or(b.Cluster, or(b.Network, b.Customer))
	}
	if !wide {
		text = events.Clip(text)
	}
	return text
}
