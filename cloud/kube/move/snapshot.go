package move

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Snapshots bring the volumes of a tenant from one cluster to another of the same account and region. The source's cluster takes them, and
// removes what is behind them when they go, with the tenant's namespace there: the content that it makes has the policy Delete. The
// target's cluster is given the same handles by contents with the policy Retain, which go with the tenant's namespace there if that goes.

// SnapshotAPI is the version of the API by which clusters take snapshots of volumes.
const SnapshotAPI = "snapshot.storage.k8s.io/v1"

// Snapshots are those of a tenant's volumes on their way from one namespace to another.
type Snapshots struct {
	Owner    string // the tenant's uid
	Revision uint64 // of the wish
	From, To string // the namespaces
	FromStay string // the stay that it leaves
	ToStay   string // and the one that it goes to
}

const (
	claimKind    = "PersistentVolumeClaim"
	snapshotKind = "VolumeSnapshot"
	contentKind  = "VolumeSnapshotContent"
)

// annotationTaken is on a claim until it is as its application's chart would have it: whose fields are whose is forgotten then.
const annotationTaken = "aerie.io/from-snapshot"

func (s Snapshots) name(claim string) string {
	sum := sha256.Sum256([]byte(s.Owner + "/" + s.ToStay + "/" + claim))
	return "aerie-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:15]))
}

// claims are those of a namespace that have a volume and are nobody's who makes them again: what a pod alone has goes with it.
func claims(ctx context.Context, api kube.API, namespace string) (all []kube.Object, err error) {
	found, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: claimKind, Namespace: namespace})
	for _, c := range found {
		if kind, _ := c.Controller(); kind != "Pod" && !c.Terminating() && volumeOf(c) != "" {
			all = append(all, c)
		}
	}
	return all, err
}

func volumeOf(claim kube.Object) string {
	return kube.StringOf(kube.MapOf(claim["spec"])["volumeName"])
}

// TakeOver has each volume of the source taken, and made of that at the target, where the namespace stands by. It tells whether all is
// there. Asked again it makes the same. The source is closed and nothing runs in it: where that is not so, or either namespace is
// another stay's, or newer, nothing is made.
func (s Snapshots) TakeOver(ctx context.Context, source, target kube.API) (done bool, err error) {
	all, err := claims(ctx, source, s.From)
	if err != nil {
		return false, err
	}
	classes, err := source.List(ctx, kube.Selector{APIVersion: SnapshotAPI, Kind: "VolumeSnapshotClass"})
	if err != nil {
		return false, err
	}
	done = true
	for _, c := range all {
		content, err := s.take(ctx, source, classes, c)
		if err != nil {
			return false, err
		}
		there := false
		if content != nil {
			there, err = s.bring(ctx, target, c, content)
		}
		if err != nil {
			return false, err
		}
		done = done && there
	}
	return done, nil
}

// take has the snapshot of a claim taken, and returns the content in which its handle is; nil if it is not ready.
func (s Snapshots) take(ctx context.Context, source kube.API, classes []kube.Object, claim kube.Object) (content kube.Object, err error) {
	k := kube.Key{APIVersion: SnapshotAPI, Kind: snapshotKind, Namespace: s.From, Name: s.name(claim.Name())}
	there, err := kube.Find(ctx, source, k)
	if err != nil {
		return nil, err
	}
	if there == nil {
		v, err := findVolume(ctx, source, claim)
		if err != nil {
			return nil, err
		}
		class := classOf(classes, driverOf(v))
		if class == "" {
			return nil, kube.Fail(kube.Invalid, "take snapshot", claim.Key(), noClass+driverOf(v))
		}
		o := kube.NewObject(k.APIVersion, k.Kind, k.Namespace, k.Name, map[string]any{"volumeSnapshotClassName": class,
			"source": map[string]any{"persistentVolumeClaimName": claim.Name()}})
		return nil, s.make(ctx, source, o, s.rests)
	}
	if err := s.ready(there); err != nil || kube.MapOf(there["status"])["readyToUse"] != true {
		return nil, err
	}
	name := kube.StringOf(kube.MapOf(there["status"])["boundVolumeSnapshotContentName"])
	content, err = kube.Find(ctx, source, kube.Key{APIVersion: SnapshotAPI, Kind: contentKind, Name: name})
	if kube.StringOf(kube.MapOf(content["status"])["snapshotHandle"]) == "" {
		return nil, err
	}
	return content, err
}

