package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// asText is the format of what is told rather than listed.
const asText = "text"

func newWhyCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	cmd := &cobra.Command{
		Use:   "why KIND ID",
		Short: "Tell how one entity came to be as it is: commands, events, effects, calls",
		Long: "Tell from the log alone how one entity came to be as it is: each command, the events it caused with the\n" +
			"phase after each, the effect that was paid with every call that was made for it, and what it waits for now.",
		Example:           "  aerie why tenant acme/prod\n  aerie why dataplane eu -o json",
		ValidArgsFunction: completeKindAndID(&conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			ref, err := one(cmd, args)
			if err != nil {
				return err
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			return why(cmd.Context(), cl, cmd.OutOrStdout(), ref, o.Format)
		},
	}
	conn.Flags(cmd)
	conn.AtFlag(cmd)
	o.Flags(cmd, asText, print.JSON, print.YAML)
	platformIDs(cmd)
	return cmd
}

func why(ctx context.Context, cl *client.Client, w io.Writer, ref events.Ref, format string) error {
	e, past, err := life(ctx, cl, ref)
	if err != nil {
		return err
	}
	c, err := chainOf(e, past)
	if err != nil {
		return err
	}
	if err := findCauses(ctx, cl, &c); err != nil {
		return err
	}
	if format == asText {
		return print.Write(w, c.text())
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write a chain: %w", err)
	}
	return print.Raw(w, format, raw)
}

// life reads an entity and the events that made it what it was at that moment:
// later ones are left out, so that both tell the same story.
func life(ctx context.Context, c *client.Client, ref events.Ref) (client.Entity, []client.Event, error) {
	e, err := c.Entity(ctx, ref, 0)
	if err != nil {
		return e, nil, err
	}
	q := url.Values{"min_seq": {strconv.FormatUint(e.Seq, 10)}}
	l, err := c.List(ctx, client.EntityPath(ref)+"/history", q, 0)
	if err != nil {
		return e, nil, err
	}
	past, err := l.Events()
	for len(past) > 0 && past[len(past)-1].Seq > e.Seq {
		past = past[:len(past)-1]
	}
	return e, past, err
}

// lookBack is how many events before a command its cause is looked for in. The
// machinery answers an event within a few; a cause that is further away is
// named by its id alone.
const lookBack = 200

// findCauses looks in the log for the events of other entities that brought
// commands about.
func findCauses(ctx context.Context, c *client.Client, ch *chain) error {
	for i := range ch.Commands {
		l := &ch.Commands[i]
		if l.Cause != nil || l.CausationID == l.CommandID {
			continue
		}
		h, found, err := findEvent(ctx, c, l.CausationID, l.Events[0].Seq)
		if err != nil {
			return err
		}
		if found {
			l.Cause = causeOf(h)
		}
	}
	return nil
}

// findEvent looks for an event by its id shortly before a sequence.
func findEvent(ctx context.Context, c *client.Client, id string, before uint64) (h client.Event, found bool, err error) {
	after := before - 1
	after -= min(after, lookBack)
	q := url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(lookBack)}}
	raw, err := c.Get(ctx, "/v1/events", q)
	if err != nil {
		return h, false, err
	}
	l, err := client.DecodeList(raw)
	if err != nil {
		return h, false, err
	}
	near, err := l.Events()
	for _, h := range near {
		if h.ID == id && h.Seq < before {
			return h, true, nil
		}
	}
	return h, false, err
}
