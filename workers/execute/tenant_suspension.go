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
	return t.untilDone(ctx, e.Target, e.Cluster, "SuspendTenant", func(api kube.API) (bool, error) {
		if _, err := tenant.Ensure(ctx, api, t.TenantSpec(e.EnsureTenant)); err != nil {
			return false, err
		}
		running, err := tenant.Suspend(ctx, api, e.Placement.Namespace, t.Revision)
		return !running, err
	}, func() ev.Event { return ev.Suspended{TookMS: since(e.Since)} })
}

// resumeTenant makes the tenant's namespace as it is to be, and starts what was stopped in it.
func resumeTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.ResumeTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.untilDone(ctx, e.Target, e.Cluster, "ResumeTenant", func(api kube.API) (bool, error) {
		if _, err := tenant.Ensure(ctx, api, t.TenantSpec(e.EnsureTenant)); err != nil {
			return false, err
		}
		ready, err := tenant.Resume(ctx, api, e.Placement.Namespace, t.Revision)
		return ready || time.Since(e.Since) >= readyWithin, err
	}, func() ev.Event { return ev.Resumed{TookMS: since(e.Since)} })
}

// untilDone does something in a cluster, again and again until it says that it is done; then that is the outcome.
func (t *Task) untilDone(ctx context.Context, at ev.Target, cluster, call string, do func(kube.API) (done bool, err error),
	outcome func() ev.Event) Result {
	done := false
	err := t.inCluster(ctx, at, cluster, call, func(api kube.API) (err error) {
		done, err = do(api)
		return err
	})
	switch {
	case err != nil:
		return Result{Err: err}
	case !done:
		return Result{Again: LookAgain}
	}
	return Result{Outcome: outcome()}
}

// since is how long ago a time was, in milliseconds.
func since(begun time.Time) int64 { return max(0, time.Since(begun).Milliseconds()) }