// make applies one object of ours unless its namespace is not what it must be. If that changes meanwhile the object goes again.
func (s Snapshots) make(ctx context.Context, api kube.API, o kube.Object, may func(context.Context, kube.API) error) error {
	if err := may(ctx, api); err != nil {
		return err
	}
	if _, err := api.Apply(ctx, s.marked(o)); err != nil {
		return err
	}
	err := may(ctx, api)
	if code := kube.CodeOf(err); code == kube.Conflict || code == kube.NotFound {
		return s.withdraw(ctx, api, o.Key(), err)
	}
	return err
}

func (s Snapshots) withdraw(ctx context.Context, api kube.API, k kube.Key, why error) error {
	if err := kube.DeleteIf(ctx, api, k, s.ours); err != nil {
		return err
	}
	return why
}

// ours tells whether an object is this tenant's, and not of a later wish.
func (s Snapshots) ours(there kube.Object) (bool, error) {
	return there.Labels()[kube.LabelOwner] == s.Owner && !kube.IsNewer(there, s.Revision), nil
}

func (s Snapshots) marked(o kube.Object) kube.Object {
	return o.Marked("", map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelOwner: s.Owner, kube.LabelStay: s.ToStay}, kube.AtRevision(s.Revision))
}

// ready says why a snapshot that is there is none of ours, or can't be taken.
func (s Snapshots) ready(there kube.Object) error {
	if there.Labels()[kube.LabelOwner] != s.Owner {
		return kube.Taken("take snapshot", there.Key(), there)
	}
	if why := kube.StringOf(kube.Nested(there, "status", "error")["message"]); why != "" {
		return kube.Fail(kube.Held, "take snapshot", there.Key(), why)
	}
	return nil
}

// rests refuses a source that is not this stay's, closed.
func (s Snapshots) rests(ctx context.Context, api kube.API) error {
	_, err := s.namespace(ctx, api, s.From, s.FromStay)
	return err
}

// standsBy refuses a target that is not this stay's, closed.
func (s Snapshots) standsBy(ctx context.Context, api kube.API) error {
	_, err := s.namespace(ctx, api, s.To, s.ToStay)
	return err
}

// namespace is one of the two, if it is this stay's and closed, and nothing newer was wanted of it. A stay of before has no name.
func (s Snapshots) namespace(ctx context.Context, api kube.API, name, stay string) (kube.Object, error) {
	k := kube.NamespaceKey(name)
	there, err := kube.Find(ctx, api, k)
	if err != nil {
		return nil, err
	}
	l := there.Labels()
	switch {
	case there == nil:
		return nil, kube.Fail(kube.NotFound, "take snapshots", k, "")
	case there.Terminating():
		return nil, kube.Fail(kube.Conflict, "take snapshots", k, "it is terminating")
	case l[kube.LabelOwner] != s.Owner, l[kube.LabelStay] != "" && l[kube.LabelStay] != stay:
		return nil, kube.Fail(kube.Conflict, "take snapshots", k, "it is not of this stay of the tenant")
	case kube.IsNewer(there, s.Revision):
		return nil, kube.Fail(kube.Conflict, "take snapshots", k, "a newer revision was applied")
	case l[kube.LabelServing] != "false":
		return nil, kube.Fail(kube.Conflict, "take snapshots", k, "it is open")
	}
	return there, nil
}

