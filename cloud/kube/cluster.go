package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// Cluster is a real Kubernetes API. What it applies is applied on the server, under the field manager aerie: fields that
// another set in the meantime become ours again, those that we never named stay theirs.
type Cluster struct {
	client  dynamic.Interface
	brief   metadata.Interface
	lasting metadata.Interface // for watches, which end by themselves
	kinds   *kinds
	config  *rest.Config
	stores  atomic.Pointer[bool] // whether it only stores; nil: not asked yet
}

var _ API = (*Cluster)(nil)

// The most calls a second to one cluster, and at once; and how long one may take.
const (
	callWithin   = 30 * time.Second
	callsASecond = 100
	callsAtOnce  = 200
)

// NewCluster is the API that a configuration leads to. The server's certificate is always verified: a configuration
// that would not is refused.
func NewCluster(config *rest.Config) (*Cluster, error) {
	c := rest.CopyConfig(config)
	if c.Insecure || !strings.HasPrefix(c.Host, "https://") {
		return nil, &Error{Code: Invalid, Op: "connect", Message: c.Host + ": only https, with the server's certificate verified"}
	}
	if err := rest.LoadTLSFiles(c); err != nil {
		return nil, &Error{Code: Invalid, Op: "connect", Message: err.Error(), Err: err}
	}
	c.UserAgent, c.Timeout = Manager, callWithin
	if c.RateLimiter == nil {
		c.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(callsASecond, callsAtOnce)
	}
	c.WarningHandler = rest.NoWarnings{}
	transport, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, &Error{Code: Invalid, Op: "connect", Message: err.Error(), Err: err}
	}
	client, err := dynamic.NewForConfigAndClient(c, transport)
	if err != nil {
		return nil, &Error{Code: Invalid, Op: "connect", Message: err.Error(), Err: err}
	}
	brief, err := metadata.NewForConfigAndClient(metadata.ConfigFor(c), transport)
	if err != nil {
		return nil, &Error{Code: Invalid, Op: "connect", Message: err.Error(), Err: err}
	}
	forWatches := metadata.ConfigFor(c)
	forWatches.Timeout = 0
	lasting, err := metadata.NewForConfig(forWatches)
	if err != nil {
		return nil, &Error{Code: Invalid, Op: "connect", Message: err.Error(), Err: err}
	}
	return &Cluster{client: client, brief: brief, lasting: lasting, kinds: newKinds(c.Host, transport), config: c}, nil
}

// As implements API by impersonation: the server judges each call as that account's.
func (c *Cluster) As(namespace, account string) (API, error) {
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + account}
	other, err := NewCluster(config)
	if err != nil {
		return nil, err
	}
	other.kinds = c.kinds
	return other, nil
}

// Apply implements API.
func (c *Cluster) Apply(ctx context.Context, o Object) (changed bool, err error) {
	k := o.Key()
	if why := ShapeFault(o); why != "" {
		return false, Fail(Invalid, "apply", k, why)
	}
	at, err := c.resource(ctx, "apply", k)
	if err != nil {
		return false, err
	}
	there, err := at.Get(ctx, k.Name, metav1.GetOptions{})
	if err != nil && AnswerCode(err) != NotFound {
		return false, c.failed(ctx, "apply", k, err)
	}
	u := &unstructured.Unstructured{Object: o.Clone()}
	if want := u.GetResourceVersion(); want != "" {
		if err != nil { // an apply would make it anew
			return false, Fail(Conflict, "apply", k, "resource version "+want+" was expected, and it is gone")
		}
		u.SetUID(there.GetUID()) // should it go now, the apply is refused too
	}
	after, err := at.Apply(ctx, k.Name, u, metav1.ApplyOptions{FieldManager: Manager, Force: true})
	if err != nil {
		return false, c.failed(ctx, "apply", k, err)
	}
	return there == nil || there.GetResourceVersion() != after.GetResourceVersion(), nil
}

// Try implements API.
func (c *Cluster) Try(ctx context.Context, o Object) (is, wouldBe Object, err error) {
	return c.TryAs(ctx, Manager, o)
}

