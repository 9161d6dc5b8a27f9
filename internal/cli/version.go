package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

func newVersionCommand() *cobra.Command {
	var o print.Output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show what this binary was built from",
		Args:  client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			v := server.ThisVersion()
			if o.Format != print.Table {
				raw, err := json.Marshal(v)
				if err != nil {
					return fmt.Errorf("encode the version: %w", err)
				}
				return print.Raw(cmd.OutOrStdout(), o.Format, raw)
			}
			changed := ""
			if v.Modified {
				changed = ", with changes"
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "aerie %s (commit %s%s, %s)\n", v.Version, v.Commit, changed, v.Go))
		},
	}
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}
