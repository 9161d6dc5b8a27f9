package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
)

// AppSpec is one application of a tenant, as plain manifests.
type AppSpec struct {
	Namespace string
	Name      string
	Owner     string // the application's uid
	Revision  uint64 // of the wish; what a newer one applied refuses an older one
	Objects   []Object
	Class     string // the priority class of its pods that name none
	Terms     Terms
	Sealed    bool // each object says what it was applied as: nobody can make it again to compare, as of a chart in a cluster that only stores
}

// EnsureApplication makes the application's objects those of the spec and returns the names of what it applied, as
// kind/name. What an earlier revision applied and this one no longer has is deleted; with no objects all goes. Wrong
// objects are refused before anything is sent (see CheckObjects). An object of that name that is not this
// application's is a conflict and is not touched. A tenant's objects are applied as its namespace's installer, who may
// not everything; what carries our marks is deleted with our own rights, so that a removal never lacks any.
//
// What it has applied is kept in a ConfigMap beside it, written before the objects and again after the pruning: it
// always names at least what is there, wherever a crash falls.
func EnsureApplication(ctx context.Context, api API, spec AppSpec) ([]string, error) {
	spec = spec.asWish()
	if err := spec.validate(); err != nil {
		return nil, err
	}
	as, err := spec.installer(api)
	if err != nil {
		return nil, err
	}
	had, want := inventory{}, spec.keys()
	_, err = fenced(func() (changed bool, err error) {
		if had, err = readInventory(ctx, api, spec); err != nil || had.version == "" && len(want) == 0 {
			return false, err
		}
		return writeInventory(ctx, as, spec, union(want, had.keys), had.version)
	})
	if err != nil || had.version == "" && len(want) == 0 {
		return nil, err
	}
	applied, err := applyAll(ctx, as, spec)
	if err != nil {
		return applied, err
	}
	if err := prune(ctx, api, spec, had.keys, want); err != nil {
		return applied, err
	}
	if len(want) == 0 {
		return nil, remove(ctx, api, spec.inventoryKey())
	}
	_, err = writeInventory(ctx, api, spec, want, "")
	return applied, err
}

// RemoveApplication deletes what the application has applied: what the list beside it names, and, should somebody have
// deleted that, those of the spec's objects that are its own.
func RemoveApplication(ctx context.Context, api API, spec AppSpec) error {
	known := spec.keys()
	spec.Objects = nil
	if _, err := EnsureApplication(ctx, api, spec); err != nil {
		return err
	}
	return prune(ctx, api, spec, known, nil)
}

// asWish is the spec with its objects as they are applied.
func (s AppSpec) asWish() AppSpec {
	objects := make([]Object, len(s.Objects))
	for i, o := range s.Objects {
		objects[i] = o.asWish()
	}
	s.Objects = objects
	return s
}

// installer is the API as who applies the spec's objects has it: a tenant's its namespace's installer.
func (s AppSpec) installer(api API) (API, error) {
	if len(s.Objects) == 0 {
		return api, nil
	}
	if s.Terms == AsAddon {
		return &installing{api, api, s.Namespace}, nil
	}
	as, err := api.As(s.Namespace, InstallerAccount)
	return &installing{as, api, s.Namespace}, err
}

func (s AppSpec) validate() error {
	k := Key{Kind: "application", Namespace: s.Namespace, Name: s.Name}
	if !isLabel(s.Namespace) || !isLabel(s.Name) || !isValue(s.Owner) || s.Owner == "" {
		return fail(Invalid, "ensure application", k, "namespace and name must be RFC 1123 labels, owner a label's value")
	}
	if faults := checkObjects(s.Objects, s.Namespace, s.Terms); len(faults) > 0 {
		return fail(Invalid, "ensure application", k, faults[0].String())
	}
	return nil
}

func (s AppSpec) keys() []Key {
	keys := make([]Key, len(s.Objects))
	for i, o := range s.Objects {
		keys[i] = o.Key()
		keys[i].Namespace = s.home(o)
	}
	return keys
}

// home is the namespace of one of the objects; none, if it is of the whole cluster.
func (s AppSpec) home(o Object) string {
	if s.Terms != AsAddon {
		return s.Namespace
	}
	if ClusterScoped(o.APIVersion(), o.Kind()) {
		return ""
	}
	return cmp.Or(o.Namespace(), s.Namespace)
}