// bring gives the target the handle of a snapshot, and the claim of it. It tells whether that is there.
func (s Snapshots) bring(ctx context.Context, target kube.API, claim, taken kube.Object) (done bool, err error) {
	name := s.name(claim.Name())
	content := kube.NewObject(SnapshotAPI, contentKind, "", name, map[string]any{
		"deletionPolicy":    "Retain", // the source's cluster removes what is behind it
		"driver":            kube.MapOf(taken["spec"])["driver"],
		"source":            map[string]any{"snapshotHandle": kube.MapOf(taken["status"])["snapshotHandle"]},
		"volumeSnapshotRef": map[string]any{"name": name, "namespace": s.To},
	})
	if mode := kube.MapOf(taken["spec"])["sourceVolumeMode"]; mode != nil {
		kube.MapOf(content["spec"])["sourceVolumeMode"] = mode
	}
	there, err := kube.Find(ctx, target, content.Key())
	switch {
	case err != nil:
		return false, err
	case there == nil:
		ns, err := s.namespace(ctx, target, s.To, s.ToStay)
		if err != nil {
			return false, err
		}
		if owner := ns.OwnerReference(); owner != nil { // one that is made late goes by itself
			content.Metadata()["ownerReferences"] = []any{owner}
		}
		if err := s.make(ctx, target, content, s.standsBy); err != nil {
			return false, err
		}
	case there.Labels()[kube.LabelOwner] != s.Owner:
		return false, kube.Taken("bring snapshot", there.Key(), there)
	}
	snapshot := kube.NewObject(SnapshotAPI, snapshotKind, s.To, name, map[string]any{"source": map[string]any{"volumeSnapshotContentName": name}})
	there, err = kube.Find(ctx, target, snapshot.Key())
	switch {
	case err != nil:
		return false, err
	case there == nil:
		return false, s.make(ctx, target, snapshot, s.standsBy)
	case kube.MapOf(there["status"])["readyToUse"] != true:
		return false, s.ready(there)
	}
	return s.restore(ctx, target, claim, name, kube.Nested(there, "status")["restoreSize"])
}

// restore makes the claim of a snapshot, under the name by which its application looks for it.
func (s Snapshots) restore(ctx context.Context, target kube.API, claim kube.Object, from string, size any) (done bool, err error) {
	k := claim.Key()
	k.Namespace = s.To
	there, err := kube.Find(ctx, target, k)
	if err != nil {
		return false, err
	}
	if there == nil {
		if err := s.standsBy(ctx, target); err != nil {
			return false, err
		}
		if _, err := target.Apply(ctx, s.claim(claim, from, size)); err != nil {
			return false, err
		}
		if there, err = kube.Find(ctx, target, k); err != nil || there == nil {
			return false, err
		}
	}
	if kube.StringOf(kube.Nested(there, "spec", "dataSource")["name"]) != from {
		return false, kube.Fail(kube.Held, "restore snapshot", k, "another claim of that name is there, which is not of the snapshot")
	}
	return true, disown(ctx, target, there)
}

// disown has nobody be the manager of a claim's fields, so that its chart, which says nothing of a snapshot, may be applied over it.
func disown(ctx context.Context, target kube.API, claim kube.Object) error {
	if claim.Annotations()[annotationTaken] == "" {
		return nil
	}
	fields := map[string]any{"annotations": map[string]any{annotationTaken: nil}}
	if c, err := kube.Running(ctx, target); err != nil {
		return err
	} else if c != nil {
		fields["managedFields"] = []any{map[string]any{}}
	}
	return kube.Set(ctx, target, claim, map[string]any{"metadata": fields})
}

