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
		spec := t.TenantSpec(e.EnsureTenant)
		if _, err := tenant.Ensure(ctx, api, spec); err != nil {
			return false, err
		}
		if e.Programs != nil { // what they don't stop is named before they are run
			if err := tenant.RefuseUnstoppable(ctx, api, spec.Namespace, e.Operated); err != nil {
				return false, err
			}
		}
		if done, err := t.runSuspensionPrograms(ctx, api, spec, ev.StepSuspend, e.EnsureTenant, e.Programs); err != nil || !done {
			return false, err
		}
		stop := tenant.SuspendOperated
		if e.Programs == nil { // it sleeps already, and what operators run meanwhile is no drift
			stop = tenant.SuspendBeside
		}
		running, err := stop(ctx, api, spec.Namespace, t.Revision, e.Operated)
		if err != nil || running {
			return false, err
		}
		return true, endSuspensionPrograms(ctx, api, spec, e.Programs)
	}, func() ev.Event { return ev.Suspended{TookMS: since(e.Since)} })
}

// resumeTenant makes the tenant's namespace as it is to be, and starts what was stopped in it.
func resumeTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.ResumeTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.untilDone(ctx, e.Target, e.Cluster, "ResumeTenant", func(api kube.API) (bool, error) {
		spec := t.TenantSpec(e.EnsureTenant)
		if _, err := tenant.Ensure(ctx, api, spec); err != nil {
			return false, err
		}
		ready, err := tenant.Resume(ctx, api, spec.Namespace, t.Revision)
		if err != nil {
			return false, err
		}
		// Operators may need what has just been started, and that what operators run: nobody waits for the one before the other.
		if done, err := t.runSuspensionPrograms(ctx, api, spec, ev.StepResume, e.EnsureTenant, e.Programs); err != nil || !done {
			return false, err
		}
		if !ready && time.Since(e.Since) < readyWithin {
			return false, nil
		}
		return true, endSuspensionPrograms(ctx, api, spec, e.Programs)
	}, func() ev.Event { return ev.Resumed{TookMS: since(e.Since)} })
}

// runSuspensionPrograms runs the programs by which operators stop what they run, or run it again, when those of the other step have
// ended, and tells whether all have come to a good end. They run beside their tenant, like those of a move, and may run twice: what they
// have done in an earlier round does not count.
func (t *Task) runSuspensionPrograms(ctx context.Context, api kube.API, spec tenant.Spec, step string, of ev.EnsureTenant,
	p *ev.MovePrograms) (done bool, err error) {
	if p == nil {
		return true, nil
	}
	e := ev.RelocateTenant{EnsureTenant: of, Step: step, Programs: p}
	other := map[string]string{ev.StepSuspend: ev.StepResume, ev.StepResume: ev.StepSuspend}[step]
	if gone, err := t.endJobs(ctx, api, tenant.ProgramsNamespace(spec.Namespace), e, other); err != nil || !gone {
		return false, err
	}
	return t.runPrograms(ctx, api, spec, e)
}

// endSuspensionPrograms takes away what is there for those programs alone. Who is asked again has them run again.
func endSuspensionPrograms(ctx context.Context, api kube.API, spec tenant.Spec, p *ev.MovePrograms) error {
	if p == nil {
		return nil
	}
	return tenant.EndMove(ctx, api, spec)
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
