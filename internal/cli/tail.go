package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// tailFilter says which events, and from where on.
type tailFilter struct {
	owner, kind, id, typ string
	since, until         string
	once                 bool // end when what is there has been told
	after                uint64
	fromStart            bool // after was given, be it 0
}

func newTailCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	var f tailFilter
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show events as they happen, until Ctrl-C",
		Long: `Show events as they happen, until Ctrl-C, a moment (--until), or the end of what is in the log
now (--once). These two begin with the first event, unless --after or --since says otherwise.`,
		Example: `  aerie tail --owner acme
  aerie tail --kind tenant --type attempt_failed --since 1h
  aerie tail --after 0 -o json
  aerie tail --owner acme --once --type attempt_failed
  aerie tail --since 2026-01-31T12:00:00Z --until 2026-01-31T13:00:00Z`,
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			f.fromStart = cmd.Flags().Changed("after")
			config, err := f.config(kindsOf(cmd), time.Now())
			if err != nil {
				return err
			}
			end, err := f.end(time.Now())
			if err != nil {
				return err
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			w := &eventWriter{w: cmd.OutOrStdout(), format: o.Format}
			return follow(cmd.Context(), cl, config, end, w.write)
		},
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.Wide, print.JSON, print.YAML, print.Name)
	fs := cmd.Flags()
	fs.StringVar(&f.owner, "owner", "", "only what belongs to this customer, or - for the platform")
	fs.StringVar(&f.kind, "kind", "", "only events of this kind of entity")
	fs.StringVar(&f.id, "id", "", "only events of this id, such as prod or prod_pg")
	fs.StringVar(&f.typ, "type", "", "only events of this type, such as activated")
	fs.StringVar(&f.since, "since", "", "begin in the past: so long ago (10m), or at a time (RFC 3339)")
	fs.Uint64Var(&f.after, "after", 0, "begin after this sequence; 0: with the first event")
	fs.StringVar(&f.until, "until", "", "end after this sequence (1234), or at a time (RFC 3339, or so long ago: 10m)")
	fs.BoolVar(&f.once, "once", false, "end when all that is in the log now was shown")
	_ = cmd.RegisterFlagCompletionFunc("kind", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return kindsOf(cmd).Names(), cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes(), cobra.ShellCompDirectiveNoFileComp))
	completeFilters(cmd, &conn)
	return cmd
}

