package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// ensureTenant makes the tenant's namespace and what guards it, on the terms
// that its placement wrote down.
func ensureTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	spec := t.TenantSpec(e)
	err = t.inCluster(ctx, e.Target, e.Cluster, "EnsureTenant", func(api kube.API) error {
		_, err := tenant.Ensure(ctx, api, spec)
		return err
	})
	if err != nil {
		return Result{Err: err}
	}
	return Result{Outcome: ev.Activated{}}
}

// TenantSpec is the wish for a tenant's namespace and what guards it.
func (t *Task) TenantSpec(e ev.EnsureTenant) tenant.Spec {
	plan, _ := ev.ParseRef(ev.Plan, e.Placement.Plan)
	cell := ""
	if in, faults := ev.ParseRef(ev.Cell, e.Placement.Cell); faults == nil {
		cell = fsm.CellLabel(in)
	}
	infra := ""
	if on, faults := ev.ParseRef(ev.TenantInfra, e.Placement.Nodes()); faults == nil && e.Placement.Stay != "" {
		infra = on.Local() // a tenant that was placed before is left as it is
	}
	return tenant.Spec{Cell: cell, Infra: infra,
		Namespace: e.Placement.Namespace, Customer: e.Customer, Tenant: e.Tenant, Owner: t.UID, Plan: plan.ID, Stay: e.Placement.Stay,
		Revision: t.Revision, Closed: e.Closed,
		Quota: tenant.Quota{CPU: e.Placement.Quota.CPU, Memory: e.Placement.Quota.Memory,
			Storage: e.Placement.Quota.Storage, Pods: e.Placement.Quota.Pods},
		DefaultCPU: e.Placement.Limits.CPU, DefaultMemory: e.Placement.Limits.Memory,
		Priority:  e.Placement.Priority,
		Isolation: e.Placement.Isolation, AllowNamespaces: e.AllowNamespaces,
		EgressDeny: e.Placement.Egress.Limited, AllowRanges: e.Placement.Egress.Ranges}
}