// reaches tells whether the application may have something in a namespace, or, where that is empty, of the whole cluster.
func (s AppSpec) reaches(namespace string) bool {
	return namespace == s.Namespace || s.Terms == AsAddon && outsideFault(namespace) == ""
}

func applyAll(ctx context.Context, api API, spec AppSpec) (applied []string, err error) {
	for i, k := range spec.keys() {
		there, err := find(ctx, api, k)
		if err != nil {
			return applied, err
		}
		if there != nil && there.Labels()[LabelApplication] != spec.Name {
			return applied, fail(Conflict, "apply", k, "it is there and not of application "+spec.Name)
		}
		o := prioritized(spec.Objects[i], spec.Class).marked(k.Namespace, spec.labels(), spec.annotations())
		if spec.Sealed {
			if o, err = sealed(o); err != nil {
				return applied, fail(Invalid, "apply", k, err.Error())
			}
		}
		if _, err := applyFenced(ctx, api, o, spec.Revision); err != nil {
			return applied, err
		}
		applied = append(applied, k.Kind+"/"+k.Name)
	}
	return applied, nil
}

// prune deletes what the application had and no longer wants, last applied first, but for what says that it stays. The
// label is asked again: who edits the inventory by hand cannot make us delete another's objects.
func prune(ctx context.Context, api API, spec AppSpec, had, want []Key) error {
	for _, k := range slices.Backward(had) {
		if !spec.reaches(k.Namespace) || contains(want, k) {
			continue
		}
		there, err := find(ctx, api, k)
		if err != nil {
			return err
		}
		if there == nil || there.Labels()[LabelApplication] != spec.Name || there.Labels()[LabelOwner] != spec.Owner || there.kept() {
			continue
		}
		if err := remove(ctx, api, k); err != nil {
			return err
		}
	}
	return nil
}

func (s AppSpec) labels() map[string]string {
	return map[string]string{LabelManagedBy: manager, LabelApplication: s.Name, LabelOwner: s.Owner}
}

func (s AppSpec) annotations() map[string]string {
	return map[string]string{AnnotationRevision: strconv.FormatUint(s.Revision, 10)}
}

// inventoryPrefix begins the names of the inventories; manifests must not use it.
const inventoryPrefix = "aerie.app."

// inventory is what an application has applied. A version means that there is one.
type inventory struct {
	keys    []Key
	version string
}

func (s AppSpec) inventoryKey() Key {
	return Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: s.Namespace, Name: inventoryPrefix + s.Name}
}

// readInventory reads the list to write over it: a list of a newer revision is a conflict.
func readInventory(ctx context.Context, api API, spec AppSpec) (inventory, error) {
	there, err := spec.inventory(ctx, api)
	if err == nil && newer(there, spec.Revision) {
		err = fail(Conflict, "ensure application", spec.inventoryKey(), "a newer revision was applied")
	}
	if err != nil || there == nil {
		return inventory{}, err
	}
	return decodeInventory(there)
}

// inventory is the list as it is there, whatever revision wrote it; nil if there is none. Another's is a conflict.
func (s AppSpec) inventory(ctx context.Context, api API) (Object, error) {
	k := s.inventoryKey()
	there, err := find(ctx, api, k)
	if err == nil && there != nil && there.Labels()[LabelOwner] != s.Owner {
		err = taken("ensure application", k, there)
	}
	return there, err
}

func decodeInventory(o Object) (inventory, error) {
	have := inventory{version: text(o.metadata()["resourceVersion"])}
	if err := json.Unmarshal([]byte(text(table(o["data"])["objects"])), &have.keys); err != nil {
		return inventory{}, fail(Invalid, "ensure application", o.Key(), "its inventory cannot be read: "+err.Error())
	}
	return have, nil
}

func writeInventory(ctx context.Context, api API, spec AppSpec, keys []Key, version string) (changed bool, err error) {
	encoded, err := json.Marshal(keys)
	if err != nil {
		return false, fail(Invalid, "ensure application", spec.inventoryKey(), err.Error())
	}
	k := spec.inventoryKey()
	o := object(k.APIVersion, k.Kind, k.Namespace, k.Name, nil)
	o["data"] = map[string]any{"objects": string(encoded)}
	return applyOver(ctx, api, o.marked("", spec.labels(), spec.annotations()), version)
}

func union(a, b []Key) []Key {
	all := slices.Clone(a)
	for _, k := range b {
		if !contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

func contains(keys []Key, k Key) bool {
	return slices.ContainsFunc(keys, func(other Key) bool { return other.Identity() == k.Identity() })
}
