// Package kube is what aerie does inside a dataplane: a tenant's namespace with its quota, limits, policies and rights,
// an application's manifests, and the seam through which they reach a cluster. It knows nothing of the rest of aerie.
package kube

import (
	"context"
	"errors"
)

// API is one cluster's Kubernetes API, as little of it as we need. Every call may be repeated; every error is an *Error.
type API interface {
	// Apply makes the object what is given, replacing what this manager applied before under its key, and says whether
	// anything changed. A metadata.resourceVersion is a precondition: another version there is a conflict. What was given
	// may be kept as it is, so nobody changes it afterwards.
	Apply(ctx context.Context, o Object) (changed bool, err error)
	// Try says what an object is and what it would be if it were applied, both nil if it is not there, and changes nothing.
	// In both is left out what no wish is about: status, versions, and who set what.
	Try(ctx context.Context, o Object) (is, wouldBe Object, err error)
	// Get reads one object. The absent is not_found.
	Get(ctx context.Context, apiVersion, kind, namespace, name string) (Object, error)
	// List reads the objects of one kind, ordered by namespace and name.
	List(ctx context.Context, s Selector) ([]Object, error)
	// Delete removes one object; a namespace goes with all that is in it. Deleting the absent is success.
	Delete(ctx context.Context, apiVersion, kind, namespace, name string) error
	// As is the same API with the rights of a service account, and no others. One that knows no rights is itself.
	As(namespace, account string) (API, error)
}

// Selector says what List reads: one kind (both its fields are needed, as in Kubernetes), in one namespace or in all,
// with all the given labels.
type Selector struct {
	APIVersion string
	Kind       string
	Namespace  string
	Labels     map[string]string
	Brief      bool // only the metadata are wanted: a real server sends no more
}

// Code says what an error means for the caller.
type Code string

// The codes of an API's errors.
const (
	NotFound      Code = "not_found"     // it, or the namespace it would be in, is not there
	Invalid       Code = "invalid"       // the object is wrong; asking again with the same is no use
	Conflict      Code = "conflict"      // another's object, or a newer state than the caller knew: read again, then decide
	Forbidden     Code = "forbidden"     // the credentials do not allow it, or admission
	Full          Code = "full"          // the namespace's quota is used up
	Unready       Code = "unready"       // what was installed does not run, and the message says why
	Unschedulable Code = "unschedulable" // there is no machine for it
	Broken        Code = "broken"        // what was installed, or its hooks, did not do what they should: that may pass
	Unavailable   Code = "unavailable"   // the API cannot answer now, or the outcome is unknown: ask again later
)

// Error is every error of this package.
type Error struct {
	Code    Code
	Op      string // what was tried: apply, get, list, delete, ensure tenant …
	Object  string // on what, in words
	Message string
	Err     error
}

// Error reads as a path: op, object, code, message. Of a call without an answer it has no ports and addresses: these would
// make each failure another one. They are in Unwrap.
func (e *Error) Error() string {
	s := e.Op
	if e.Object != "" {
		s += " " + e.Object
	}
	s += ": " + string(e.Code)
	message := e.Message
	if e.Code == Unavailable {
		message = steady(message)
	}
	if message != "" {
		s += ": " + message
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of an error, empty for nil. What is no *Error is unavailable: its outcome is unknown.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Unavailable
}

func fail(code Code, op string, k Key, message string) error {
	return &Error{Code: code, Op: op, Object: k.String(), Message: message}
}

// find is Get with the absent as nil. Of a kind that the cluster does not serve there is nothing.
func find(ctx context.Context, api API, k Key) (Object, error) {
	o, err := api.Get(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
	if CodeOf(err) == NotFound || errors.Is(err, errUnserved) {
		return nil, nil
	}
	return o, err
}

func remove(ctx context.Context, api API, k Key) error {
	return api.Delete(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
}
