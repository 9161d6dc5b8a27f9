package execute

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/memory/controllers"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// twoClusterStorage is a tenant with a volume in one of two clusters of one storage.
type twoClusterStorage struct {
	*testing.T
	at      map[string]*memory.Store
	storage controllers.Storage
	before  func() // is called before the next write of a step, once so many were done
	after   int
}

// spied is a cluster whose writes of a step are counted.
type spied struct {
	kubetest.Dying
	of *twoClusterStorage
}

func (s *spied) count() {
	if s.of.after--; s.of.after == -1 && s.of.before != nil {
		before := s.of.before
		s.of.before = nil
		before()
	}
}

// Apply implements kube.API.
func (s *spied) Apply(ctx context.Context, o kube.Object) (bool, error) {
	s.count()
	return s.Dying.Apply(ctx, o)
}

// DeleteUnchanged implements kube.API.
func (s *spied) DeleteUnchanged(ctx context.Context, read kube.Object) error {
	s.count()
	return s.Dying.DeleteUnchanged(ctx, read)
}

func newTwoClusterStorage(t *testing.T) *twoClusterStorage {
	t.Helper()
	s := &twoClusterStorage{T: t, at: map[string]*memory.Store{}}
	for _, region := range []string{"eu", "us"} {
		class := kube.NewObject("storage.k8s.io/v1", "StorageClass", "", "fast", nil)
		class["provisioner"] = "disk.example"
		taken := kube.NewObject(move.SnapshotAPI, "VolumeSnapshotClass", "", "snaps", nil)
		taken["driver"], taken["deletionPolicy"] = "disk.example", "Delete"
		s.at[region] = kubetest.Store(t, class, taken)
	}
	_, err := tenant.Ensure(t.Context(), s.at["eu"], movingSpec(1))
	kubetest.Must(t, err)
	volume := kubetest.Object("v1", "PersistentVolume", "", "v1", map[string]any{"spec": map[string]any{"csi": map[string]any{"driver": "disk.example"},
		"nodeAffinity": map[string]any{"required": map[string]any{"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{
			map[string]any{"key": "topology.kubernetes.io/zone", "operator": "In", "values": []any{"eu-1"}}}}}}}}})
	for _, o := range []kube.Object{
		volume.Marked("", nil, map[string]string{controllers.AnnotationData: "ledgers"}),
		kubetest.Object("v1", "PersistentVolumeClaim", "acme--prod", "data-pg-0", map[string]any{"spec": map[string]any{"volumeName": "v1",
			"storageClassName": "fast", "accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "500Mi"}}}}).
			Marked("", map[string]string{"app": "pg"}, map[string]string{"pv.kubernetes.io/bind-completed": "yes", "note": "mine"}),
		kubetest.Object("apps/v1", "StatefulSet", "acme--prod", "pg", map[string]any{"spec": map[string]any{"replicas": int64(2)}}),
	} {
		_, err := s.at["eu"].Apply(t.Context(), o)
		kubetest.Must(t, err)
	}
	return s
}

// snapshotStep is a step of a move from eu to us: which cluster it is done in, of which wish.
type snapshotStep struct {
	step, at string
	revision uint64
}

var (
	bySnapshot = []snapshotStep{{ev.StepPrepare, "us", 2}, {ev.StepQuiesce, "eu", 3}, {ev.StepCopy, "us", 4}, {ev.StepVerify, "us", 5}, {ev.StepOpen, "us", 6}, {"release", "eu", 7}}
	givenUp    = []snapshotStep{{ev.StepAbort, "eu", 8}, {"release", "us", 9}}
)

// try does what can be done of a step at once, by somebody who dies after so many writes.
func (s *twoClusterStorage) try(do snapshotStep, calls int) (done bool, err error) {
	s.Helper()
	stay := map[string]string{"eu": "s1", "us": "s2"}[do.at]
	if do.step == "release" {
		err := tenant.Delete(s.Context(), &kubetest.Dying{API: s.at[do.at], Left: calls},
			tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: stay, Revision: do.revision})
		there, _ := kube.Find(s.Context(), s.at[do.at], kube.NamespaceKey("acme--prod"))
		return there == nil, err
	}
	e := movingStep(do.step)
	e.Target, e.Placement.Stay, e.Closed = placeIn(do.at), stay, do.step != ev.StepOpen && do.step != ev.StepAbort
	if do.step != ev.StepPrepare {
		e.Volumes = &ev.MoveVolumes{Site: placeIn("eu"), Namespace: "acme--prod", Stay: "s1"}
	}
	clouds := map[string]Cloud{}
	dying := kubetest.Dying{Left: calls}
	for region, api := range s.at {
		one := &spied{dying, s}
		one.API = api
		clouds["sim-"+region] = Cloud{Kube: func(context.Context, cloud.Scope, string) (kube.API, error) { return one, nil }}
	}
	task := NewTask(ev.Work{UID: "U1", Revision: do.revision, Effect: e.Effect()}, clouds, nil)
	task.Args, err = ev.Encode(e)
	kubetest.Must(s, err)
	r := task.Do(s.Context())
	return r.Outcome != nil, r.Err
}

// step does a step until it is done; each try but the last dies after so many writes. The storage does its part in between.
func (s *twoClusterStorage) step(do snapshotStep, calls int) {
	s.Helper()
	for range 20 {
		if _, err := s.try(do, calls); err != nil && kube.CodeOf(err) != kube.Unavailable && kube.CodeOf(err) != kube.Held {
			s.Fatal(do, err)
		}
		s.store()
		done, err := s.try(do, 1000)
		if err != nil && kube.CodeOf(err) != kube.Held {
			s.Fatal(do, err)
		}
		s.store()
		if done {
			return
		}
	}
	s.Fatalf("%v is not done", do)
}

func (s *twoClusterStorage) store() {
	for _, api := range s.at {
		kubetest.Must(s, s.storage.Step(s.Context(), api))
	}
}

// left is what there is of snapshots, in the clusters and behind them.
func (s *twoClusterStorage) left() string {
	s.Helper()
	var all []string
	for range 3 {
		s.store()
	}
	for region, api := range s.at {
		for _, kind := range []string{"VolumeSnapshot", "VolumeSnapshotContent"} {
			found, err := api.List(s.Context(), kube.Selector{APIVersion: move.SnapshotAPI, Kind: kind})
			kubetest.Must(s, err)
			for _, o := range found {
				all = append(all, region+" "+o.Key().String())
			}
		}
	}
	return strings.Join(append(append(all, s.storage.Left()...), s.storage.Wrong...), "; ")
}

// data is what is on the tenant's volume in a cluster.
func (s *twoClusterStorage) data(region string) string {
	s.Helper()
	claim, err := kube.Find(s.Context(), s.at[region], kube.Key{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: "acme--prod", Name: "data-pg-0"})
	kubetest.Must(s, err)
	v, err := kube.Find(s.Context(), s.at[region], kube.Key{APIVersion: "v1", Kind: "PersistentVolume", Name: kube.StringOf(kube.MapOf(claim["spec"])["volumeName"])})
	kubetest.Must(s, err)
	return v.Annotations()[controllers.AnnotationData]
}

func (s *twoClusterStorage) replicas() any {
	s.Helper()
	o, err := s.at["eu"].Get(s.Context(), "apps/v1", "StatefulSet", "acme--prod", "pg")
	kubetest.Must(s, err)
	return kube.MapOf(o["spec"])["replicas"]
}

// A volume comes along: whoever works on it dies after each write. One snapshot is taken and goes again, and what is at the source stays
// until that goes.
func TestVolumesComeAlongBySnapshots(t *testing.T) {
	for calls := range 15 {
		s := newTwoClusterStorage(t)
		for _, do := range bySnapshot {
			if s.step(do, calls); do.step == ev.StepQuiesce && s.replicas() != int64(0) {
				t.Fatal("it is taken while it runs")
			}
			if do.step != "release" && s.data("eu") != "ledgers" {
				t.Fatalf("after %s nothing is left at the source", do.step)
			}
		}
		if got := s.left(); got != "" || s.data("us") != "ledgers" || s.storage.Taken != 1 {
			t.Fatalf("dying after %d: %q is left, %q there, of %d snapshots", calls, got, s.data("us"), s.storage.Taken)
		}
		claim, err := s.at["us"].Get(t.Context(), "v1", "PersistentVolumeClaim", "acme--prod", "data-pg-0")
		if got := fmt.Sprint(claim.Labels(), claim.Annotations(), kube.Nested(claim, "spec", "resources")); err != nil || got != "map[app:pg] map[note:mine] map[requests:map[storage:1Gi]]" {
			t.Fatalf("the claim is %s, %v", got, err)
		}
	}
}

// A move that is given up at any step behind the cut: what was stopped runs again, and no snapshot is left.
func TestAMoveBySnapshotsThatIsGivenUp(t *testing.T) {
	for calls := range 12 {
		for n := 2; n <= 4; n++ {
			s := newTwoClusterStorage(t)
			for _, do := range bySnapshot[:n-1] {
				s.step(do, 1000)
			}
			_, _ = s.try(bySnapshot[n-1], calls) // nobody goes on with it
			s.store()
			for _, do := range givenUp {
				s.step(do, calls)
			}
			open, err := tenant.IsOpen(t.Context(), s.at["eu"], tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: "s1"})
			if got := s.left(); err != nil || !open || got != "" || s.data("eu") != "ledgers" || s.replicas() != int64(2) {
				t.Fatalf("given up at %s, dying after %d: open: %t, %q is left, %d run: %v", bySnapshot[n-1].step, calls, open, got, s.replicas(), err)
			}
		}
	}
}

