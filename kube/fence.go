package kube

import (
	"context"
	"strconv"
)

// applyFenced applies an object unless a newer revision of it was applied already. Whoever comes in between reading and
// writing makes the write a conflict, so an old wish that comes late never wins.
func applyFenced(ctx context.Context, api API, o Object, revision uint64) (changed bool, err error) {
	there, err := find(ctx, api, o.Key())
	if err != nil {
		return false, err
	}
	if newer(there, revision) {
		return false, fail(Conflict, "apply", o.Key(), "a newer revision was applied")
	}
	setVersion(o, text(there.metadata()["resourceVersion"]))
	return api.Apply(ctx, o)
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
