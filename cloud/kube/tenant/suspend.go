package tenant

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// scale is a kind of which can be said how much of it runs.
type scale struct {
	apiVersion, kind string
	field            string // of the spec
	stopped          any    // its value where nothing runs
}

// scales are those kinds, in the order in which they are stopped: what starts others comes first.
var scales = []scale{
	{"batch/v1", "CronJob", "suspend", true},
	{"apps/v1", "Deployment", "replicas", int64(0)},
	{"apps/v1", "StatefulSet", "replicas", int64(0)},
	{"apps/v1", "ReplicaSet", "replicas", int64(0)},
	{"v1", "ReplicationController", "replicas", int64(0)},
}

// Suspend stops what runs in a tenant's namespace: what has a scale goes to 0, and CronJobs start nothing more. What they were
// is noted in an annotation, in the same write. It says whether something runs still; call it again until nothing does.
// Jobs that have begun come to their end. What can't be stopped is refused by name before anything is: what belongs to an
// operator, which would start it again, DaemonSets, and pods that nobody would make again. An older revision than the
// namespace's is a conflict. Where things are only stored nothing runs, and nobody waits for it.
func Suspend(ctx context.Context, api kube.API, namespace string, revision uint64) (running bool, err error) {
	if err := refuseUnstoppable(ctx, api, namespace); err != nil {
		return false, err
	}
	err = eachScale(ctx, api, namespace, func(s scale, o kube.Object) error {
		return s.change(ctx, api, o, revision, s.stop)
	})
	if err != nil {
		return false, err
	}
	return anyPod(ctx, api, namespace)
}

// Resume starts what Suspend has stopped, as it was. It says whether all of it is there; where things are only stored it is at
// once. What runs was not stopped, and stays as it is.
func Resume(ctx context.Context, api kube.API, namespace string, revision uint64) (ready bool, err error) {
	err = eachScale(ctx, api, namespace, func(s scale, o kube.Object) error {
		return s.change(ctx, api, o, revision, s.start)
	})
	if err != nil {
		return false, err
	}
	ready = true
	err = eachScale(ctx, api, namespace, func(s scale, o kube.Object) error {
		if s.field == "replicas" && !kube.RolledOut(o) {
			ready = false
		}
		return nil
	})
	return ready, err
}

// Awake is what runs, or may start, in the namespace of a tenant that is suspended.
func Awake(ctx context.Context, api kube.API, namespace string) (found []kube.Difference, err error) {
	err = eachScale(ctx, api, namespace, func(s scale, o kube.Object) error {
		if is := s.value(o); is != s.stopped {
			found = append(found, kube.Difference{Object: o.Key(), Detail: "it runs though the tenant is suspended: spec." + s.field + " is " + written(is)})
		}
		return nil
	})
	return found, err
}