// A call that is held up before any of its writes, until the move was given up, or has ended, makes nothing that stays.
func TestALateCallLeavesNoSnapshot(t *testing.T) {
	for name, rest := range map[string][]snapshotStep{"given up": givenUp, "done": append(bySnapshot[3:len(bySnapshot):len(bySnapshot)], snapshotStep{ev.StepPrepare, "eu", 10})} {
		for looks := range 4 {
			for after := range 20 {
				s := newTwoClusterStorage(t)
				for _, do := range bySnapshot[:2] {
					s.step(do, 1000)
				}
				for range looks {
					_, _ = s.try(bySnapshot[2], 1000)
					s.store()
				}
				ends := func() {
					if name == "done" {
						s.step(bySnapshot[2], 1000)
					}
					for _, do := range rest {
						s.step(do, 1000)
					}
				}
				s.before, s.after = ends, after
				_, _ = s.try(bySnapshot[2], 1000)
				if s.before != nil {
					s.before = nil
					ends()
				}
				_, _ = s.try(bySnapshot[2], 1000)
				if got := s.left(); got != "" {
					t.Errorf("%s, held up at write %d of look %d: %s is left", name, after, looks, got)
				}
			}
		}
	}
}

// What can't come along is named before the move, with its zone and the reason.
func TestWhatNoSnapshotBringsIsNamed(t *testing.T) {
	edit := func(region, apiVersion, kind, namespace, name string, by func(kube.Object)) func(*twoClusterStorage) {
		return func(s *twoClusterStorage) { kubetest.Edit(s, s.at[region], apiVersion, kind, namespace, name, by) }
	}
	const storage, claim = "storage.k8s.io/v1", "claim data-pg-0 of volume v1 in zone eu-1 can't come along by a snapshot: "
	late := edit("us", storage, "StorageClass", "", "fast", func(o kube.Object) { o["volumeBindingMode"] = "WaitForFirstConsumer" })
	pod := kubetest.Object("v1", "Pod", "acme--prod", "pg-0", map[string]any{"spec": map[string]any{"volumes": []any{
		map[string]any{"persistentVolumeClaim": map[string]any{"claimName": "data-pg-0"}}}}})
	pod.Metadata()["ownerReferences"] = []any{map[string]any{"kind": "StatefulSet", "name": "pg", "controller": true}}
	for _, row := range []struct {
		name string
		with func(*twoClusterStorage)
		want string
	}{
		{"all is there", func(*twoClusterStorage) {}, ""},
		{"a class that keeps what is behind it", edit("eu", move.SnapshotAPI, "VolumeSnapshotClass", "", "snaps", func(o kube.Object) { o["deletionPolicy"] = "Retain" }),
			claim + "no VolumeSnapshotClass with the deletionPolicy Delete is of its driver disk.example where it is"},
		{"a volume of no driver", edit("eu", "v1", "PersistentVolume", "", "v1", func(o kube.Object) { delete(kube.MapOf(o["spec"]), "csi") }), claim + "no CSI driver has made it"},
		{"no such class there", func(s *twoClusterStorage) {
			kubetest.Must(s, s.at["us"].Delete(s.Context(), storage, "StorageClass", "", "fast"))
		}, claim + "there is no StorageClass fast where it goes to"},
		{"another one", edit("us", storage, "StorageClass", "", "fast", func(o kube.Object) { o["provisioner"] = "other" }), claim + "StorageClass fast is of driver other where it goes to, and of disk.example where it is"},
		{"one that nobody would make", late, claim + "StorageClass fast makes a volume where it goes to when a pod uses it, and none uses this one now"},
		{"one that a pod has made", func(s *twoClusterStorage) {
			late(s)
			_, err := s.at["eu"].Apply(s.Context(), pod)
			kubetest.Must(s, err)
		}, ""},
		{"one that goes when it is stopped", edit("eu", "apps/v1", "StatefulSet", "acme--prod", "pg", func(o kube.Object) {
			kube.MapOf(o["spec"])["persistentVolumeClaimRetentionPolicy"] = map[string]any{"whenScaled": "Delete"}
		}), "StatefulSet pg has its volumes removed when it is stopped, before they can be taken: its persistentVolumeClaimRetentionPolicy.whenScaled must be Retain"},
		{"what can't be stopped", func(s *twoClusterStorage) {
			_, err := s.at["eu"].Apply(s.Context(), kubetest.Named("apps/v1", "DaemonSet", "acme--prod", "agent"))
			kubetest.Must(s, err)
		}, "suspend Namespace acme--prod: invalid: these can't be stopped, so nothing was: DaemonSet agent"},
	} {
		s := newTwoClusterStorage(t)
		row.with(s)
		var of ev.TenantSurvey
		of.Placement, of.Target, of.Elsewhere, of.Snapshots = movingStep("").Placement, placeIn("eu"), true, true
		of.There, of.Into = placeIn("us"), "c2"
		clouds := map[string]Cloud{}
		for region, api := range s.at {
			clouds["sim-"+region] = Cloud{Kube: func(context.Context, cloud.Scope, string) (kube.API, error) { return api, nil }}
		}
		use, err := SurveyTenant(t.Context(), clouds, of)
		if got := strings.Join(use.Blocked, "; "); err != nil || got != row.want || fmt.Sprint(use.Volumes) != "[claim data-pg-0 of volume v1]" {
			t.Errorf("%s: %q of %q, %v\nwant %q", row.name, got, use.Volumes, err, row.want)
		}
	}
}

