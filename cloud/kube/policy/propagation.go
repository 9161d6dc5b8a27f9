package policy

import (
	"context"
	"errors"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Reclassify sorts the errors of who installs in a namespace. Those caused by RBAC rules or custom kinds that have not
// propagated yet become Unavailable: they are no answer. A kind that nobody has defined yet becomes Unready and is waited
// for. All others are final: what the installer was never to have, and what admission refuses.
func Reclassify(ctx context.Context, api kube.API, namespace string, err error) error {
	var own *kube.Error
	if !errors.As(err, &own) {
		return err
	}
	e := *own
	why := ""
	var failed error
	switch own.Code {
	case kube.Forbidden:
		e.Code = kube.Unavailable
		why, failed = rightComes(ctx, api, namespace, own.Message)
	case kube.Invalid, kube.Broken:
		e.Code, why, failed = kindComes(ctx, api, own.Message)
	}
	if failed != nil { // it is not known whether it was an answer
		return failed
	}
	if why == "" {
		return err
	}
	e.Message = why + ": " + own.Message
	return &e
}

// Installer is the API as who installs in a namespace has it: its errors mean what Reclassify makes of them. What it asks of the
// cluster for that, it asks by our own API.
func Installer(api, own kube.API, namespace string) kube.API { return &installing{api, own, namespace} }

// installing is the API as an installer has it.
type installing struct {
	kube.API
	own       kube.API // with our own rights
	namespace string
}

// Apply implements API, as the others do.
func (i *installing) Apply(ctx context.Context, o kube.Object) (bool, error) {
	changed, err := i.API.Apply(ctx, o)
	return changed, Reclassify(ctx, i.own, i.namespace, err)
}

func (i *installing) Try(ctx context.Context, o kube.Object) (is, wouldBe kube.Object, err error) {
	is, wouldBe, err = i.API.Try(ctx, o)
	return is, wouldBe, Reclassify(ctx, i.own, i.namespace, err)
}

func (i *installing) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	o, err := i.API.Get(ctx, apiVersion, kind, namespace, name)
	return o, Reclassify(ctx, i.own, i.namespace, err)
}
