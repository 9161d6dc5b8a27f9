package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kinds knows by which path a cluster serves which kind. It asks the cluster, once for each group and version, and again
// for a kind that was not there: custom kinds come and go.
type kinds struct {
	host   string
	client *http.Client

	mu    sync.Mutex
	known map[schema.GroupVersionKind]resource
}

type resource struct {
	schema.GroupVersionResource
	namespaced bool
}

func newKinds(host string, client *http.Client) *kinds {
	return &kinds{host: host, client: client, known: map[schema.GroupVersionKind]resource{}}
}

// find is the resource of a kind. A kind that the cluster does not serve is invalid.
func (k *kinds) find(ctx context.Context, apiVersion, kind string) (resource, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return resource{}, &Error{Code: Invalid, Message: err.Error(), Err: err}
	}
	gvk := gv.WithKind(kind)
	if r, ok := k.served(gvk); ok {
		return r, nil
	}
	if err := k.ask(ctx, gv); err != nil {
		return resource{}, err
	}
	if r, ok := k.served(gvk); ok {
		return r, nil
	}
	return resource{}, unserved(gvk)
}

// unserved is worded as Kubernetes' own clients word it, and Helm; policy.Reclassify knows these words.
func unserved(gvk schema.GroupVersionKind) error {
	return &Error{Code: Invalid, Message: fmt.Sprintf("no matches for kind %q in version %q", gvk.Kind, gvk.GroupVersion()), Err: ErrUnserved}
}

func (k *kinds) served(gvk schema.GroupVersionKind) (resource, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.known[gvk]
	return r, ok
}

// forget is called where a kind turns out not to be served any more.
func (k *kinds) forget(gvk schema.GroupVersionKind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, gvk)
}

// ask reads what the cluster serves of a group and version.
func (k *kinds) ask(ctx context.Context, gv schema.GroupVersion) error {
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	var served metav1.APIResourceList
	err := k.fetch(ctx, path, &served)
	if apierrors.IsNotFound(err) {
		return nil // nothing is served of it
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range served.APIResources {
		if !strings.Contains(r.Name, "/") { // a part, such as deployments/scale, has its whole's kind or one that is no object
			k.known[gv.WithKind(r.Kind)] = resource{gv.WithResource(r.Name), r.Namespaced}
		}
	}
	return nil
}

// most is how much of an answer is read: no API has so many kinds.
const most = 8 << 20

func (k *kinds) fetch(ctx context.Context, path string, into any) error {
	body, err := k.get(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// ready asks whether the server has all that it needs to answer. Rights are not asked for there: who is refused is so
// whether it is ready or not.
func (k *kinds) ready(ctx context.Context) error {
	_, err := k.get(ctx, "/readyz")
	if err != nil && AnswerCode(err) != Forbidden {
		return &Error{Code: Unavailable, Message: "the cluster is not ready: " + err.Error(), Err: err}
	}
	return nil
}

func (k *kinds) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.host+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = statusError(answer.StatusCode, body)
	}
	return body, err
}

// statusError is a refusal as the API words it.
func statusError(code int, body []byte) error {
	var s metav1.Status
	if err := json.Unmarshal(body, &s); err != nil || s.Kind != "Status" {
		return apierrors.NewGenericServerResponse(code, "get", schema.GroupResource{}, "", string(body[:min(len(body), 200)]), 0, true)
	}
	return &apierrors.StatusError{ErrStatus: s}
}

// AnswerCode is what an answer of a Kubernetes API means for the caller; empty for nil, Unavailable for what is none.
func AnswerCode(err error) Code {
	var own *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &own):
		return own.Code
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		return NotFound
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return Conflict
	case apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return Unavailable
	case isQuota(err):
		return Full
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return Forbidden
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err),
		apierrors.IsRequestEntityTooLargeError(err), apierrors.IsUnsupportedMediaType(err),
		isMisfit(err), isUnsent(err):
		return Invalid
	}
	return Unavailable
}

// isQuota tells a full quota from the other refusals: the API has no code of its own for it.
func isQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota:")
}

// isMisfit tells an object that does not fit the schema of its kind, such as one with a misspelt field: to an apply the API
// says that as if it were its own fault.
func isMisfit(err error) bool {
	var s apierrors.APIStatus
	return errors.As(err, &s) && s.Status().Code == http.StatusInternalServerError &&
		strings.HasPrefix(s.Status().Message, "failed to create typed patch object ")
}

// unsent are the beginnings of what client-go says of a request that it does not send, because no server could take it. It
// has no type for that.
var unsent = []string{"invalid namespace ", "invalid resource name ", "invalid resource ", "invalid subresource ", "name is required", "resource name may not be empty",
	"an empty namespace may not be set ", "cannot apply an object with managed fields already set", "unknown type used for body", "json: unsupported "}

// isUnsent tells a refusal of the client's own, which is no lack of an answer: asking again is no use.
func isUnsent(err error) bool {
	var sent *url.Error
	return !errors.As(err, &sent) && slices.ContainsFunc(unsent, func(s string) bool { return strings.HasPrefix(err.Error(), s) })
}

// failed is the error of an operation on an object; nil if there is none.
func failed(op string, k Key, err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return &Error{Code: own.Code, Op: op, Object: k.String(), Message: own.Message, Err: own.Err}
	}
	return &Error{Code: AnswerCode(err), Op: op, Object: k.String(), Message: err.Error(), Err: err}
}

// failed is the error of an operation on an object. A server that has just started refuses before it knows rights, and
// says that it is not ready for some time longer: that is no answer. Where a whole path is not there, its kind went.
func (c *Cluster) failed(ctx context.Context, op string, k Key, err error) error {
	if apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
		gvk := schema.FromAPIVersionAndKind(k.APIVersion, k.Kind)
		c.kinds.forget(gvk)
		err = unserved(gvk)
	}
	if AnswerCode(err) == Forbidden {
		if notReady := c.kinds.ready(ctx); notReady != nil {
			err = notReady
		}
	}
	return failed(op, k, err)
}

// DefinitionKind is the kind of the definitions of custom kinds.
const DefinitionKind = "CustomResourceDefinition"

// DefinitionAPI is the group and version of the definitions of custom kinds.
const DefinitionAPI = "apiextensions.k8s.io/v1"

// Defines are the versions that a definition of a custom kind says are served, as group/version and group/version/kind.
func (o Object) Defines() (served []string) {
	spec := MapOf(o["spec"])
	for _, v := range MapsOf(spec["versions"]) {
		if v["served"] == true {
			version := StringOf(spec["group"]) + "/" + StringOf(v["name"])
			served = append(served, version, version+"/"+StringOf(Nested(spec, "names")["kind"]))
		}
	}
	return served
}

// Outline is a definition of a custom kind without the schema of its fields.
func (o Object) Outline() Object {
	spec := MapOf(o["spec"])
	versions := []any{}
	for _, v := range MapsOf(spec["versions"]) {
		versions = append(versions, map[string]any{"name": v["name"], "served": v["served"], "storage": v["storage"]})
	}
	out := NewObject(o.APIVersion(), o.Kind(), "", o.Name(), nil)
	out["spec"] = map[string]any{"group": spec["group"], "names": spec["names"], "scope": spec["scope"], "versions": versions}
	return out
}
