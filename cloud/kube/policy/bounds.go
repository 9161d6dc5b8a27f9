package policy

import (
	"strconv"

	"github.com/aeriehq/aerie/cloud/kube"
)

// The names of what bounds a namespace.
const (
	QuotaName  = "aerie-quota"
	LimitsName = "aerie-limits"
)

// Quota bounds a namespace. What is empty or zero is unbounded.
type Quota struct {
	CPU     string // requests and limits together, each
	Memory  string
	Storage string
	Pods    int
}

// Hard is a quota as the API has it.
func (q Quota) Hard() map[string]any {
	hard := map[string]any{}
	put(hard, q.CPU, "requests.cpu", "limits.cpu")
	put(hard, q.Memory, "requests.memory", "limits.memory")
	put(hard, q.Storage, "requests.storage")
	if q.Pods > 0 {
		put(hard, strconv.Itoa(q.Pods), "pods")
	}
	return hard
}

// Bounds are the objects that bound a namespace: hard ones in all, and what a container gets that says nothing. Without either there is
// no object of it.
func Bounds(namespace string, hard map[string]any, defaultCPU, defaultMemory string) (objects []kube.Object) {
	if len(hard) > 0 {
		objects = append(objects, kube.NewObject("v1", "ResourceQuota", namespace, QuotaName, map[string]any{"hard": hard}))
	}
	defaults := map[string]any{}
	put(defaults, defaultCPU, "cpu")
	put(defaults, defaultMemory, "memory")
	if len(defaults) > 0 {
		limit := map[string]any{"type": "Container", "default": defaults, "defaultRequest": kube.CloneMap(defaults)}
		body := map[string]any{"limits": []any{limit}}
		objects = append(objects, kube.NewObject("v1", "LimitRange", namespace, LimitsName, body))
	}
	return objects
}

// BoundKeys are the keys of those objects, whether they are wanted or not.
func BoundKeys(namespace string) []kube.Key {
	return []kube.Key{
		{APIVersion: "v1", Kind: "ResourceQuota", Namespace: namespace, Name: QuotaName},
		{APIVersion: "v1", Kind: "LimitRange", Namespace: namespace, Name: LimitsName},
	}
}

func put(m map[string]any, v string, keys ...string) {
	if v == "" {
		return
	}
	for _, k := range keys {
		m[k] = v
	}
}
