package tenant

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// LabelPriority is the label of a tenant's namespace that names the priority class of its pods.
const LabelPriority = "aerie.io/priority-class"

// classPrefix begins the names of our priority classes; the priority follows.
const classPrefix = "aerie-priority-"

// PriorityClass is the class of a priority in a cluster, the same for all tenants that have it; empty for none.
func PriorityClass(priority int) string {
	if priority == 0 {
		return ""
	}
	return classPrefix + strconv.Itoa(priority)
}

func classKey(name string) kube.Key {
	return kube.Key{APIVersion: "scheduling.k8s.io/v1", Kind: "PriorityClass", Name: name}
}

// classText is the description of our priority classes.
const classText = "What aerie's plans of this priority give their tenants' pods."

// ensureClass makes a priority class. One of that name that is not ours is a conflict and is not touched. One that is as we
// make it, and has only lost our label, gets it back.
func ensureClass(ctx context.Context, api kube.API, name string) error {
	priority, _ := strconv.Atoi(strings.TrimPrefix(name, classPrefix))
	if name == "" || PriorityClass(priority) != name { // none, or what somebody else has written into a label
		return nil
	}
	k := classKey(name)
	there, err := kube.Find(ctx, api, k)
	if err != nil {
		return err
	}
	by := there.Labels()[kube.LabelManagedBy]
	stripped := by == "" && there["value"] == int64(priority) && there["description"] == classText
	if there != nil && by != kube.Manager && !stripped {
		return kube.Taken("ensure priority", k, there)
	}
	o := kube.NewObject(k.APIVersion, k.Kind, "", name, nil).Marked("", map[string]string{kube.LabelManagedBy: kube.Manager}, nil)
	o["value"] = int64(priority)
	o["description"] = classText
	_, err = api.Apply(ctx, o)
	return err
}

// SweepClasses removes our priority classes that no tenant's namespace names any longer, makes those that one names and
// that are not there or have lost our label, and says what it removed, and which that are named are another's: those are left
// alone. A tenant's namespace names its class before that is ensured: whoever comes
// while a class is removed is seen when the namespaces are read once more. Should we die before, the next sweep sees it.
func SweepClasses(ctx context.Context, api kube.API) (removed, others []string, err error) {
	there, err := classes(ctx, api)
	if err != nil {
		return nil, nil, err
	}
	named, err := namedClasses(ctx, api)
	if err != nil {
		return nil, nil, err
	}
	missing := map[string]bool{} // or perhaps, after an error
	for _, k := range there {
		if named[k.Name] {
			continue
		}
		missing[k.Name] = true
		if err = kube.Delete(ctx, api, k); err != nil {
			break
		}
		removed = append(removed, k.Name)
	}
	if len(missing) > 0 {
		again, failed := namedClasses(ctx, api)
		named, err = again, errors.Join(err, failed)
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !missing[name] && slices.Contains(there, classKey(name)) {
			continue
		}
		failed := ensureClass(ctx, api, name)
		if kube.CodeOf(failed) == kube.Conflict {
			others = append(others, name)
			continue
		}
		err = errors.Join(err, failed)
	}
	removed = slices.DeleteFunc(removed, func(name string) bool { return named[name] })
	return removed, others, err
}

// classes are our priority classes in a cluster.
func classes(ctx context.Context, api kube.API) (keys []kube.Key, err error) {
	of := classKey("")
	found, err := api.List(ctx, kube.Selector{APIVersion: of.APIVersion, Kind: of.Kind,
		Labels: map[string]string{kube.LabelManagedBy: kube.Manager}, Brief: true})
	for _, o := range found {
		if strings.HasPrefix(o.Name(), classPrefix) {
			keys = append(keys, classKey(o.Name()))
		}
	}
	return keys, err
}

// namedClasses are the classes that tenants' namespaces name.
func namedClasses(ctx context.Context, api kube.API) (map[string]bool, error) {
	found, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Namespace",
		Labels: map[string]string{kube.LabelManagedBy: kube.Manager}, Brief: true})
	named := map[string]bool{}
	for _, o := range found {
		if name := o.Labels()[LabelPriority]; name != "" {
			named[name] = true
		}
	}
	return named, err
}

// priorities is a quota that lets in no pod of a priority class but the tenant's: else it would push out the others'. A
// pod without a class is let in, and has the lowest priority.
func (s Spec) priorities() kube.Object {
	scope := func(operator string, more map[string]any) any {
		e := map[string]any{"scopeName": "PriorityClass", "operator": operator}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	of := []any{scope("Exists", nil)}
	if class := PriorityClass(s.Priority); class != "" {
		of = append(of, scope("NotIn", map[string]any{"values": []any{class}}))
	}
	return kube.NewObject("v1", "ResourceQuota", s.Namespace, priorityName, map[string]any{
		"hard": map[string]any{"pods": "0"}, "scopeSelector": map[string]any{"matchExpressions": of}})
}