// eachScale calls do for everything in a namespace that can be stopped and is nobody else's part.
func eachScale(ctx context.Context, api kube.API, namespace string, do func(scale, kube.Object) error) error {
	for _, s := range scales {
		all, err := api.List(ctx, kube.Selector{APIVersion: s.apiVersion, Kind: s.kind, Namespace: namespace})
		if err != nil {
			return err
		}
		for _, o := range all {
			if kind, _ := o.Controller(); kind != "" {
				continue
			}
			if err := do(s, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// change writes what is to be written to an object as it is now, unless somebody has stopped or started it later.
func (s scale) change(ctx context.Context, api kube.API, o kube.Object, revision uint64, write func(kube.Object) map[string]any) error {
	k := o.Key()
	_, err := kube.Guarded(func() (bool, error) {
		there, err := kube.Find(ctx, api, k)
		if err != nil || there == nil {
			return false, err
		}
		fields := write(there)
		if fields == nil {
			return false, nil
		}
		if by, err := strconv.ParseUint(there.Annotations()[kube.AnnotationScaledBy], 10, 64); err == nil && by > revision {
			return false, kube.Fail(kube.Conflict, "scale", k, "a newer revision has scaled it")
		}
		if err := current(ctx, api, k.Namespace, revision); err != nil {
			return false, err
		}
		notes := kube.MapOf(kube.MapOf(fields["metadata"])["annotations"])
		notes[kube.AnnotationScaledBy] = strconv.FormatUint(revision, 10)
		return true, kube.Set(ctx, api, there, fields)
	})
	return err
}

// stop is what is to be written to an object that is not stopped; nil if it is.
func (s scale) stop(o kube.Object) map[string]any {
	is := s.value(o)
	if is == s.stopped {
		return nil
	}
	return s.fields(s.stopped, written(kube.MapOf(o["spec"])[s.field]))
}

// start is what is to be written to an object that was stopped; nil if it was not.
func (s scale) start(o kube.Object) map[string]any {
	was, stopped := o.Annotations()[kube.AnnotationSuspendedFrom]
	if !stopped {
		return nil
	}
	if n, err := strconv.ParseInt(was, 10, 64); err == nil {
		return s.fields(n, nil)
	}
	if yes, err := strconv.ParseBool(was); err == nil {
		return s.fields(yes, nil)
	}
	return s.fields(nil, nil) // the field was not there
}

// fields are those of an object that its scale consists of.
func (s scale) fields(value, from any) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": map[string]any{kube.AnnotationSuspendedFrom: from}},
		"spec": map[string]any{s.field: value}}
}

// value is how much of an object runs; what says nothing has the default.
func (s scale) value(o kube.Object) any {
	is, given := kube.MapOf(o["spec"])[s.field]
	switch {
	case given:
		return is
	case s.stopped == true:
		return false
	}
	return int64(1)
}

// written is the value of a field as an annotation has it; "" is one that is not there.
func written(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// current is a conflict if something newer was wanted of the namespace than a revision.
func current(ctx context.Context, api kube.API, namespace string, revision uint64) error {
	k := kube.NamespaceKey(namespace)
	there, err := kube.Find(ctx, api, k)
	switch {
	case err != nil:
		return err
	case there == nil:
		return kube.Fail(kube.NotFound, "scale", k, "")
	case kube.IsNewer(there, revision):
		return kube.Fail(kube.Conflict, "scale", k, "a newer revision was applied")
	}
	return nil
}

// owners are the kinds whose parts are stopped with them, or come to their end.
var owners = []string{"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob", "Job"}

// refuseUnstoppable names what in a namespace can't be stopped.
func refuseUnstoppable(ctx context.Context, api kube.API, namespace string) error {
	var names []string
	kinds := append(slices.Clone(scales), scale{apiVersion: "v1", kind: "Pod"}, scale{apiVersion: "apps/v1", kind: "DaemonSet"})
	for _, s := range kinds {
		all, err := api.List(ctx, kube.Selector{APIVersion: s.apiVersion, Kind: s.kind, Namespace: namespace})
		if err != nil {
			return err
		}
		for _, o := range all {
			if why := unstoppable(o); why != "" && !slices.Contains(names, why) {
				names = append(names, why)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return kube.Fail(kube.Invalid, "suspend", kube.NamespaceKey(namespace), "these can't be stopped, so nothing was: "+strings.Join(names, ", "))
}

// unstoppable is the name of what keeps an object running that can't be stopped; "" if it can be.
func unstoppable(o kube.Object) string {
	kind, by := o.Controller()
	switch {
	case kind == "DaemonSet":
		return "" // it is named itself
	case kind != "" && !slices.Contains(owners, kind):
		return kind + " " + by + " (an operator's)"
	case o.Kind() == "DaemonSet", o.Kind() == "Pod" && kind == "" && !o.Ended():
		return o.Kind() + " " + o.Name()
	}
	return ""
}

// anyPod tells whether pods are left that run.
func anyPod(ctx context.Context, api kube.API, namespace string) (bool, error) {
	c, err := kube.Running(ctx, api)
	if err != nil || c == nil {
		return false, err
	}
	pods, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace})
	return slices.ContainsFunc(pods, func(p kube.Object) bool { return !p.Ended() }), err
}
