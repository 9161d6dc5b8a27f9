package kube

import (
	"context"
	"errors"
	"strconv"
)

// applyFenced applies an object unless a newer revision of it was applied already.
func applyFenced(ctx context.Context, api API, o Object, revision uint64) (changed bool, err error) {
	return fenced(func() (bool, error) {
		there, err := find(ctx, api, o.Key())
		if err != nil {
			return false, err
		}
		if newer(there, revision) {
			return false, fail(Conflict, "apply", o.Key(), "a newer revision was applied")
		}
		return applyOver(ctx, api, o, text(there.metadata()["resourceVersion"]))
	})
}

// fenced reads an object and decides, and writes what it decided. Whoever comes in between makes the write a conflict, so
// an old wish that comes late never wins. Mostly it is a controller that wrote down how far it has come: then it is read
// and decided again.
func fenced(readAndWrite func() (changed bool, err error)) (changed bool, err error) {
	for range fencedTries {
		if changed, err = readAndWrite(); !errors.Is(err, errRaced) {
			return changed, err
		}
	}
	return changed, err
}

// fencedTries is how often it is tried to come between the writes of others.
const fencedTries = 5

// errRaced says that an object has changed between reading and writing.
var errRaced = errors.New("it was changed meanwhile")

// applyOver applies an object over that version of it which was read.
func applyOver(ctx context.Context, api API, o Object, version string) (changed bool, err error) {
	setVersion(o, version)
	changed, err = api.Apply(ctx, o)
	var own *Error
	if errors.As(err, &own) && own.Code == Conflict {
		e := *own
		e.Err = errors.Join(errRaced, own.Err)
		err = &e
	}
	return changed, err
}

// newer says whether an object was applied by a later revision. One without a revision is older than all.
func newer(there Object, revision uint64) bool {
	r, err := strconv.ParseUint(there.Annotations()[AnnotationRevision], 10, 64)
	return err == nil && r > revision
}

// setVersion makes a resource version the precondition of an apply. Without one there is none, whatever a manifest says.
func setVersion(o Object, version string) {
	if version == "" {
		delete(o.metadata(), "resourceVersion")
		return
	}
	o.metadata()["resourceVersion"] = version
}
