package kube

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Object is one Kubernetes object as it stands in a manifest. Its accessors never panic: a field of the wrong type
// reads as an empty one, and policy.CheckObjects or the API says what is wrong with it.
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
func (o Object) APIVersion() string { return StringOf(o["apiVersion"]) }

// Kind is the object's kind.
func (o Object) Kind() string { return StringOf(o["kind"]) }

// Namespace is metadata.namespace.
func (o Object) Namespace() string { return StringOf(o.Metadata()["namespace"]) }

// Name is metadata.name.
func (o Object) Name() string { return StringOf(o.Metadata()["name"]) }

// Labels is a copy of metadata.labels, never nil; values that are no strings are left out.
func (o Object) Labels() map[string]string { return texts(o.Metadata()["labels"]) }

// Annotations is a copy of metadata.annotations, never nil; values that are no strings are left out.
func (o Object) Annotations() map[string]string { return texts(o.Metadata()["annotations"]) }

// Key is the object's key, made of what it says of itself.
func (o Object) Key() Key {
	return Key{APIVersion: o.APIVersion(), Kind: o.Kind(), Namespace: o.Namespace(), Name: o.Name()}
}

// Terminating says whether the object is on its way out: it is still there and nothing new can be put into it.
func (o Object) Terminating() bool {
	return StringOf(o.Metadata()["deletionTimestamp"]) != "" || StringOf(MapOf(o["status"])["phase"]) == "Terminating"
}

// Controller is the kind and the name of what makes an object again when it is gone; empty if nothing does.
func (o Object) Controller() (kind, name string) {
	k, _ := o.ControllerKey()
	return k.Kind, k.Name
}

// ControllerKey is the key of what makes an object again when it is gone; false if nothing does.
func (o Object) ControllerKey() (k Key, is bool) {
	for _, r := range MapsOf(o.Metadata()["ownerReferences"]) {
		if r["controller"] == true {
			return Key{APIVersion: StringOf(r["apiVersion"]), Kind: StringOf(r["kind"]), Namespace: o.Namespace(), Name: StringOf(r["name"])}, true
		}
	}
	return k, false
}

// OwnerReference has another object of the namespace go when this one has gone, as it was read: one of the same name that comes
// later is not it. It is nil where the cluster gives no uids.
func (o Object) OwnerReference() map[string]any {
	uid := StringOf(o.Metadata()["uid"])
	if uid == "" {
		return nil
	}
	return map[string]any{"apiVersion": o.APIVersion(), "kind": o.Kind(), "name": o.Name(), "uid": uid}
}

// Ended tells of a pod whether it has come to its end by itself.
func (o Object) Ended() bool {
	phase := StringOf(MapOf(o["status"])["phase"])
	return phase == "Succeeded" || phase == "Failed"
}

// Cordoned says of a node whether we keep new pods off it.
func (o Object) Cordoned() bool {
	return o.Closed() && o.Annotations()[NoteCordoned] != ""
}

// Closed says of a node whether anybody keeps new pods off it.
func (o Object) Closed() bool { return MapOf(o["spec"])["unschedulable"] == true }

// Clone is a deep copy: what is changed in it is not changed in the original.
func (o Object) Clone() Object {
	if o == nil {
		return nil
	}
	return Object(CloneMap(o))
}

// Metadata is the object's own, not a copy; nil if it has none.
func (o Object) Metadata() map[string]any { return MapOf(o["metadata"]) }

// Wished is the object without what no wish is about. It is the caller's alone, and is changed; nil stays nil.
func (o Object) Wished() Object {
	delete(o, "status")
	for _, field := range []string{"resourceVersion", "generation", "managedFields", "selfLink"} {
		delete(o.Metadata(), field)
	}
	return o
}

// serversOwn are the fields of metadata that a server writes; `kubectl get -o yaml` shows them.
var serversOwn = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"}

// AsWish is a copy without what only a server writes: a manifest may be what was read from another cluster. There a
// uid or a version would be a precondition that never holds, and a server takes no apply with books of fields.
func (o Object) AsWish() Object {
	c, metadata := o.Relabelled()
	delete(c, "status")
	for _, field := range serversOwn {
		delete(metadata, field)
	}
	if len(metadata) == 0 && o.Metadata() == nil {
		delete(c, "metadata")
	}
	return c
}

// Relabelled is a copy whose metadata's fields are its own. All else it shares with the original.
func (o Object) Relabelled() (c Object, metadata map[string]any) {
	c, metadata = maps.Clone(o), maps.Clone(o.Metadata())
	if c == nil {
		c = Object{}
	}
	if metadata == nil {
		metadata = map[string]any{}
	}
	c["metadata"] = metadata
	return c, metadata
}

// Marked is a copy with the given labels, annotations and namespace written over its own. Beside its metadata it shares
// with the original what it has.
func (o Object) Marked(namespace string, labels, annotations map[string]string) Object {
	c, m := o.Relabelled()
	m["labels"] = merged(c.Labels(), labels)
	m["annotations"] = merged(c.Annotations(), annotations)
	if namespace != "" {
		m["namespace"] = namespace
	}
	return c
}

// AtRevision are the annotations of what is applied by a wish of some revision.
func AtRevision(revision uint64) map[string]string {
	return map[string]string{AnnotationRevision: strconv.FormatUint(revision, 10)}
}

// MarkAll writes over the objects of one owner whose they are, which customer's if they are one's, and by which revision they came.
func MarkAll(objects []Object, labels map[string]string, customer string, revision uint64) []Object {
	if customer != "" {
		labels[LabelCustomer] = customer
	}
	for i, o := range objects {
		objects[i] = o.Marked("", labels, AtRevision(revision))
	}
	return objects
}

// NewObject is an object with a spec, which may be nil; without a namespace it is of the whole cluster.
func NewObject(apiVersion, kind, namespace, name string, spec map[string]any) Object {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	o := Object{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}
	if spec != nil {
		o["spec"] = spec
	}
	return o
}

// Items are the objects of a list, of whatever kind, such as a RoleList; of an object that is no list, itself. What an item
// leaves out of its kind follows from that of the list.
func (o Object) Items() (items []Object, err error) {
	of, isList := strings.CutSuffix(o.Kind(), "List")
	entries, given := o["items"].([]any)
	if !isList || !given {
		return []Object{o}, nil
	}
	for i, entry := range entries {
		item := Object(MapOf(entry))
		if item == nil {
			return nil, fmt.Errorf("items[%d] of %s is no object", i, o.Kind())
		}
		item, _ = item.Relabelled()
		if of != "" {
			item["kind"], item["apiVersion"] = cmp.Or(item.Kind(), of), cmp.Or(item.APIVersion(), o.APIVersion())
		}
		inner, err := item.Items()
		if err != nil {
			return nil, err
		}
		items = append(items, inner...)
	}
	return items, nil
}
