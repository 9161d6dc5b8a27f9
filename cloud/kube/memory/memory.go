// Package memory is a Kubernetes API that only stores, for simulated clouds, for charts that are rendered without a cluster,
// and for tests. It is not a cluster: it has no quota, admission, defaults, controllers or status.
//
// Begin with Store; owners.go is its garbage collection. It may be called by many at once: one lock guards all of it. It keeps
// nothing itself; who wants the objects after a crash records each change, which is refused when it cannot be recorded, and gives
// New what was recorded.
// What both this and a real cluster must do is in kubetest.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Store is a Kubernetes API that only stores. It checks names and that a namespaced object's namespace exists, deletes
// with a namespace what is in it and with an object what it owns, and keeps resource versions for preconditions. It has no quota,
// admission, defaulting, controllers or status, and one manager only: an apply replaces the whole object.
type Store struct {
	mu       sync.Mutex
	objects  map[kube.Key]stored
	owned    map[kube.Key]bool // those that go with others
	version  int64
	recorded func(put kube.Object, del kube.Key) error
}

// clusterNamespaces are those that every cluster has.
var clusterNamespaces = []kube.Object{kube.NewObject("v1", "Namespace", "", "default", nil), kube.NewObject("v1", "Namespace", "", "kube-node-lease", nil),
	kube.NewObject("v1", "Namespace", "", "kube-public", nil), kube.NewObject("v1", "Namespace", "", "kube-system", nil)}

// New is a store that holds the given objects, and the namespaces that every cluster has. Record is called before
// each change with the object put, which it may read until it returns, or with the key of the object deleted and a nil
// object; an error of it refuses the change. It may be nil.
func New(objects []kube.Object, record func(put kube.Object, del kube.Key) error) (*Store, error) {
	m := &Store{objects: map[kube.Key]stored{}, owned: map[kube.Key]bool{}, recorded: record}
	for _, o := range slices.Concat(clusterNamespaces, objects) {
		s, err := atRest(o)
		if err != nil {
			return nil, err
		}
		version, _ := strconv.ParseInt(kube.StringOf(o.Metadata()["resourceVersion"]), 10, 64)
		s.at(version)
		m.version = max(m.version, version)
		m.put(s)
	}
	return m, nil
}

// Apply implements API.
func (m *Store) Apply(ctx context.Context, o kube.Object) (bool, error) {
	s, err := atRest(o)
	if err != nil {
		return false, err
	}
	if err := alive(ctx, "apply", s.key); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, there := m.objects[s.key.Identity()]
	if err := m.admit(o, s.key, old); err != nil {
		return false, err
	}
	s.known(old, there, m.version+1)
	if s.at(old.version); there && reflect.DeepEqual(old.is, s.is) {
		return false, nil
	}
	s.at(m.version + 1)
	if err := m.record(s.is, kube.Key{}); err != nil {
		return false, err
	}
	m.version = s.version
	m.put(s)
	if !m.owned[s.key.Identity()] {
		return true, nil
	}
	return true, m.collect()
}

// Try implements API.
func (m *Store) Try(ctx context.Context, o kube.Object) (is, wouldBe kube.Object, err error) {
	s, err := atRest(o)
	if err != nil {
		return nil, nil, err
	}
	if err := alive(ctx, "try", s.key); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, there := m.objects[s.key.Identity()]
	if !there {
		return nil, nil, nil
	}
	if err := m.admit(o, s.key, old); err != nil {
		return nil, nil, err
	}
	s.known(old, true, 0)
	return old.is.Clone().Wished(), s.is.Clone().Wished(), nil
}

// admit checks all that needs the store: the namespace and the precondition.
func (m *Store) admit(o kube.Object, k kube.Key, old stored) error {
	if k.Namespace != "" {
		if _, ok := m.objects[kube.Key{Kind: "Namespace", Name: k.Namespace}]; !ok {
			return kube.Fail(kube.NotFound, "apply", k, "there is no namespace "+k.Namespace)
		}
	}
	want := kube.StringOf(o.Metadata()["resourceVersion"])
	if want != "" && want != strconv.FormatInt(old.version, 10) {
		return kube.Fail(kube.Conflict, "apply", k, fmt.Sprintf("resource version %s was expected, %d is there", want, old.version))
	}
	return nil
}

// Get implements API.
func (m *Store) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	k := kube.Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	if err := alive(ctx, "get", k); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.objects[k.Identity()]
	if !ok {
		return nil, kube.Fail(kube.NotFound, "get", k, "")
	}
	return s.is.Clone(), nil
}

