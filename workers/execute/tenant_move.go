package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// moveTenant does a step of a tenant's move to other machines. Each step asks the cluster again how far it has come.
func moveTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.MoveTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	s := move.Spec{Namespace: e.Placement.Namespace, Owner: t.UID, Stay: e.Move, To: localInfra(e.To), Zones: e.Zones}
	return t.untilDone(ctx, e.Target, e.Cluster, "MoveTenant", func(api kube.API) (bool, error) { return t.moveStep(ctx, api, e, s) }, e.Outcome)
}

// moveStep does what it can of a step, and tells whether it is done.
func (t *Task) moveStep(ctx context.Context, api kube.API, e ev.MoveTenant, s move.Spec) (done bool, err error) {
	if e.Step == ev.StepReserve {
		waits, err := move.Reserve(ctx, api, s)
		return waits == "", err
	}
	if _, err := tenant.Ensure(ctx, api, t.TenantSpec(e.EnsureTenant)); err != nil {
		return false, err
	}
	if e.Step == ev.StepEvict || e.Step == ev.StepAbort {
		if left, _, err := move.Evict(ctx, api, s); err != nil || left > 0 {
			return false, err
		}
	}
	if e.Step == ev.StepPrepare || e.Step == ev.StepEvict {
		return true, nil
	}
	if e.Sleeps {
		if running, err := tenant.Suspend(ctx, api, e.Placement.Namespace, t.Revision); err != nil || running {
			return false, err
		}
	}
	return true, move.Release(ctx, api, s)
}
