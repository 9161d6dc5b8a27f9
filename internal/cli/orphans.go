package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// orphansWithin is how long a server that has just started is waited for.
const orphansWithin = time.Minute

// newOrphansCommand lists what the log does not know, and has it adopted or removed.
func newOrphansCommand(kinds *events.Registry) *cobra.Command {
	var conn client.Connection
	var o print.Output
	var q events.OrphanQuery
	cmd := &cobra.Command{
		Use:   "orphans",
		Short: "List what clouds and clusters hold that the log does not know; remove, adopt",
		Long: "Look through the clouds and the clusters of working dataplanes for what carries the mark of an incarnation that the\n" +
			"log does not know: of a log that was lost, as when an older copy of it was started, or of another installation of\n" +
			"aerie in the same account. Until somebody has it removed or adopted it is left alone, and in a cluster it keeps its name.",
		Example: "  aerie orphans\n  aerie orphans --account -/main --region eu-central\n  aerie orphans remove acme/tenant/prod/01J8ZQ6M3N4P5R6S7T8V9W0X1Y\n" +
			"  aerie orphans adopt acme/tenant/prod/01J8ZQ6M3N4P5R6S7T8V9W0X1Y --dataplane -/eu --spec '{plan: -/free}'",
		Args: client.NoArgs,
		RunE: connected(&conn, &o, func(cmd *cobra.Command, cl *client.Client) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), orphansWithin)
			defer cancel()
			var raw json.RawMessage
			if err := cl.Retry(ctx, "look for orphans", func(ctx context.Context) (err error) {
				raw, err = cl.Get(ctx, "/v1/orphans", query(q))
				return err
			}); err != nil {
				return err
			}
			if o.Format == print.JSON {
				return print.Raw(cmd.OutOrStdout(), print.JSON, raw)
			}
			return printOrphans(cmd, raw)
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON)
	siteFlags(cmd, &q)
	cmd.AddCommand(newMarkCommand(kinds, "remove", events.VerbDisown, "Remove all that carries a mark that the log does not know"),
		newMarkCommand(kinds, "adopt", events.VerbAdopt, "Make an entity of what carries a mark that the log does not know"))
	return cmd
}

func siteFlags(cmd *cobra.Command, q *events.OrphanQuery) {
	cmd.Flags().StringVar(&q.Account, "account", "", "the account to look in, such as -/main")
	cmd.Flags().StringVar(&q.Region, "region", "", "the region of that account, where no dataplane of the log is there")
}

func query(q events.OrphanQuery) url.Values {
	v := url.Values{}
	if q.Account != "" {
		v.Set("account", q.Account)
	}
	if q.Region != "" {
		v.Set("region", q.Region)
	}
	return v
}

func printOrphans(cmd *cobra.Command, raw json.RawMessage) error {
	var found events.Orphans
	if err := json.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("read the orphans: %w", err)
	}
	var rows [][]string
	now := time.Now()
	for _, f := range found.Items {
		rows = append(rows, []string{f.Account, f.Region, cmp.Or(f.Dataplane, "-"), cmp.Or(f.Cluster, "-"), f.Mark, print.Since(f.Born, now), strings.Join(f.Resources, ", ")})
	}
	for _, u := range found.Unread {
		fmt.Fprintln(cmd.ErrOrStderr(), client.Plain(fmt.Sprintf("not looked into: account %s, region %s, cluster %s: %s", u.Account, u.Region, cmp.Or(u.Cluster, "-"), u.Reason)))
	}
	return print.Rows(cmd.OutOrStdout(), []string{"ACCOUNT", "REGION", "DATAPLANE", "CLUSTER", "MARK", "AGE", "WHAT"}, rows)
}

// newMarkCommand is a verb of the entity that a mark names.
func newMarkCommand(kinds *events.Registry, name, verb, short string) *cobra.Command {
	f := verbFlags{kinds: kinds}
	cmd := &cobra.Command{
		Use:   name + " MARK",
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			ref, uid, err := onlyMark(words(cmd, args))
			if err != nil {
				return err
			}
			f.known = map[string]string{"uid": uid}
			c := client.Command{Ref: ref, Verb: verb, DryRun: f.dryRun}
			if c.Body, err = f.encode(cmd, ref.Kind, verb); err != nil {
				return err
			}
			return f.run(cmd, c)
		},
	}
	f.flags(cmd)
	// The kind is the mark's: the flags are those of the kind that has the most. The mark has the uid.
	tenant, _ := kinds.Of(events.Tenant)
	described, _ := tenant.Verb(verb)
	f.fields.add(cmd, &f.conn, slices.DeleteFunc(described.Fields(tenant.Kind), func(field events.Field) bool { return field.Path == "uid" }))
	if described.TakesSpec() {
		f.specFlags(cmd)
	}
	return cmd
}

// onlyMark reads MARK.
func onlyMark(args []string) (ref events.Ref, uid string, err error) {
	switch len(args) {
	case 0:
		return ref, "", client.Invalid("mark", "is missing: want one that aerie orphans lists")
	case 1:
	default:
		return ref, "", client.Invalid("arguments", "%q is one too many: want one mark", events.Truncate(args[1]))
	}
	ref, uid, ok := events.ParseMark(args[0])
	if !ok || !events.Marked(ref.Kind) {
		return ref, "", client.Invalid("mark", "%q is none: want owner/kind/id/uid, as aerie orphans lists it", events.Truncate(args[0]))
	}
	return ref, uid, nil
}
