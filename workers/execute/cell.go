package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	ev "github.com/aeriehq/aerie/events"
)

// CellSpec is the wish for a cell's namespace.
func (t *Task) CellSpec(e ev.EnsureCell) cell.Spec {
	spec := cell.Spec{Namespace: e.Namespace, Label: e.Label, Infra: e.Infra, Owner: t.UID, Mark: e.Owner, Revision: t.Revision}
	if t.Ref.Owner != ev.Platform {
		spec.Customer = t.Ref.Owner
	}
	if b := e.Bounds; b != nil {
		spec.Quota = policy.Quota{CPU: b.Quota.CPU, Memory: b.Quota.Memory, Storage: b.Quota.Storage, Pods: b.Quota.Pods}
		spec.DefaultCPU, spec.DefaultMemory = b.Limits.CPU, b.Limits.Memory
	}
	return spec
}

// ensureCell makes the namespace of a plan's cell, and what guards it.
func ensureCell(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureCell](t)
	if err != nil {
		return Result{Err: err}
	}
	err = t.inCluster(ctx, e.Target, e.Cluster, "EnsureCell", func(api kube.API) error { return cell.Ensure(ctx, api, t.CellSpec(e)) })
	if err != nil {
		return Result{Err: err}
	}
	return Result{Outcome: ev.CellPrepared{}}
}

// removeCell deletes the cell's namespace and waits until it is gone.
func removeCell(ctx context.Context, t *Task) Result {
	e, err := args[ev.RemoveCell](t)
	if err != nil {
		return Result{Err: err}
	}
	there := false
	err = t.inCluster(ctx, e.Target, e.Cluster, "RemoveCell", func(api kube.API) error {
		if err := cell.Remove(ctx, api, e.Namespace, t.UID); err != nil {
			return err
		}
		ns, err := kube.Find(ctx, api, kube.NamespaceKey(e.Namespace))
		if err != nil || ns == nil || ns.Labels()[kube.LabelOwner] != t.UID {
			return err
		}
		there, err = remains(ctx, api, e.Namespace)
		return err
	})
	return removed(err, there)
}