// config makes a consumer's configuration of the filters.
func (f tailFilter) config(kinds *events.Registry, now time.Time) (jetstream.OrderedConsumerConfig, error) {
	var c jetstream.OrderedConsumerConfig
	kind, err := f.check(kinds)
	if err != nil {
		return c, err
	}
	c.FilterSubjects = []string{events.EventPrefix + strings.Join([]string{cmp.Or(f.owner, "*"), cmp.Or(kind, "*"), cmp.Or(f.id, "*"), cmp.Or(f.typ, "*")}, ".")}
	c.DeliverPolicy = jetstream.DeliverNewPolicy
	switch {
	case f.fromStart && f.since != "":
		return c, client.Invalid("--since", "is there with --after: give one or the other")
	case f.fromStart:
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, f.after+1
	case f.since != "":
		at, err := client.ParseMoment("--since", f.since, now)
		if err != nil {
			return c, err
		}
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &at
	case f.once || f.until != "":
		c.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	return c, nil
}

// check refuses what no event could have.
func (f tailFilter) check(kinds *events.Registry) (kind string, err error) {
	if f.kind != "" {
		k, ok := kinds.EventKindOf(f.kind)
		if !ok {
			return "", client.Invalid("--kind", "%q is not a kind%s", events.Truncate(f.kind), events.Suggest(f.kind, kinds.Names()))
		}
		kind = string(k)
	}
	if f.owner != "" && f.owner != events.Platform && !events.IsLabel(f.owner) {
		return "", client.Invalid("--owner", "%q: want a customer's id or -", events.Truncate(f.owner))
	}
	for name, v := range map[string]string{"--id": f.id, "--type": f.typ} {
		if strings.ContainsAny(v, ".*> \t\r\n\x00/") || strings.ContainsFunc(v, func(r rune) bool { return r > '~' }) {
			return "", client.Invalid(name, "%q: want one word, as events have it", events.Truncate(v))
		}
	}
	if known := eventTypes(); f.typ != "" && !slices.Contains(known, f.typ) {
		return "", client.Invalid("--type", "no event is called %q%s", events.Truncate(f.typ), events.Suggest(f.typ, known))
	}
	return kind, nil
}

func eventTypes() (all []string) {
	for _, vocabulary := range fsm.Vocabulary() {
		for _, e := range vocabulary {
			all = append(all, e.Type())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// follow takes events until ctx ends, which is no error, or their end is there. A server that restarts is waited for, and
// nothing is missed or told twice.
func follow(ctx context.Context, c *client.Client, config jetstream.OrderedConsumerConfig,
	end tailEnd, take func(client.Event) error) error {
	ctx, cancel := end.bound(ctx)
	defer cancel()
	nc, err := c.Connect()
	if err != nil {
		return err
	}
	if me := c.Whoami(); me != nil && !streams(me) {
		return followPages(ctx, c, nc, heardBy(me), config, end, take)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("tail: %w", err)
	}
	consumer, err := js.OrderedConsumer(ctx, eventlog.Stream, config)
	if err != nil {
		return untailed(ctx, c, err)
	}
	if done, err := end.begun(ctx, js, consumer); done || err != nil {
		return untailed(ctx, c, err)
	}
	all, err := consumer.Messages()
	if err != nil {
		return untailed(ctx, c, err)
	}
	defer all.Stop()
	for {
		m, err := all.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return untailed(ctx, c, err)
		}
		h, err := eventOf(m)
		if err != nil || end.before(h) {
			return err
		}
		if err := take(h); err != nil {
			return err
		}
		if end.reached(m) {
			return nil
		}
	}
}

func untailed(ctx context.Context, c *client.Client, err error) error {
	var refused *events.Refusal
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case errors.As(err, &refused):
		return err
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return events.Refuse(events.Unavailable, "%s has no stream %s: is it aerie's?", c.NATSAddress(), eventlog.Stream)
	}
	return c.Unanswered(err)
}

// eventOf reads a message of the stream: the subject says what, the headers who and why.
func eventOf(m jetstream.Msg) (client.Event, error) {
	meta, err := m.Metadata()
	t := strings.Split(m.Subject(), ".")
	if err != nil || len(t) != 6 {
		return client.Event{}, events.Refuse(events.Internal, "%q is not an event", events.Truncate(m.Subject()))
	}
	h := client.Event{Seq: meta.Sequence.Stream, Owner: t[2], Kind: events.Kind(t[3]), Entity: t[4], Type: t[5], Data: m.Data()}
	head := nats.Header(m.Headers())
	h.ID, h.CEType, h.Actor, h.CommandID = head.Get("ce-id"), head.Get("ce-type"), head.Get("ce-actor"), head.Get("ce-commandid")
	h.Cause, h.Thread = head.Get("ce-causationid"), head.Get("ce-correlationid")
	h.Time, err = time.Parse(time.RFC3339Nano, head.Get("ce-time"))
	if err != nil {
		h.Time = meta.Timestamp
	}
	if !json.Valid(h.Data) {
		h.Data = json.RawMessage("null")
	}
	return h, nil
}

// eventWriter writes events one by one; nobody knows how wide the next will be.
type eventWriter struct {
	w      io.Writer
	format string
	headed bool
}

func (w *eventWriter) write(h client.Event) error {
	var b bytes.Buffer
	switch w.format {
	case print.JSON, print.YAML:
		data, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
		if w.format == print.JSON {
			b.Write(append(print.EscapeJSON(data), '\n'))
			break
		}
		if data, err = print.YAMLText(data); err != nil {
			return err
		}
		b.WriteString("---\n")
		b.Write(data)
	case print.Name:
		fmt.Fprintln(&b, client.Plain(h.Ref().String()+" "+h.Type))
	default:
		w.row(&b, h)
	}
	return print.Write(w.w, b.Bytes())
}

func (w *eventWriter) row(b *bytes.Buffer, h client.Event) {
	const form = "%-7v  %-20s  %-32s  %-24s  %-10s  %s"
	line := func(seq any, at, entity, typ, actor, what, command string) {
		text := fmt.Sprintf(form, seq, at, entity, typ, actor, what)
		if w.format == print.Wide {
			text = fmt.Sprintf(form, seq, at, entity, typ, actor, fmt.Sprintf("%-26s  %s", command, what))
		}
		fmt.Fprintln(b, strings.TrimRight(client.Plain(text), " "))
	}
	if !w.headed {
		w.headed = true
		line("SEQ", "TIME", "ENTITY", "TYPE", "ACTOR", "WHAT", "COMMAND")
	}
	line(h.Seq, h.Time.UTC().Format(time.RFC3339), h.Ref().String(), h.Type, h.Actor, what(h, w.format == print.Wide), h.CommandID)
}
