package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// relocateTenant does a step of a tenant's move to another cluster: its namespace in one of the two is made, closed or opened.
func relocateTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.RelocateTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.untilDone(ctx, e.Target, e.Cluster, "RelocateTenant", func(api kube.API) (bool, error) { return t.relocateStep(ctx, api, e) },
		func() ev.Event { return e.Outcome(since(e.Since)) })
}

// relocateStep does what it can of a step, and tells whether it is done.
func (t *Task) relocateStep(ctx context.Context, api kube.API, e ev.RelocateTenant) (done bool, err error) {
	if e.Placement.Record != "" {
		return t.cellStep(ctx, api, e)
	}
	spec := t.TenantSpec(e.EnsureTenant)
	switch e.Step {
	case ev.StepPrepare:
		spec.Asleep = e.Sleeps
		if _, err := tenant.Ensure(ctx, api, spec); err != nil {
			return false, err
		}
		if e.Follow != nil {
			return true, t.followFrom(ctx, api, spec, *e.Follow)
		}
		return true, tenant.StandBy(ctx, api, spec)
	case ev.StepQuiesce, ev.StepCopy, ev.StepVerify:
		if err := t.fitsStill(ctx, api, spec, e); err != nil {
			return false, err
		}
		spec.Asleep = e.Volumes != nil && (e.Step == ev.StepQuiesce || e.Sleeps)
		if err := tenant.Close(ctx, api, spec); err != nil {
			return false, err
		}
		if done, err := t.runPrograms(ctx, api, spec, e); err != nil || !done {
			return false, err
		}
		if done, err := t.bringVolumes(ctx, api, e); err != nil || !done {
			return false, err
		}
		return true, t.followTo(ctx, api, spec, e)
	case ev.StepRedirect:
		// Its namespace may have been deleted by hand since it opened, and nothing is repaired before the move is over.
		if open, err := tenant.Open(ctx, api, spec); err != nil || !open {
			return false, err
		}
		if done, err := t.runPrograms(ctx, api, spec, e); err != nil || !done {
			return false, err
		}
		return true, tenant.EndMove(ctx, api, spec)
	case ev.StepStop:
		return stopPrograms(ctx, api, spec)
	case ev.StepAbort:
		if undone, err := t.unquiesce(ctx, api, spec, e); err != nil || !undone {
			return false, err
		}
	}
	if e.Sleeps {
		if running, err := tenant.Suspend(ctx, api, spec.Namespace, t.Revision); kube.CodeOf(err) != kube.NotFound && (err != nil || running) {
			return false, err
		}
	}
	open, err := tenant.Open(ctx, api, spec)
	if err != nil || !open {
		return false, err
	}
	if err := t.endVolumes(ctx, api, e); err != nil {
		return false, err
	}
	return true, tenant.EndMove(ctx, api, spec)
}

// sleep stops what an application has just been installed with, where its tenant is suspended.
func (t *Task) sleep(ctx context.Context, api kube.API, e ev.EnsureApplication) error {
	if !e.Sleeps {
		return nil
	}
	_, err := tenant.Suspend(ctx, api, e.Namespace, t.Revision)
	return err
}

// fitsStill looks once more at a tenant that is about to be closed: what has come since the move began and would be lost, or has no
// room, gives the move up while the tenant still serves. One that is closed already is no longer looked at.
func (t *Task) fitsStill(ctx context.Context, api kube.API, spec tenant.Spec, e ev.RelocateTenant) error {
	if e.Look == nil {
		return nil
	}
	open, err := tenant.IsOpen(ctx, api, tenant.Stay{Namespace: spec.Namespace, Owner: spec.Owner, Name: spec.Stay})
	if err != nil || !open {
		return err
	}
	return t.lookAgain(ctx, api, ev.TenantSurvey{EnsureTenant: e.EnsureTenant, Suspended: e.Sleeps}, *e.Look, kube.Invalid)
}
