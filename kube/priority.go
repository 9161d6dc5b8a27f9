package kube

import (
	"context"
	"strconv"
)

// LabelPriority is the label of a tenant's namespace that names the priority class of its pods.
const LabelPriority = "aerie.io/priority-class"

// PriorityClass is the class of a priority in a cluster, the same for all tenants that have it; empty for none.
func PriorityClass(priority int) string {
	if priority == 0 {
		return ""
	}
	return "aerie-priority-" + strconv.Itoa(priority)
}

// ensurePriority makes a priority's class. It stays when the last tenant that has it is gone: it is nobody's.
func ensurePriority(ctx context.Context, api API, priority int) error {
	if priority == 0 {
		return nil
	}
	o := object("scheduling.k8s.io/v1", "PriorityClass", "", PriorityClass(priority), nil).marked("", map[string]string{LabelManagedBy: manager}, nil)
	o["value"] = int64(priority)
	o["description"] = "What aerie's plans of this priority give their tenants' pods."
	_, err := api.Apply(ctx, o)
	return err
}

// priorities is a quota that lets in no pod of a priority class but the tenant's: else it would push out the others'. A
// pod without a class is let in, and has the lowest priority.
func (s TenantSpec) priorities() Object {
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
	return object("v1", "ResourceQuota", s.Namespace, priorityName, map[string]any{
		"hard": map[string]any{"pods": "0"}, "scopeSelector": map[string]any{"matchExpressions": of}})
}

// prioritized is a copy of an object whose pods have a priority class, if they name none.
func prioritized(o Object, class string) Object {
	if class == "" {
		return o
	}
	o = o.Clone()
	paths := [][]string{{"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}}
	if o.Kind() == "Pod" {
		paths = [][]string{{"spec"}}
	}
	for _, path := range paths {
		if pod := within(o, path...); pod != nil && pod["containers"] != nil && text(pod["priorityClassName"]) == "" {
			pod["priorityClassName"] = class
		}
	}
	return o
}

// ClassOf is the priority class of the pods in a namespace, as its label says.
func ClassOf(ctx context.Context, api API, namespace string) (string, error) {
	ns, err := find(ctx, api, namespaceKey(namespace))
	return ns.Labels()[LabelPriority], err
}
