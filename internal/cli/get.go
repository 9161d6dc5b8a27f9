package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// reading are the flags of everything that reads over HTTP.
type reading struct {
	client.Connection
	print.Output
}

func (r *reading) flags(cmd *cobra.Command) {
	r.Connection.Flags(cmd)
	r.AtFlag(cmd)
	r.Output.Flags(cmd, print.Table, print.Wide, print.JSON, print.YAML, print.Name)
	platformIDs(cmd)
}

// one makes what runs a verb that reads one entity: KIND ID.
func (r *reading) one(show func(*cobra.Command, *client.Client, events.Ref) error) func(*cobra.Command, []string) error {
	return r.found(one, show)
}

// found makes what runs a verb that reads one entity, which find finds in the arguments.
func (r *reading) found(find func(*cobra.Command, []string) (events.Ref, error),
	show func(*cobra.Command, *client.Client, events.Ref) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := r.Output.Check(); err != nil {
			return err
		}
		ref, err := find(cmd, args)
		if err != nil {
			return err
		}
		cl, err := r.Client(cmd)
		if err != nil {
			return err
		}
		defer cl.Close()
		return show(cmd, cl, ref)
	}
}

// connected makes what runs a verb that asks the server for one thing, and names no entity.
func connected(
	conn *client.Connection, o *print.Output, show func(*cobra.Command, *client.Client) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := o.Check(); err != nil {
			return err
		}
		return withClient(conn, func(cmd *cobra.Command, cl *client.Client, _ []string) error { return show(cmd, cl) })(cmd, args)
	}
}

// withClient makes what runs a verb that has something done on the server and shows nothing that it has.
func withClient(
	conn *client.Connection, do func(*cobra.Command, *client.Client, []string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cl, err := conn.Client(cmd)
		if err != nil {
			return err
		}
		defer cl.Close()
		return do(cmd, cl, args)
	}
}

// shows makes what runs a verb that shows what one route answers, as a table or as it came.
func shows[T any](
	conn *client.Connection, o *print.Output, route, what string, table func(T) (head []string, rows [][]string),
) func(*cobra.Command, []string) error {
	return connected(conn, o, func(cmd *cobra.Command, cl *client.Client) error {
		raw, err := cl.Get(cmd.Context(), route, nil)
		if err != nil || o.Format != print.Table {
			return orRaw(cmd, o.Format, raw, err)
		}
		var said T
		if err := json.Unmarshal(raw, &said); err != nil {
			return events.Refuse(events.Internal, "read %s: %v", what, err)
		}
		head, rows := table(said)
		return print.Rows(cmd.OutOrStdout(), head, rows)
	})
}

// filter are the filters of a list.
type filter struct {
	owner, phase, dataplane, plan, text, sort, cursor string
	labels                                            []string
	limit                                             int
}

func (f *filter) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.owner, "owner", "", "only what belongs to this customer, or - for the platform")
	fs.StringVar(&f.phase, "phase", "", "only what is in this phase")
	fs.StringArrayVarP(&f.labels, "label", "l", nil, "only what this label selector matches, such as 'tier!=gold'; repeatable")
	fs.StringVar(&f.dataplane, "dataplane", "", "only what is on this dataplane, such as -/eu")
	fs.StringVar(&f.plan, "plan", "", "only what is on this plan, such as free")
	fs.StringVarP(&f.text, "query", "q", "", "only what has this text in its name")
	fs.StringVar(&f.sort, "sort", "", "in which order: name, created, phase or seq; -name and so on: the last first")
	fs.IntVar(&f.limit, "limit", 0, "at most so many; 0: all")
	fs.StringVar(&f.cursor, "cursor", "", "go on where a list with --limit ended: its field next")
}

func (f *filter) query() (url.Values, error) {
	if f.limit < 0 {
		return nil, client.Invalid("--limit", "%d: want 0 or more", f.limit)
	}
	q := url.Values{}
	for name, v := range map[string]string{"owner": f.owner, "phase": f.phase, "dataplane": f.dataplane, "plan": f.plan, "q": f.text, "sort": f.sort, "cursor": f.cursor} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for _, l := range f.labels {
		q.Add("label", l)
	}
	return q, nil
}

// getting is what get was asked for.
type getting struct {
	reading
	filter
	print.Listing
	watch, ignoreNotFound bool
}