// claim is a claim as it is to be at the target: without what its cluster has noted on it.
func (s Snapshots) claim(claim kube.Object, from string, size any) kube.Object {
	spec := map[string]any{"dataSource": map[string]any{"apiGroup": kube.Group(SnapshotAPI), "kind": snapshotKind, "name": from}}
	for _, field := range []string{"accessModes", "storageClassName", "volumeMode", "resources", "volumeAttributesClassName"} {
		if v, has := kube.MapOf(claim["spec"])[field]; has {
			spec[field] = v
		}
	}
	_, asked := kube.Quantity(kube.Nested(claim, "spec", "resources", "requests")["storage"])
	if _, least := kube.Quantity(size); least > asked {
		spec["resources"] = map[string]any{"requests": map[string]any{"storage": size}}
	}
	annotations := claim.Annotations()
	for name := range annotations {
		if of, _, _ := strings.Cut(name, "/"); strings.HasSuffix(of, "kubernetes.io") || name == kube.AnnotationRevision {
			delete(annotations, name)
		}
	}
	annotations[annotationTaken] = from
	return kube.NewObject("v1", claimKind, s.To, claim.Name(), spec).Marked("", claim.Labels(), annotations)
}

// Restored refuses a target that has not each claim of the source, with a volume that is made of its snapshot: what was installed there
// since may have put another one in its place, and the source goes when the move is done.
func (s Snapshots) Restored(ctx context.Context, source, target kube.API) error {
	all, err := claims(ctx, source, s.From)
	if err != nil {
		return err
	}
	for _, c := range all {
		k := c.Key()
		k.Namespace = s.To
		there, err := kube.Find(ctx, target, k)
		switch {
		case err != nil:
			return err
		case there == nil, there.Terminating(), kube.Nested(there, "spec", "dataSource")["name"] != s.name(c.Name()):
			return kube.Fail(kube.Held, "look for volumes", k, "the claim that was made of the snapshot is not there any more")
		case volumeOf(there) == "":
			return kube.Fail(kube.Held, "look for volumes", k, "its volume was not made of the snapshot yet")
		}
	}
	return nil
}

// Drop removes the snapshots of a namespace, and the contents by which it was given their handles. What is of a later wish stays. Where
// snapshots are not served any more there are none.
func (s Snapshots) Drop(ctx context.Context, api kube.API, namespace string) error {
	for _, kind := range []string{snapshotKind, contentKind} {
		sel := kube.Selector{APIVersion: SnapshotAPI, Kind: kind, Labels: map[string]string{kube.LabelOwner: s.Owner}}
		if kind == snapshotKind {
			sel.Namespace = namespace
		}
		found, err := api.List(ctx, sel)
		if errors.Is(err, kube.ErrUnserved) {
			continue
		}
		if err != nil {
			return err
		}
		for _, o := range found {
			if in := kube.StringOf(kube.Nested(o, "spec", "volumeSnapshotRef")["namespace"]); kind == contentKind && in != namespace {
				continue
			}
			if err := kube.DeleteIf(ctx, api, o.Key(), s.ours); err != nil {
				return err
			}
		}
	}
	return nil
}

// findVolume reads the volume of a claim; nil if there is none.
func findVolume(ctx context.Context, api kube.API, claim kube.Object) (kube.Object, error) {
	return kube.Find(ctx, api, kube.Key{APIVersion: "v1", Kind: "PersistentVolume", Name: volumeOf(claim)})
}

// driverOf is the driver that has made a volume; "" if none has.
func driverOf(volume kube.Object) string {
	return kube.StringOf(kube.Nested(volume, "spec", "csi")["driver"])
}

// noClass is said of a claim before the driver of its volume, where classOf has none.
const noClass = "no VolumeSnapshotClass with the deletionPolicy Delete is of its driver "

// classOf is the class by which volumes of a driver are taken, so that nothing is left when the snapshot goes; "" if there is none. The
// one that its cluster takes by default comes first.
func classOf(classes []kube.Object, driver string) (name string) {
	for _, c := range classes {
		if driver == "" || c["driver"] != driver || c["deletionPolicy"] != "Delete" {
			continue
		}
		if c.Annotations()["snapshot.storage.kubernetes.io/is-default-class"] == "true" {
			return c.Name()
		}
		name = cmp.Or(name, c.Name())
	}
	return name
}
