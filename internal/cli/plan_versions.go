package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// planVersion is a version of a plan as the server tells it.
type planVersion struct {
	Version int             `json:"version"`
	Time    time.Time       `json:"time"`
	Actor   string          `json:"actor"`
	Spec    events.PlanSpec `json:"spec"`
}

// newVersionsCommand lists the versions of a plan.
func newVersionsCommand() *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:     "versions ID",
		Short:   "List the versions of a plan's terms, oldest first",
		Long:    "List the versions of a plan's terms, oldest first. A tenant keeps the terms of the version it was placed by.",
		Example: "  aerie plan versions pro\n  aerie diff plan pro --from 2 --to 3",
		RunE: r.found(planOf, func(cmd *cobra.Command, cl *client.Client, ref events.Ref) error {
			raw, all, err := versionsOf(cmd, cl, ref)
			if err != nil {
				return err
			}
			if r.Output.Format != print.Table {
				return print.Raw(cmd.OutOrStdout(), r.Output.Format, raw)
			}
			var rows [][]string
			for _, v := range all {
				rows = append(rows, []string{strconv.Itoa(v.Version), v.Time.UTC().Format(time.RFC3339), v.Actor, v.Spec.Deployment, v.Spec.Hosting})
			}
			return print.Rows(cmd.OutOrStdout(), []string{"VERSION", "SINCE", "BY", "DEPLOYMENT", "HOSTING"}, rows)
		}),
	}
	r.Connection.Flags(cmd)
	r.AtFlag(cmd)
	r.Output.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

// planOf is the plan that the arguments name.
func planOf(cmd *cobra.Command, args []string) (events.Ref, error) {
	return onlyID(cmd, events.Plan, args)
}

func versionsOf(cmd *cobra.Command, cl *client.Client, ref events.Ref) (raw json.RawMessage, all []planVersion, err error) {
	raw, err = cl.Get(cmd.Context(), "/v1/plans/"+url.PathEscape(ref.Owner)+"/"+url.PathEscape(ref.ID)+"/versions", nil)
	if err != nil {
		return nil, nil, err
	}
	var l struct {
		Items []planVersion `json:"items"`
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, nil, fmt.Errorf("read the versions of %s: %w", ref, err)
	}
	return raw, l.Items, nil
}

// newDiffPlanCommand shows what changed from one version of a plan to another.
func newDiffPlanCommand() *cobra.Command {
	var conn client.Connection
	var from, to int
	cmd := &cobra.Command{
		Use:     "plan ID --from N [--to M]",
		Short:   "Show what changed from one version of a plan to another",
		Example: "  aerie diff plan pro --from 2 --to 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := planOf(cmd, args)
			if err != nil {
				return err
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			_, all, err := versionsOf(cmd, cl, ref)
			if err != nil {
				return err
			}
			if to == 0 && len(all) > 0 {
				to = all[len(all)-1].Version
			}
			old, err := versionIn(all, "--from", from)
			if err != nil {
				return err
			}
			now, err := versionIn(all, "--to", to)
			if err != nil {
				return err
			}
			return writeVersions(cmd, old, now)
		},
	}
	conn.Flags(cmd)
	cmd.Flags().IntVar(&from, "from", 0, "the version to begin with")
	cmd.Flags().IntVar(&to, "to", 0, "the version to compare it with (default: the newest)")
	return cmd
}

func versionIn(all []planVersion, flag string, n int) (planVersion, error) {
	for _, v := range all {
		if v.Version == n {
			return v, nil
		}
	}
	if len(all) == 0 {
		return planVersion{}, client.Invalid(flag, "there is no version")
	}
	return planVersion{}, client.Invalid(flag, "there is no version %d: known are %d to %d", n, all[0].Version, all[len(all)-1].Version)
}

func writeVersions(cmd *cobra.Command, old, now planVersion) error {
	differs := false
	for _, line := range diffLines(wanted(nil, manifest.Canonical(old.Spec)), wanted(nil, manifest.Canonical(now.Spec))) {
		differs = true
		if err := print.Write(cmd.OutOrStdout(), []byte(client.Plain(line)+"\n")); err != nil {
			return err
		}
	}
	if differs {
		return errDiffers
	}
	return nil
}
