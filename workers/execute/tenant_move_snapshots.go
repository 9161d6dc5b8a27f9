package execute

import (
	"context"
	"fmt"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// snapshotsOf are the snapshots by which the volumes of a tenant come along. One executor reaches both clusters.
func (t *Task) snapshotsOf(e ev.RelocateTenant) move.Snapshots {
	return move.Snapshots{Owner: t.UID, Revision: t.Revision, From: e.Volumes.Namespace, FromStay: e.Volumes.Stay,
		To: e.Placement.Namespace, ToStay: e.Placement.Stay}
}

// bringVolumes does what a step adds where volumes come along by snapshots, and tells whether it is done: what runs at the source is
// stopped when that is closed, the volumes are made at the target before anything is installed there, and have to be there before the
// switch.
func (t *Task) bringVolumes(ctx context.Context, api kube.API, e ev.RelocateTenant) (done bool, err error) {
	switch {
	case e.Volumes == nil:
		return true, nil
	case e.Step == ev.StepQuiesce:
		running, err := tenant.Suspend(ctx, api, e.Placement.Namespace, t.Revision)
		return err == nil && !running, err
	case e.Step == ev.StepCopy:
		err = t.inCluster(ctx, e.Volumes.Site, e.Volumes.Cluster, "TakeSnapshots", func(source kube.API) (err error) {
			done, err = t.snapshotsOf(e).TakeOver(ctx, source, api)
			return err
		})
		return done, err
	}
	return true, t.inCluster(ctx, e.Volumes.Site, e.Volumes.Cluster, "LookForVolumes", func(source kube.API) error {
		return t.snapshotsOf(e).Restored(ctx, source, api)
	})
}

// endVolumes ends what is there only to bring volumes along, in a namespace that is open: where they went, or where the move was given
// up. There what was stopped starts again, unless the tenant is suspended.
func (t *Task) endVolumes(ctx context.Context, api kube.API, e ev.RelocateTenant) error {
	if e.Volumes == nil {
		return nil
	}
	if e.Step == ev.StepAbort && !e.Sleeps {
		if _, err := tenant.Resume(ctx, api, e.Placement.Namespace, t.Revision); err != nil {
			return err
		}
	}
	return t.snapshotsOf(e).Drop(ctx, api, e.Placement.Namespace)
}

// surveyVolumes looks which volumes of a tenant come along by snapshots, and why others can't, or the tenant can't be stopped.
func (t *Task) surveyVolumes(ctx context.Context, source kube.API, of ev.TenantSurvey) (volumes, blocked []string, err error) {
	if of.Into == "" {
		return nil, []string{"its volumes can't come along by snapshots to a cluster that is not there yet: wait until it is, or choose another"}, nil
	}
	err = t.inCluster(ctx, of.There, of.Into, "Survey", func(target kube.API) (err error) {
		volumes, blocked, err = move.Carried(ctx, source, target, of.Placement.Namespace)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look whether %s takes its volumes: %w", of.There.Dataplane, err)
	}
	err = tenant.RefuseUnstoppable(ctx, source, of.Placement.Namespace, nil)
	if kube.CodeOf(err) == kube.Invalid {
		return volumes, append(blocked, err.Error()), nil
	}
	return volumes, blocked, err
}
