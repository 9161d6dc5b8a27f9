package kube

import (
	"maps"
	"strings"
)

// Object is one Kubernetes object as it stands in a manifest. Its accessors never panic: a field of the wrong type
// reads as an empty one, and CheckObjects or the API says what is wrong with it.
type Object map[string]any

// Key names one object in a cluster. Namespace is empty for cluster-scoped kinds.
type Key struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// String is the key as people write it: kind, namespace and name.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Kind + " " + k.Name
	}
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// Identity is the key without the version of its API: a Deployment is the same object in apps/v1 and apps/v1beta1.
func (k Key) Identity() Key {
	k.APIVersion = Group(k.APIVersion)
	return k
}

// Group is the API group of an apiVersion; the core group is empty.
func Group(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// APIVersion is the object's apiVersion.
func (o Object) APIVersion() string { return text(o["apiVersion"]) }

// Kind is the object's kind.
func (o Object) Kind() string { return text(o["kind"]) }

// Namespace is metadata.namespace.
func (o Object) Namespace() string { return text(o.metadata()["namespace"]) }

// Name is metadata.name.
func (o Object) Name() string { return text(o.metadata()["name"]) }

// Labels is a copy of metadata.labels, never nil; values that are no strings are left out.
func (o Object) Labels() map[string]string { return texts(o.metadata()["labels"]) }

// Annotations is a copy of metadata.annotations, never nil; values that are no strings are left out.
func (o Object) Annotations() map[string]string { return texts(o.metadata()["annotations"]) }

// Key is the object's key, made of what it says of itself.
func (o Object) Key() Key {
	return Key{APIVersion: o.APIVersion(), Kind: o.Kind(), Namespace: o.Namespace(), Name: o.Name()}
}

// Terminating says whether the object is on its way out: it is still there and nothing new can be put into it.
func (o Object) Terminating() bool {
	return text(o.metadata()["deletionTimestamp"]) != "" || text(table(o["status"])["phase"]) == "Terminating"
}

// Clone is a deep copy: what is changed in it is not changed in the original.
func (o Object) Clone() Object {
	if o == nil {
		return nil
	}
	return Object(cloneMap(o))
}

func (o Object) metadata() map[string]any { return table(o["metadata"]) }

// wished is the object without what no wish is about. It is the caller's alone, and is changed; nil stays nil.
func (o Object) wished() Object {
	delete(o, "status")
	for _, field := range []string{"resourceVersion", "generation", "managedFields", "selfLink"} {
		delete(o.metadata(), field)
	}
	return o
}

// serversOwn are the fields of metadata that a server writes; `kubectl get -o yaml` shows them.
var serversOwn = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"}

// asWish is a copy without what only a server writes: a manifest may be what was read from another cluster. There a
// uid or a version would be a precondition that never holds, and a server takes no apply with books of fields.
func (o Object) asWish() Object {
	c, metadata := o.relabelled()
	delete(c, "status")
	for _, field := range serversOwn {
		delete(metadata, field)
	}
	if len(metadata) == 0 && o.metadata() == nil {
		delete(c, "metadata")
	}
	return c
}

// relabelled is a copy whose metadata's fields are its own. All else it shares with the original.
func (o Object) relabelled() (c Object, metadata map[string]any) {
	c, metadata = maps.Clone(o), maps.Clone(o.metadata())
	if c == nil {
		c = Object{}
	}
	if metadata == nil {
		metadata = map[string]any{}
	}
	c["metadata"] = metadata
	return c, metadata
}

// marked is a copy with the given labels, annotations and namespace written over its own. Beside its metadata it shares
// with the original what it has.
func (o Object) marked(namespace string, labels, annotations map[string]string) Object {
	c, m := o.relabelled()
	m["labels"] = merged(c.Labels(), labels)
	m["annotations"] = merged(c.Annotations(), annotations)
	if namespace != "" {
		m["namespace"] = namespace
	}
	return c
}

func merged(base, over map[string]string) map[string]any {
	maps.Copy(base, over)
	m := make(map[string]any, len(base))
	for k, v := range base {
		m[k] = v
	}
	return m
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func table(v any) map[string]any {
	switch m := v.(type) {
	case map[string]any:
		return m
	case Object:
		return m
	}
	return nil
}

func texts(v any) map[string]string {
	out := map[string]string{}
	if m, ok := v.(map[string]string); ok {
		maps.Copy(out, m)
	}
	for k, e := range table(v) {
		if s, ok := e.(string); ok {
			out[k] = s
		}
	}
	return out
}

func cloneMap(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch x := v.(type) {
	case map[string]any:
		return cloneMap(x)
	case Object:
		return cloneMap(x)
	case map[string]string:
		return maps.Clone(x)
	case []any:
		c := make([]any, len(x))
		for i, e := range x {
			c[i] = cloneValue(e)
		}
		return c
	case []string:
		return append([]string(nil), x...)
	}
	return v
}