// ChangedBy implements API: by what an object says itself of who set what.
func (m *Store) ChangedBy(ctx context.Context, k kube.Key) (string, error) {
	o, err := m.Get(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
	return o.ChangedBy(), err
}

// All is everything that it holds, by namespace and name.
func (m *Store) All() []kube.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []stored
	for _, s := range m.objects {
		found = append(found, s)
	}
	return sorted(found)
}

// List implements API.
func (m *Store) List(ctx context.Context, sel kube.Selector) ([]kube.Object, error) {
	k := kube.Key{APIVersion: sel.APIVersion, Kind: sel.Kind, Namespace: sel.Namespace}
	if err := alive(ctx, "list", k); err != nil {
		return nil, err
	}
	if sel.APIVersion == "" || sel.Kind == "" {
		return nil, kube.Fail(kube.Invalid, "list", k, "apiVersion and kind are needed")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []stored
	for _, s := range m.objects {
		if matches(sel, s) {
			found = append(found, s)
		}
	}
	return sorted(found), nil
}

func sorted(found []stored) []kube.Object {
	slices.SortFunc(found, byKey)
	objects := make([]kube.Object, len(found))
	for i, s := range found {
		objects[i] = s.is.Clone()
	}
	return objects
}

// Delete implements API.
func (m *Store) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	return m.delete(ctx, kube.Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}, "")
}

// DeleteUnchanged implements API.
func (m *Store) DeleteUnchanged(ctx context.Context, read kube.Object) error {
	version := kube.StringOf(read.Metadata()["resourceVersion"])
	if version == "" {
		return kube.Fail(kube.Invalid, "delete", read.Key(), "it has no resource version: it was not read")
	}
	return m.delete(ctx, read.Key(), version)
}

// delete removes an object; with a version it is a precondition.
func (m *Store) delete(ctx context.Context, k kube.Key, version string) error {
	if err := alive(ctx, "delete", k); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.objects[k.Identity()]
	switch {
	case !ok:
		return nil
	case version != "" && version != strconv.FormatInt(s.version, 10):
		return kube.Fail(kube.Conflict, "delete", k, fmt.Sprintf("resource version %s was expected, %d is there", version, s.version))
	}
	if k.Kind == "Namespace" && kube.Group(k.APIVersion) == "" {
		if err := m.empty(k.Name); err != nil {
			return err
		}
	}
	if err := m.drop(s); err != nil {
		return err
	}
	return m.collect()
}

// As implements API.
func (m *Store) As(string, string) (kube.API, error) { return m, nil }

// empty deletes what is in a namespace. The namespace itself goes last: a delete that was cut short can be repeated.
func (m *Store) empty(namespace string) error {
	var inside []stored
	for _, s := range m.objects {
		if s.key.Namespace == namespace {
			inside = append(inside, s)
		}
	}
	slices.SortFunc(inside, byKey)
	for _, s := range inside {
		if err := m.drop(s); err != nil {
			return err
		}
	}
	return nil
}

func (m *Store) drop(s stored) error {
	if err := m.record(nil, s.key); err != nil {
		return err
	}
	delete(m.objects, s.key.Identity())
	delete(m.owned, s.key.Identity())
	return nil
}

func (m *Store) record(put kube.Object, del kube.Key) error {
	if m.recorded == nil {
		return nil
	}
	if err := m.recorded(put, del); err != nil {
		return &kube.Error{Code: kube.Unavailable, Op: "record", Object: cmp.Or(del, put.Key()).String(), Message: err.Error(), Err: err}
	}
	return nil
}

func matches(sel kube.Selector, s stored) bool {
	if s.key.Kind != sel.Kind || kube.Group(s.key.APIVersion) != kube.Group(sel.APIVersion) {
		return false
	}
	if sel.Namespace != "" && s.key.Namespace != sel.Namespace {
		return false
	}
	if sel.Node != "" && kube.MapOf(s.is["spec"])["nodeName"] != sel.Node {
		return false
	}
	labels := kube.MapOf(s.is.Metadata()["labels"])
	for k, v := range sel.Labels {
		if labels[k] != v {
			return false
		}
	}
	return true
}

func alive(ctx context.Context, op string, k kube.Key) error {
	if err := ctx.Err(); err != nil {
		return &kube.Error{Code: kube.Unavailable, Op: op, Object: k.String(), Message: err.Error(), Err: err}
	}
	return nil
}

func byKey(a, b stored) int {
	return cmp.Or(cmp.Compare(a.key.Kind, b.key.Kind), cmp.Compare(a.key.Namespace, b.key.Namespace),
		cmp.Compare(a.key.Name, b.key.Name))
}
