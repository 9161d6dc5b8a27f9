package execute

import (
	"context"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// readyWithin is how long what was started again is waited for. What does not run then did not before, or its application
// says why.
const readyWithin = 5 * time.Minute

// suspendTenant makes the tenant's namespace as it is to be, and stops what runs in it.
func suspendTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.SuspendTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	running := false
	err = t.inTenant(ctx, e.EnsureTenant, "SuspendTenant", func(api kube.API) (err error) {
		running, err = tenant.Suspend(ctx, api, e.Placement.Namespace, t.Revision)
		return err
	})
	switch {
	case err != nil:
		return Result{Err: err}
	case running:
		return Result{Again: LookAgain}
	}
	return Result{Outcome: ev.Suspended{TookMS: since(e.Since)}}
}

// resumeTenant makes the tenant's namespace as it is to be, and starts what was stopped in it.
func resumeTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.ResumeTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	ready := false
	err = t.inTenant(ctx, e.EnsureTenant, "ResumeTenant", func(api kube.API) (err error) {
		ready, err = tenant.Resume(ctx, api, e.Placement.Namespace, t.Revision)
		return err
	})
	switch {
	case err != nil:
		return Result{Err: err}
	case !ready && time.Since(e.Since) < readyWithin:
		return Result{Again: LookAgain}
	}
	return Result{Outcome: ev.Resumed{TookMS: since(e.Since)}}
}

// inTenant works in a tenant's namespace, which is made as it is to be first.
func (t *Task) inTenant(ctx context.Context, e ev.EnsureTenant, call string, do func(kube.API) error) error {
	return t.inCluster(ctx, e.Target, e.Cluster, call, func(api kube.API) error {
		if _, err := tenant.Ensure(ctx, api, t.TenantSpec(e)); err != nil {
			return err
		}
		return do(api)
	})
}

// since is how long ago a time was, in milliseconds.
func since(begun time.Time) int64 { return max(0, time.Since(begun).Milliseconds()) }
