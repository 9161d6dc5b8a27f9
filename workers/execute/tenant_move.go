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
	s := t.moveSpec(e)
	return t.untilDone(ctx, e.Target, e.Cluster, "MoveTenant", func(api kube.API) (bool, error) { return t.moveStep(ctx, api, e, s) }, e.Outcome)
}

func (t *Task) moveSpec(e ev.MoveTenant) move.Spec {
	return move.Spec{Namespace: e.Placement.Namespace, Owner: t.UID, Stay: e.Move, To: localInfra(e.To), Zones: e.Zones}
}

// moveStep does what it can of a step, and tells whether it is done.
func (t *Task) moveStep(ctx context.Context, api kube.API, e ev.MoveTenant, s move.Spec) (done bool, err error) {
	if e.Step == ev.StepReserve {
		// Where there is no namespace there are no pods to hold room for.
		if err := kube.IgnoreNotFound(tenant.CheckRevision(ctx, api, "reserve", e.Placement.Namespace, t.Revision)); err != nil {
			return false, err
		}
		waits, err := move.Reserve(ctx, api, s)
		return waits == "", err
	}
	if e.Look != nil { // what is in the way is waited for, as long as the step may take
		of := ev.TenantSurvey{EnsureTenant: e.EnsureTenant, Suspended: e.Sleeps, To: e.To, Zones: e.Zones}
		if err := t.lookAgain(ctx, api, of, *e.Look, kube.Held); err != nil {
			return false, err
		}
	}
	// What is not there is made closed: a call that comes late, when the tenant has gone elsewhere, opens nothing.
	if open, err := tenant.Open(ctx, api, t.TenantSpec(e.EnsureTenant)); err != nil || !open {
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
