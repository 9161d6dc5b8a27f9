package sim

import (
	"context"
	"fmt"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory/controllers"
	"github.com/aeriehq/aerie/cloud/kube/move"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// bySnapshots is a way on which volumes come along by snapshots.
const bySnapshots = `{"data":"snapshot","switch":{"image":"switch:1"}}`

// stepSnapshots brings what is behind volumes one step further, if there is any.
func (l *life) stepSnapshots() {
	if l.storage == nil {
		return
	}
	l.must(l.cloud.StepControllers(context.Background(), l.storage.Step))
	for _, wrong := range l.storage.Wrong {
		l.wrong("snapshots: %s", wrong)
	}
}

// fillVolumes gives tenants a volume each, and their clusters what snapshots take.
func (l *life) fillVolumes() {
	l.storage = &controllers.Storage{}
	class := kube.NewObject("storage.k8s.io/v1", "StorageClass", "", "fast", nil)
	class["provisioner"] = "disk.example"
	snaps := kube.NewObject(move.SnapshotAPI, "VolumeSnapshotClass", "", "snaps", nil)
	snaps["driver"], snaps["deletionPolicy"] = "disk.example", "Delete"
	l.must(l.cloud.StepControllers(context.Background(), func(ctx context.Context, api kube.API) error {
		all := []kube.Object{class, snaps}
		for _, ref := range refs(ev.Tenant)[:2] {
			e, _ := l.world.Get(ref)
			d, is := e.Data.(fsm.TenantData)
			if !is || d.Placement == nil {
				continue
			}
			there, err := kube.Find(ctx, api, kube.NamespaceKey(d.Placement.Namespace))
			if err != nil {
				return err
			}
			if there.Labels()[kube.LabelOwner] == e.UID {
				all = append(all, kube.NewObject("v1", "PersistentVolume", "", "of-"+ref.ID, map[string]any{"csi": map[string]any{"driver": "disk.example"}}).
					Marked("", nil, map[string]string{controllers.AnnotationData: "ledgers"}),
					kube.NewObject("v1", "PersistentVolumeClaim", d.Placement.Namespace, "data", map[string]any{"volumeName": "of-" + ref.ID, "storageClassName": "fast"}))
			}
		}
		for _, o := range all {
			if _, err := api.Apply(ctx, o); err != nil {
				return err
			}
		}
		return nil
	}))
}

// checkVolumes looks at the end whether a volume that is there has what was on it, and whether nothing is left of snapshots in any cluster.
// What is behind those of a cluster that somebody has deleted nobody removes.
func (l *life) checkVolumes() {
	if l.storage == nil {
		return
	}
	for range 3 {
		l.stepSnapshots()
	}
	l.seen["moves: volumes made of snapshots"] += l.storage.Made
	l.must(l.cloud.StepControllers(context.Background(), func(ctx context.Context, api kube.API) error {
		for _, kind := range []string{"VolumeSnapshot", "VolumeSnapshotContent"} {
			found, err := api.List(ctx, kube.Selector{APIVersion: move.SnapshotAPI, Kind: kind})
			if err != nil {
				return err
			}
			for _, o := range found {
				l.wrong("%s is left of %s", o.Key(), fmt.Sprint(o["spec"]))
			}
		}
		claims, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "PersistentVolumeClaim"})
		for _, c := range claims {
			v, err := kube.Find(ctx, api, kube.Key{APIVersion: "v1", Kind: "PersistentVolume", Name: kube.StringOf(kube.MapOf(c["spec"])["volumeName"])})
			if err != nil {
				return err
			}
			if got := v.Annotations()[controllers.AnnotationData]; got != "ledgers" {
				l.wrong("on the volume of %s is %q", c.Key(), got)
			}
			l.seen["moves: volumes at the end"]++
		}
		return err
	}))
}
