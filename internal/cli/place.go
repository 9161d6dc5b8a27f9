package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/placement"
)

// newPlaceCommand says where a tenant would be put now.
func newPlaceCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	var q placement.Query
	var dry bool
	cmd := &cobra.Command{
		Use:   "place ID --plan PLAN --dry-run",
		Short: "Say where a tenant would be put now, and why nowhere else",
		Long: "Say where a tenant would be put now by a plan, and why nowhere else. The tenant need not be there. Nothing is\n" +
			"claimed: \"aerie tenant create\" places it.",
		Example: "  aerie tenant place acme/prod --plan pro --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			ref, err := onlyID(cmd, events.Tenant, args)
			if err != nil {
				return err
			}
			if !dry {
				return client.Invalid("--dry-run", "is missing: place only says what would be; create, or apply, puts the tenant there")
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			params := url.Values{}
			for name, value := range map[string]string{"plan": q.Plan, "app": q.App, "region": q.Region, "near": q.Near} {
				if value != "" {
					params.Set(name, value)
				}
			}
			raw, err := cl.Get(cmd.Context(), "/v1/tenants/"+url.PathEscape(ref.Owner)+"/"+url.PathEscape(ref.ID)+"/place", params)
			if err != nil {
				return err
			}
			if o.Format != print.Table {
				return print.Raw(cmd.OutOrStdout(), o.Format, raw)
			}
			var would placement.WouldBe
			if err := json.Unmarshal(raw, &would); err != nil {
				return fmt.Errorf("read the place of %s: %w", ref, err)
			}
			return print.Write(cmd.OutOrStdout(), []byte(placeText(ref, would)))
		},
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	cmd.Flags().StringVar(&q.Plan, "plan", "", "the plan (default: the tenant's own)")
	cmd.Flags().StringVar(&q.App, "app", "", "the application type (default: the tenant's own, or the plan's first)")
	cmd.Flags().StringVar(&q.Region, "region", "", "the region (default: the tenant's own, or any)")
	cmd.Flags().StringVar(&q.Near, "near", "", "the region to be near to, by a plan that takes the nearest place (default: the tenant's own)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be; it must be given")
	return cmd
}

// placeText says for people where a tenant would be, and why nowhere else.
func placeText(ref events.Ref, would placement.WouldBe) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(client.Plain(fmt.Sprintf(format, args...)) + "\n")
	}
	if p := would.Placement; p != nil {
		line("%s would be put on tenantinfra %s, dataplane %s, namespace %s", ref, p.TenantInfra, p.Dataplane, p.Namespace)
		line("  by version %d of plan %s: %s", p.PlanVersion, p.Plan, p.Why)
	} else if would.Reason != nil {
		line("%s would be put nowhere: %s", ref, would.Reason.Message)
	}
	line("%d tenant infras fit", would.Fit)
	if len(would.Nearest) > 0 {
		line("nearest of the others:")
	}
	for _, n := range would.Nearest {
		line("  %s %s", n.TenantInfra, strings.Join(n.Reasons, ", "))
	}
	if len(would.Rejected) > 0 {
		line("what keeps the others out:")
	}
	for _, r := range would.Rejected {
		line("  %d: %s", r.Count, r.Reason)
	}
	return b.String()
}