func newGetCommand() *cobra.Command {
	var g getting
	cmd := &cobra.Command{
		Use:   "get KIND [ID...]",
		Short: "Show entities of a kind, or some of them",
		Long: `Show entities of a kind, or some of them. What is read with -o yaml or json can be applied again.

Labels are selected as with kubectl: -l 'tier=gold', 'tier!=gold', 'tier in (gold,silver)',
'tier notin (free)', 'tier' (has it), '!tier' (has it not); commas and several -l mean all of them.
An owner, a plan, a dataplane or a phase that there never was is an error, not an empty list.

On a terminal a table is made to fit, and what is Failed is red unless NO_COLOR is set. With -w each
entity is shown again when something happens to it, until Ctrl-C.`,
		Example: `  aerie get tenants --owner acme -l 'tier in (gold,silver)'
  aerie get tenant acme/prod -o yaml | aerie apply -f -
  aerie get tenants -o custom-columns=TENANT:.id,PLAN:.spec.plan --sort-by .created
  aerie get plans -o jsonpath='{range .items[*]}{.id}{"\n"}{end}'
  aerie get tenants --sort -created --at 2026-01-31T12:00:00Z
  aerie get tenants --phase Waiting -w`,
		ValidArgsFunction: completeKindAndID(&g.Connection),
		RunE:              g.run,
	}
	cmd.AddCommand(newOperationsCommand())
	g.Connection.Flags(cmd)
	g.AtFlag(cmd)
	g.Output.Flags(cmd, print.Table, print.Wide, print.JSON, print.YAML, print.Name, print.JSONPath, print.CustomColumns)
	platformIDs(cmd)
	g.filter.flags(cmd)
	g.Listing.Flags(cmd)
	cmd.Flags().BoolVarP(&g.watch, "watch", "w", false, "go on and show what changes, until Ctrl-C")
	ignoreNotFound(cmd, &g.ignoreNotFound)
	completeFilters(cmd, &g.Connection)
	completeOrders(cmd)
	return cmd
}

func ignoreNotFound(cmd *cobra.Command, ignore *bool) {
	cmd.Flags().BoolVar(ignore, "ignore-not-found", false, "what is not there is no error")
}

func (g *getting) run(cmd *cobra.Command, args []string) error {
	if err := g.Output.Check(); err != nil {
		return err
	}
	k, ids, err := kindAndIDs(cmd, args)
	if err != nil {
		return err
	}
	refs, err := refsOf(cmd, k, ids)
	if err != nil {
		return err
	}
	if err := g.check(cmd, len(refs) > 0); err != nil {
		return err
	}
	g.Kind, g.Listing.Format, g.Screen = k, g.Output.Format, print.ScreenOf(cmd.OutOrStdout())
	if err := g.Prepare(); err != nil {
		return err
	}
	cl, err := g.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	switch {
	case g.watch:
		return g.follow(cmd, cl, refs)
	case len(refs) == 0:
		l, err := g.list(cmd, cl)
		if err != nil {
			return err
		}
		g.Now = cl.Moment()
		return g.List(cmd.OutOrStdout(), l)
	}
	return g.some(cmd, cl, refs)
}

// check refuses flags that mean nothing together.
func (g *getting) check(cmd *cobra.Command, named bool) error {
	for _, name := range []string{"owner", "phase", "label", "dataplane", "plan", "query", "sort", "limit", "cursor"} {
		if named && cmd.Flags().Changed(name) {
			return client.Invalid("--"+name, "is there with an id: give one or the other")
		}
	}
	for _, name := range []string{"at", "limit", "cursor", "sort", "sort-by"} {
		if g.watch && cmd.Flags().Changed(name) {
			return client.Invalid("--"+name, "is there with --watch: give one or the other")
		}
	}
	if g.sort != "" && g.SortBy != "" {
		return client.Invalid("--sort-by", "is there with --sort: give one or the other")
	}
	return nil
}

func (g *getting) list(cmd *cobra.Command, cl *client.Client) (client.List, error) {
	q, err := g.query()
	if err != nil {
		return client.List{}, err
	}
	return cl.List(cmd.Context(), "/v1/"+g.Kind.Plural(), q, g.limit)
}

// some shows the entities that were named: one as it is, several as a list. What is there is shown before the error about
// what is not.
func (g *getting) some(cmd *cobra.Command, cl *client.Client, refs []events.Ref) error {
	found, err := g.find(cmd.Context(), cl, refs)
	if len(found) == 0 {
		return err
	}
	g.Now = cl.Moment()
	show := g.List
	if len(refs) == 1 {
		show = func(w io.Writer, l client.List) error { return g.One(w, l.Items[0]) }
	}
	var l client.List
	for _, e := range found {
		l.Items = append(l.Items, e.Raw)
	}
	return cmp.Or(show(cmd.OutOrStdout(), l), err)
}

// find reads entities, some abreast.
func (g *getting) find(ctx context.Context, cl *client.Client, refs []events.Ref) (found []client.Entity, err error) {
	all := make([]client.Entity, len(refs))
	err = client.Each(len(refs), func(i int) (err error) {
		all[i], err = cl.Entity(ctx, refs[i], 0)
		if g.ignoreNotFound && isNotFound(err) {
			return nil
		}
		return err
	})
	return slices.DeleteFunc(all, func(e client.Entity) bool { return e.Kind == "" }), err
}

func isNotFound(err error) bool {
	var r *events.Refusal
	return errors.As(err, &r) && r.Code == events.NotFound
}