// TryAs is Try for another field manager.
func (c *Cluster) TryAs(ctx context.Context, manager string, o Object) (is, wouldBe Object, err error) {
	k := o.Key()
	if why := ShapeFault(o); why != "" {
		return nil, nil, Fail(Invalid, "try", k, why)
	}
	at, err := c.resource(ctx, "try", k)
	if err != nil {
		return nil, nil, err
	}
	if is, err = Find(ctx, c, k); err != nil || is == nil {
		return nil, nil, err
	}
	after, err := at.Apply(ctx, k.Name, &unstructured.Unstructured{Object: o.Clone()},
		metav1.ApplyOptions{FieldManager: manager, Force: true, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return is.Wished(), nil, c.failed(ctx, "try", k, err)
	}
	return is.Wished(), read(after).Wished(), nil
}

// merge writes some fields of an object.
func (c *Cluster) merge(ctx context.Context, k Key, fields map[string]any) error {
	at, err := c.resource(ctx, "patch", k)
	if err != nil {
		return err
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return Fail(Invalid, "patch", k, err.Error())
	}
	if _, err = at.Patch(ctx, k.Name, types.MergePatchType, data, metav1.PatchOptions{FieldManager: Manager}); err != nil {
		return c.failed(ctx, "patch", k, err)
	}
	return nil
}

// Get implements API.
func (c *Cluster) Get(ctx context.Context, apiVersion, kind, namespace, name string) (Object, error) {
	k := Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	at, err := c.resource(ctx, "get", k)
	if err != nil {
		return nil, err
	}
	found, err := at.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, c.failed(ctx, "get", k, err)
	}
	return read(found), nil
}

// pageSize is how many objects one answer to a list has at most.
const pageSize = 500

// List implements API.
func (c *Cluster) List(ctx context.Context, s Selector) (objects []Object, err error) {
	k := Key{APIVersion: s.APIVersion, Kind: s.Kind, Namespace: s.Namespace}
	if s.APIVersion == "" || s.Kind == "" {
		return nil, Fail(Invalid, "list", k, "apiVersion and kind are needed")
	}
	if s.Brief {
		return c.listBrief(ctx, s, k)
	}
	at, err := c.resource(ctx, "list", k)
	if err != nil {
		return nil, err
	}
	page := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(s.Labels).String(), Limit: pageSize}
	if s.Node != "" {
		page.FieldSelector = NodeField + "=" + s.Node
	}
	for {
		found, err := at.List(ctx, page)
		if err != nil {
			return nil, c.failed(ctx, "list", k, err)
		}
		for i := range found.Items {
			objects = append(objects, read(&found.Items[i]))
		}
		if page.Continue = found.GetContinue(); page.Continue == "" {
			break
		}
	}
	slices.SortFunc(objects, byName)
	return objects, nil
}

func byName(a, b Object) int {
	return strings.Compare(a.Namespace()+"/"+a.Name(), b.Namespace()+"/"+b.Name())
}

// listBrief reads no more of the objects than their metadata.
func (c *Cluster) listBrief(ctx context.Context, s Selector, k Key) (objects []Object, err error) {
	r, err := c.kinds.find(ctx, s.APIVersion, s.Kind)
	if err != nil {
		return nil, c.failed(ctx, "list", k, err)
	}
	page := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(s.Labels).String(), Limit: pageSize}
	for {
		found, err := c.brief.Resource(r.GroupVersionResource).Namespace(s.Namespace).List(ctx, page)
		if err != nil {
			return nil, c.failed(ctx, "list", k, err)
		}
		for _, m := range found.Items {
			o := NewObject(s.APIVersion, s.Kind, m.Namespace, m.Name, nil)
			objects = append(objects, o.Marked("", m.Labels, m.Annotations))
		}
		if page.Continue = found.GetContinue(); page.Continue == "" {
			break
		}
	}
	slices.SortFunc(objects, byName)
	return objects, nil
}

// Delete implements API. What a deleted object owns goes after it.
func (c *Cluster) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	k := Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	at, err := c.resource(ctx, "delete", k)
	if errors.Is(err, ErrUnserved) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.delete(ctx, at, k, nil)
}

// DeleteUnchanged implements API.
func (c *Cluster) DeleteUnchanged(ctx context.Context, there Object) error {
	k := there.Key()
	at, err := c.resource(ctx, "delete", k)
	if errors.Is(err, ErrUnserved) {
		return nil
	}
	if err != nil {
		return err
	}
	version := StringOf(there.Metadata()["resourceVersion"])
	if version == "" {
		return Fail(Invalid, "delete", k, "it has no resource version: it was not read")
	}
	only := &metav1.Preconditions{ResourceVersion: &version}
	if uid := types.UID(StringOf(there.Metadata()["uid"])); uid != "" {
		only.UID = &uid
	}
	return c.delete(ctx, at, k, only)
}

