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

// Operated are the applications whose operators stop what they run when programs tell them. An empty name stands for all: the tenant's
// plan has the program.
type Operated []string

// has tells whether an object is part of what one of the applications has its operator run: it, or what controls it, says whose it is.
func (a Operated) has(ctx context.Context, api kube.API, o kube.Object) (bool, error) {
	if len(a) == 0 || slices.Contains(a, "") {
		return len(a) > 0, nil
	}
	for range mostControllers {
		if app := o.Labels()[kube.LabelApplication]; app != "" {
			return slices.Contains(a, app), nil
		}
		k, is := o.ControllerKey()
		if !is {
			return false, nil
		}
		var err error
		if o, err = kube.Find(ctx, api, k); err != nil || o == nil {
			return false, err
		}
	}
	return false, nil
}

// mostControllers is how many objects that control each other are looked at.
const mostControllers = 5

// Suspend stops what runs in a tenant's namespace: what has a scale goes to 0, and CronJobs start nothing more. What they were
// is noted in an annotation, in the same write. It says whether something runs still; call it again until nothing does.
// Jobs that have begun come to their end. What can't be stopped is refused by name before anything is: what belongs to an
// operator, which would start it again, DaemonSets, and pods that nobody would make again. An older revision than the
// namespace's is a conflict. Where things are only stored nothing runs, and nobody waits for it.
func Suspend(ctx context.Context, api kube.API, namespace string, revision uint64) (running bool, err error) {
	return SuspendBeside(ctx, api, namespace, revision, nil)
}

// SuspendOperated does as Suspend where operators have been told to stop what they run of some applications. Until they have, nothing else
// is stopped, which they may need, and what runs still is an error of the code kube.Held.
func SuspendOperated(ctx context.Context, api kube.API, namespace string, revision uint64, apps Operated) (running bool, err error) {
	theirs, err := leftByOperators(ctx, api, namespace, apps)
	if err != nil {
		return false, err
	}
	if len(theirs) > 0 {
		return false, kube.Fail(kube.Held, "suspend", kube.NamespaceKey(namespace), "operators were told to stop what they run, and these run still: Pod "+strings.Join(theirs, ", Pod "))
	}
	return stopScales(ctx, api, namespace, revision, nil)
}

// SuspendBeside does as SuspendOperated where nobody tells the operators anything: what they run of those applications is left alone.
func SuspendBeside(ctx context.Context, api kube.API, namespace string, revision uint64, apps Operated) (running bool, err error) {
	theirs, err := leftByOperators(ctx, api, namespace, apps)
	if err != nil {
		return false, err
	}
	return stopScales(ctx, api, namespace, revision, theirs)
}

// leftByOperators names the pods that operators run still for some applications. What can't be stopped besides is refused by name, so where
// there are no such applications there are none.
func leftByOperators(ctx context.Context, api kube.API, namespace string, apps Operated) ([]string, error) {
	if err := RefuseUnstoppable(ctx, api, namespace, apps); err != nil || len(apps) == 0 {
		return nil, err
	}
	return operatorsPods(ctx, api, namespace)
}

// stopScales stops what has a scale, and tells whether pods are left that run, but for some.
func stopScales(ctx context.Context, api kube.API, namespace string, revision uint64, but []string) (running bool, err error) {
	err = eachScale(ctx, api, namespace, func(s scale, o kube.Object) error {
		return s.change(ctx, api, o, revision, s.stop)
	})
	if err != nil {
		return false, err
	}
	return anyPod(ctx, api, namespace, but)
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
		if err := CheckRevision(ctx, api, "scale", k.Namespace, revision); err != nil {
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

// CheckRevision is a conflict if something newer was wanted of a namespace than a revision, and NotFound if there is none.
func CheckRevision(ctx context.Context, api kube.API, op, namespace string, revision uint64) error {
	k := kube.NamespaceKey(namespace)
	there, err := kube.Find(ctx, api, k)
	switch {
	case err != nil:
		return err
	case there == nil:
		return kube.Fail(kube.NotFound, op, k, "")
	case kube.IsNewer(there, revision):
		return kube.Fail(kube.Conflict, op, k, "a newer revision was applied")
	}
	return nil
}

// owners are the kinds whose parts are stopped with them, or come to their end.
var owners = []string{"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob", "Job"}

// RefuseUnstoppable names what in a namespace can't be stopped, but for what operators run of some applications.
func RefuseUnstoppable(ctx context.Context, api kube.API, namespace string, apps Operated) error {
	var names []string
	kinds := append(slices.Clone(scales), scale{apiVersion: "v1", kind: "Pod"}, scale{apiVersion: "apps/v1", kind: "DaemonSet"})
	for _, s := range kinds {
		all, err := api.List(ctx, kube.Selector{APIVersion: s.apiVersion, Kind: s.kind, Namespace: namespace})
		if err != nil {
			return err
		}
		for _, o := range all {
			why := unstoppable(o)
			if why == "" || slices.Contains(names, why) {
				continue
			}
			if byOperator(o) {
				if is, err := apps.has(ctx, api, o); err != nil || is {
					if err != nil {
						return err
					}
					continue
				}
			}
			names = append(names, why)
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
	case byOperator(o):
		return kind + " " + by + " (an operator's)"
	case o.Kind() == "DaemonSet", o.Kind() == "Pod" && kind == "" && !o.Ended():
		return o.Kind() + " " + o.Name()
	}
	return ""
}

// byOperator tells whether an object is controlled by a kind that aerie does not know, such as an operator's.
func byOperator(o kube.Object) bool {
	kind, _ := o.Controller()
	return kind != "" && kind != "DaemonSet" && !slices.Contains(owners, kind)
}

// operatorsPods names the pods that operators have made, themselves or by something that has a scale, and that run still.
func operatorsPods(ctx context.Context, api kube.API, namespace string) (names []string, err error) {
	theirs := map[string]bool{}
	isTheirs := func(o kube.Object) bool {
		kind, name := o.Controller()
		return byOperator(o) || theirs[kind+"/"+name]
	}
	for _, s := range append(slices.Clone(scales), scale{apiVersion: "v1", kind: "Pod"}) { // in order: what makes others comes before them
		all, err := api.List(ctx, kube.Selector{APIVersion: s.apiVersion, Kind: s.kind, Namespace: namespace})
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			switch {
			case !isTheirs(o):
			case s.kind != "Pod":
				theirs[s.kind+"/"+o.Name()] = true
			case !o.Ended():
				names = append(names, o.Name())
			}
		}
	}
	return names, nil
}

// anyPod tells whether pods are left that run, but for some.
func anyPod(ctx context.Context, api kube.API, namespace string, but []string) (bool, error) {
	c, err := kube.Running(ctx, api)
	if err != nil || c == nil {
		return false, err
	}
	pods, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace})
	return slices.ContainsFunc(pods, func(p kube.Object) bool { return !p.Ended() && !slices.Contains(but, p.Name()) }), err
}
