package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

func newHistoryCommand() *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:               "history KIND ID",
		Short:             "Show every event of one entity, oldest first",
		Example:           "  aerie history dataplane -/eu",
		ValidArgsFunction: completeKindAndID(&r.Connection),
		RunE: r.one(func(cmd *cobra.Command, cl *client.Client, ref events.Ref) error {
			l, err := cl.List(cmd.Context(), client.EntityPath(ref)+"/history", nil, 0)
			if err != nil {
				return err
			}
			return printHistory(cmd.OutOrStdout(), r.Format, l)
		}),
	}
	r.flags(cmd)
	return cmd
}

func printHistory(w io.Writer, format string, l client.List) error {
	if format == print.JSON || format == print.YAML {
		return print.RawList(w, format, l)
	}
	past, err := l.Events()
	if err != nil {
		return err
	}
	if format == print.Name {
		var b bytes.Buffer
		for _, h := range past {
			fmt.Fprintln(&b, client.Plain(h.Type))
		}
		return print.Write(w, b.Bytes())
	}
	head, rows := eventTable(past, format == print.Wide, "")
	return print.Rows(w, head, rows)
}

// eventTable lists events. A fault is told once: what told says is told elsewhere, and the rest by the first event that
// does; wide shows all.
func eventTable(past []client.Event, wide bool, told string) (head []string, rows [][]string) {
	head = []string{"SEQ", "TIME", "TYPE", "ACTOR", "WHAT"}
	if wide {
		head = append(head, "COMMAND", "CAUSE")
	}
	tell := newTelling(told)
	for _, h := range past {
		row := []string{fmt.Sprint(h.Seq), h.Time.UTC().Format(time.RFC3339), h.Type, h.Actor, what(h, wide)}
		if once, is := tell.once(h); is && !wide {
			row[4] = once
		}
		if wide {
			row = append(row, h.CommandID, h.Cause)
		}
		rows = append(rows, row)
	}
	return head, rows
}

// telling keeps which faults have been told, and where.
type telling struct {
	reason string // told by itself
	at     map[string]uint64
}

func newTelling(reason string) *telling { return &telling{reason, map[string]uint64{}} }

// once is what an event says of a fault that is told elsewhere: its code, and where; false if it is told here.
func (t *telling) once(h client.Event) (said string, elsewhere bool) {
	var r events.Reason
	if json.Unmarshal(h.Data, &r) != nil || r.Message == "" {
		return "", false
	}
	at, told := t.at[r.Message]
	switch {
	case strings.HasSuffix(t.reason, r.Message):
		return fmt.Sprintf("%s: see the reason", r.Code), true
	case told:
		return fmt.Sprintf("%s: as at %d", r.Code, at), true
	}
	t.at[r.Message] = h.Seq
	return "", false
}

// what is the part of an event's body that says most: why, or where.
func what(h client.Event, wide bool) string {
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
		text = cmp.Or(b.Cluster, cmp.Or(b.Network, b.Customer))
	}
	if !wide {
		text = events.Truncate(text)
	}
	return text
}
