package cli

import (
	"encoding/json"
	"net/url"

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
	return func(cmd *cobra.Command, args []string) error {
		if err := r.Output.Check(); err != nil {
			return err
		}
		ref, err := one(cmd, args)
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
	fs.StringArrayVarP(&f.labels, "label", "l", nil, "only what has this label, as k=v or k; repeatable")
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

func newGetCommand() *cobra.Command {
	var r reading
	var f filter
	cmd := &cobra.Command{
		Use:               "get KIND [ID]",
		Short:             "Show entities of a kind, or one",
		Example:           "  aerie get tenants --owner acme\n  aerie get tenant acme/prod -o yaml\n  aerie get plans -o name\n  aerie get tenants --sort -created --at 2026-01-31T12:00:00Z",
		ValidArgsFunction: completeKindAndID(&r.Connection),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.Output.Check(); err != nil {
				return err
			}
			k, ids, err := kindAndIDs(cmd, args)
			if err != nil {
				return err
			}
			cl, err := r.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			switch len(ids) {
			case 0:
				return getList(cmd, cl, k, &r, &f)
			case 1:
				return getOne(cmd, cl, k, ids[0], &r)
			}
			return client.Invalid("arguments", "%q is one too many: want KIND [ID]", events.Truncate(ids[1]))
		},
	}
	r.flags(cmd)
	f.flags(cmd)
	completeFilters(cmd, &r.Connection)
	return cmd
}

func getList(cmd *cobra.Command, cl *client.Client, k events.Kind, r *reading, f *filter) error {
	q, err := f.query()
	if err != nil {
		return err
	}
	l, err := cl.List(cmd.Context(), "/v1/"+k.Plural(), q, f.limit)
	if err != nil {
		return err
	}
	return print.List(cmd.OutOrStdout(), k, r.Format, l)
}

func getOne(cmd *cobra.Command, cl *client.Client, k events.Kind, id string, r *reading) error {
	ref, err := refOf(cmd, k, id)
	if err != nil {
		return err
	}
	e, err := cl.Entity(cmd.Context(), ref, 0)
	if err != nil {
		return err
	}
	if r.Format == print.JSON || r.Format == print.YAML {
		return print.Raw(cmd.OutOrStdout(), r.Format, e.Raw)
	}
	return print.List(cmd.OutOrStdout(), k, r.Format, client.List{Items: []json.RawMessage{e.Raw}})
}
