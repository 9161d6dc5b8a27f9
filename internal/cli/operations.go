package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/operations"
)

// underWay is what get operations was asked for.
type underWay struct {
	reading
	owner, kind, entity, state, cursor string
	limit                              int
	watch                              bool
}

// newOperationsCommand lists what is under way.
func newOperationsCommand() *cobra.Command {
	var g underWay
	cmd := &cobra.Command{
		Use:     "operations",
		Aliases: []string{"operation"},
		Short:   "Show what is under way, and what has ended in the last day",
		Long: `Show what is under way, and what has ended in the last day: what was asked of an entity and takes its time,
the last begun first, in which step it is, and what it waits for. With -w each one is shown again when it
gets on, until Ctrl-C.`,
		Example: "  aerie get operations --state running\n  aerie get operations --entity acme/prod\n  aerie get operations --kind dataplane -o wide\n  aerie get operations --owner acme -w",
		Args:    client.NoArgs,
		RunE:    g.run,
	}
	g.reading.flags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&g.owner, "owner", "", "only what is done to what belongs to this customer, or - for the platform")
	fs.StringVar(&g.kind, "kind", "", "only what is done to this kind of entity")
	fs.StringVar(&g.entity, "entity", "", "only what is done to entities of this owner and name, such as acme/prod")
	fs.StringVar(&g.state, "state", "", "only what is running, done, failed or superseded")
	fs.IntVar(&g.limit, "limit", 0, "at most so many; 0: all")
	fs.StringVar(&g.cursor, "cursor", "", "go on where a list with --limit ended: its field next")
	fs.BoolVarP(&g.watch, "watch", "w", false, "go on and show what changes, until Ctrl-C")
	var states []string
	for _, s := range operations.States {
		states = append(states, string(s))
	}
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("kind", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return kindsOf(cmd).Names(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func (g *underWay) query() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{"owner": g.owner, "kind": g.kind, "entity": g.entity, "state": g.state, "cursor": g.cursor} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q
}

func (g *underWay) run(cmd *cobra.Command, _ []string) error {
	if err := g.Output.Check(); err != nil {
		return err
	}
	if g.limit < 0 {
		return client.Invalid("--limit", "%d: want 0 or more", g.limit)
	}
	for _, name := range []string{"at", "limit", "cursor"} {
		if g.watch && cmd.Flags().Changed(name) {
			return client.Invalid("--"+name, "is there with --watch: give one or the other")
		}
	}
	cl, err := g.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	l, err := cl.List(cmd.Context(), "/v1/operations", g.query(), g.limit)
	if err != nil {
		return err
	}
	if g.watch {
		return g.follow(cmd, cl, l)
	}
	if g.Format == print.JSON || g.Format == print.YAML {
		return print.RawList(cmd.OutOrStdout(), g.Format, l)
	}
	all, err := l.Operations()
	if err != nil {
		return err
	}
	return g.show(cmd, all, true)
}

// show prints operations as a table, or as names.
func (g *underWay) show(cmd *cobra.Command, all []client.Operation, headed bool) error {
	var rows [][]string
	for _, o := range all {
		if g.Format == print.Name {
			if err := print.Write(cmd.OutOrStdout(), []byte(client.Plain(o.ID)+"\n")); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, g.row(o))
	}
	if g.Format == print.Name {
		return nil
	}
	head := []string{"ENTITY", "VERB", "STATE", "STEP", "DONE", "SINCE", "TOOK", "REASON"}
	if g.Format == print.Wide {
		head = append(head, "WAITS FOR", "CAN", "ACTOR", "ID")
	}
	if !headed {
		return print.MoreRows(cmd.OutOrStdout(), head, rows)
	}
	return print.Rows(cmd.OutOrStdout(), head, rows)
}

func (g *underWay) row(o client.Operation) []string {
	reason := "-"
	if o.Reason != nil {
		reason = fmt.Sprintf("%s: %s", o.Reason.Code, o.Reason.Message)
	}
	row := []string{o.Ref().String(), o.Verb, o.State, cmp.Or(o.Step(), "-"), fmt.Sprintf("%d/%d", o.Done, o.Total),
		print.Since(o.Since, time.Now()), (time.Duration(o.TookMS) * time.Millisecond).String(), reason}
	if g.Format == print.Wide {
		row = append(row, cmp.Or(strings.Join(o.WaitsFor, ", "), "-"), cmp.Or(strings.Join(o.Can, ", "), "-"), o.Actor, o.ID)
	}
	return row
}

// follow shows what there is, and then each operation again when it gets on.
func (g *underWay) follow(cmd *cobra.Command, cl *client.Client, l client.List) error {
	shown := map[string]string{}
	if err := g.news(cmd, l, shown, true); err != nil {
		return err
	}
	after, err := seqOf(l)
	if err != nil {
		return err
	}
	of := events.Kind("*")
	if d, known := kindsOf(cmd).Find(g.kind); known {
		of = d.Kind
	}
	err = follow(cmd.Context(), cl, eventsOf(of, g.owner, nil, after), tailEnd{}, func(h client.Event) error {
		if _, known := kindsOf(cmd).Of(h.Kind); !known || g.entity != "" && h.Ref().Path() != g.path(h.Kind) {
			return nil
		}
		l, err := g.of(cmd.Context(), cl, h)
		if err != nil {
			return err
		}
		return g.news(cmd, l, shown, false)
	})
	if cmd.Context().Err() != nil {
		return nil
	}
	return err
}

// path is the entity that is asked for, as its kind writes it.
func (g *underWay) path(k events.Kind) string {
	ref, _ := events.ParseRef(k, g.entity)
	return ref.Path()
}

// of reads the operations of the entity of an event, the newest only: others do not change any more.
func (g *underWay) of(ctx context.Context, cl *client.Client, h client.Event) (l client.List, err error) {
	q := g.query()
	q.Set("kind", string(h.Kind))
	q.Set("entity", h.Ref().Path())
	q.Set("min_seq", strconv.FormatUint(h.Seq, 10))
	err = cl.Retry(ctx, "read the operations of "+h.Ref().String(), func(ctx context.Context) (err error) {
		l, err = cl.List(ctx, "/v1/operations", q, 2) // a second one, should it have ended by this event
		return err
	})
	slices.Reverse(l.Items)
	return l, err
}

// news shows those that are not as they were when they were shown last.
func (g *underWay) news(cmd *cobra.Command, l client.List, shown map[string]string, headed bool) error {
	all, err := l.Operations()
	if err != nil {
		return err
	}
	var raw []json.RawMessage
	var news []client.Operation
	for i, o := range all {
		is := fmt.Sprint(o.State, o.Done, o.Step(), o.Reason)
		if shown[o.ID] == is {
			continue
		}
		shown[o.ID] = is
		raw, news = append(raw, l.Items[i]), append(news, o)
	}
	if g.Format == print.JSON || g.Format == print.YAML {
		for _, one := range raw {
			if err := print.Raw(cmd.OutOrStdout(), g.Format, one); err != nil {
				return err
			}
		}
		return nil
	}
	if len(news) == 0 && !headed {
		return nil
	}
	return g.show(cmd, news, headed)
}
