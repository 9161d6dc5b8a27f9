package cli

import (
	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// newDeleteCommand is `aerie delete KIND ID`: the same as `aerie KIND delete ID`.
func newDeleteCommand() *cobra.Command {
	var f verbFlags
	cmd := &cobra.Command{
		Use:   "delete KIND ID",
		Short: "Delete an entity and everything made for it",
		Long: `Delete an entity and everything made for it, in clouds and clusters, in order.
What still uses it is in the way and is named; with --cascade a customer goes with
everything it owns, a dataplane with the applications, tenants, tenant infras and
addons on it, and a tenant with its applications; --dry-run lists them. Others take
nothing along, and say what to delete first. With --wait it returns when nothing is
left.`,
		Example:           "  aerie delete application acme/prod/pg\n  aerie delete customer acme --cascade --wait",
		ValidArgsFunction: completeKindAndID(&f.conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			k, ids, err := kindAndIDs(cmd, args)
			if err != nil {
				return err
			}
			ref, err := onlyID(k, ids)
			if err != nil {
				return err
			}
			body, err := f.encode(cmd, k, events.VerbDelete)
			if err != nil {
				return err
			}
			return f.run(cmd, client.Command{Ref: ref, Verb: events.VerbDelete, Body: body, DryRun: f.dryRun})
		},
	}
	f.conn.Flags(cmd)
	f.WaitFlags.Flags(cmd)
	f.Output.Flags(cmd, print.Table, print.JSON, print.YAML, print.Name)
	platformIDs(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "let the server decide without changing anything")
	f.cascadeFlag(cmd)
	return cmd
}