// What was installed at the target may have put another claim in the place of one that was restored: then nobody goes there, and the
// source stays.
func TestNobodyGoesWhereAVolumeIsNotRestored(t *testing.T) {
	for name, spoil := range map[string]func(*twoClusterStorage){
		"deleted": func(*twoClusterStorage) {},
		"another one": func(s *twoClusterStorage) {
			_, err := s.at["us"].Apply(s.Context(), kubetest.Object("v1", "PersistentVolumeClaim", "acme--prod", "data-pg-0", map[string]any{"spec": map[string]any{
				"storageClassName": "fast", "accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "500Mi"}}}}))
			kubetest.Must(s, err)
		},
	} {
		s := newTwoClusterStorage(t)
		for _, do := range bySnapshot[:3] {
			s.step(do, 1000)
		}
		kubetest.Must(t, s.at["us"].Delete(t.Context(), "v1", "PersistentVolumeClaim", "acme--prod", "data-pg-0"))
		s.store()
		spoil(s)
		s.store()
		if done, err := s.try(bySnapshot[3], 1000); done || kube.CodeOf(err) != kube.Held {
			t.Errorf("%s: verified: %t, %v", name, done, err)
		}
	}
}

// unserved is a cluster that serves no snapshots any more.
type unserved struct{ kube.API }

func (u unserved) List(ctx context.Context, s kube.Selector) ([]kube.Object, error) {
	if s.APIVersion == move.SnapshotAPI {
		return nil, fmt.Errorf("list: %w", kube.ErrUnserved)
	}
	return u.API.List(ctx, s)
}

// Where somebody has taken the API of snapshots away a tenant is opened all the same.
func TestSnapshotsThatAreNotServedHoldNobody(t *testing.T) {
	s := newTwoClusterStorage(t)
	for _, do := range bySnapshot[:2] {
		s.step(do, 1000)
	}
	e := movingStep(ev.StepAbort)
	e.Placement.Stay, e.Volumes = "s1", &ev.MoveVolumes{Namespace: "acme--prod", Stay: "s1"}
	task := &Task{}
	task.UID, task.Revision = "U1", 8
	if err := task.endVolumes(t.Context(), unserved{s.at["eu"]}, e); err != nil || s.replicas() != int64(2) {
		t.Errorf("%d run: %v", s.replicas(), err)
	}
}
