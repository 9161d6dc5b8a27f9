package kube

import (
	"context"
	"errors"
)

// NotYet is an error of who installs in a namespace as what it means. What the cluster was told of and does not know yet,
// the installer's rights or an addon's kinds, is unavailable: it is no answer. A kind that somebody may still bring along
// is waited for. What the installer was never to have is an answer, and so is what admission says.
func NotYet(ctx context.Context, api API, namespace string, err error) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	e := *own
	why := ""
	var failed error
	switch own.Code {
	case Forbidden:
		e.Code = Unavailable
		why, failed = rightComes(ctx, api, namespace, own.Message)
	case Invalid, Broken:
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

// installing is the API as an installer has it.
type installing struct {
	API
	own       API // with our own rights
	namespace string
}

// Apply implements API, as the others do.
func (i *installing) Apply(ctx context.Context, o Object) (bool, error) {
	changed, err := i.API.Apply(ctx, o)
	return changed, NotYet(ctx, i.own, i.namespace, err)
}

func (i *installing) Try(ctx context.Context, o Object) (is, wouldBe Object, err error) {
	is, wouldBe, err = i.API.Try(ctx, o)
	return is, wouldBe, NotYet(ctx, i.own, i.namespace, err)
}

func (i *installing) Get(ctx context.Context, apiVersion, kind, namespace, name string) (Object, error) {
	o, err := i.API.Get(ctx, apiVersion, kind, namespace, name)
	return o, NotYet(ctx, i.own, i.namespace, err)
}