func (c *Cluster) delete(ctx context.Context, at dynamic.ResourceInterface, k Key, only *metav1.Preconditions) error {
	background := metav1.DeletePropagationBackground
	err := at.Delete(ctx, k.Name, metav1.DeleteOptions{PropagationPolicy: &background, Preconditions: only})
	if AnswerCode(err) == NotFound {
		return nil
	}
	return c.failed(ctx, "delete", k, err)
}

// NodeField is by which field the pods of a node are selected.
const NodeField = "spec.nodeName"

// disruptionBudget is the cause of a refused eviction.
const disruptionBudget metav1.CauseType = "DisruptionBudget"

// Cordon implements API.
func (c *Cluster) Cordon(ctx context.Context, node string, on bool) error {
	k := Key{APIVersion: "v1", Kind: "Node", Name: node}
	is, err := Find(ctx, c, k)
	if err != nil || is == nil || is.Cordoned() == on || on && is.Closed() {
		return err
	}
	change := fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"}},"spec":{"unschedulable":true}}`, NoteCordoned)
	if !on {
		change = fmt.Sprintf(`{"metadata":{"annotations":{%q:null}},"spec":{"unschedulable":null}}`, NoteCordoned)
	}
	at, err := c.resource(ctx, "cordon", k)
	if err != nil {
		return err
	}
	_, err = at.Patch(ctx, node, types.MergePatchType, []byte(change), metav1.PatchOptions{FieldManager: Manager})
	if AnswerCode(err) == NotFound {
		return nil
	}
	return c.failed(ctx, "cordon", k, err)
}

// Evict implements API.
func (c *Cluster) Evict(ctx context.Context, namespace, pod string) error {
	k := Key{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: pod}
	at, err := c.resource(ctx, "evict", k)
	if err != nil {
		return err
	}
	ask := &unstructured.Unstructured{Object: NewObject("policy/v1", "Eviction", namespace, pod, nil)}
	_, err = at.Create(ctx, ask, metav1.CreateOptions{FieldManager: Manager}, "eviction")
	var s apierrors.APIStatus
	switch {
	case AnswerCode(err) == NotFound:
		return nil
	case apierrors.HasStatusCause(err, disruptionBudget) && errors.As(err, &s):
		return &Error{Code: Held, Op: "evict", Object: k.String(), Message: causeOf(s.Status(), disruptionBudget), Err: err}
	}
	return c.failed(ctx, "evict", k, err)
}

// causeOf is what an answer says of a cause.
func causeOf(s metav1.Status, cause metav1.CauseType) string {
	for _, c := range s.Details.Causes {
		if c.Type == cause && c.Message != "" {
			return c.Message
		}
	}
	return s.Message
}

// resource is where the objects of a key's kind are, in its namespace or in all.
func (c *Cluster) resource(ctx context.Context, op string, k Key) (dynamic.ResourceInterface, error) {
	r, err := c.kinds.find(ctx, k.APIVersion, k.Kind)
	if err != nil {
		return nil, c.failed(ctx, op, k, err)
	}
	if k.Namespace != "" && r.namespaced {
		return c.client.Resource(r.GroupVersionResource).Namespace(k.Namespace), nil
	}
	return c.client.Resource(r.GroupVersionResource), nil
}

// read is an object as it was answered, without the books of who set what.
func read(u *unstructured.Unstructured) Object {
	unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
	return u.Object
}

// StoreOnlySuffix ends the version of an API that only stores: what is applied to it is kept, and nothing runs.
const StoreOnlySuffix = "-stores-only"

// IsStoreOnly says whether the cluster is no real one but a store of objects, as it says of itself in its version. It is
// asked once.
func (c *Cluster) IsStoreOnly(ctx context.Context) (bool, error) {
	if known := c.stores.Load(); known != nil {
		return *known, nil
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := c.kinds.fetch(ctx, "/version", &version); err != nil {
		return false, failed("read version", Key{}, err)
	}
	stores := strings.HasSuffix(version.GitVersion, StoreOnlySuffix)
	c.stores.Store(&stores)
	return stores, nil
}

// Running is the cluster behind an API, past a list of it: what Helm applies is not labelled as ours. It is nil where
// things are only stored.
func Running(ctx context.Context, api API) (*Cluster, error) {
	if l, ok := api.(*cachedList); ok {
		api = l.API
	}
	c, ok := api.(*Cluster)
	if !ok {
		return nil, nil
	}
	if stores, err := c.IsStoreOnly(ctx); err != nil || stores {
		return nil, err
	}
	return c, nil
}
