package tenant

import (
	"context"
	"strconv"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// Use is what a tenant's namespace takes of its quota.
type Use struct {
	CPU     int64 // thousandths of a core
	Memory  int64 // bytes
	Storage int64 // bytes
	Pods    int64
}

// InUse is what a tenant's namespace takes of its quota, or, of one that is suspended, what it takes when it is awake. Where
// the cluster counts it is as that has counted; else, where things are only stored, or stopped, it is what they ask for.
func InUse(ctx context.Context, api kube.API, spec Spec, suspended bool) (Use, error) {
	quota, err := kube.Find(ctx, api, kube.Key{APIVersion: "v1", Kind: "ResourceQuota", Namespace: spec.Namespace, Name: policy.QuotaName})
	if err != nil {
		return Use{}, err
	}
	used := kube.Nested(quota, "status", "used")
	if used != nil && !suspended {
		return counted(used), nil
	}
	asked, err := asked(ctx, api, spec)
	if used != nil { // volumes stay while a tenant sleeps
		asked.Storage = counted(used).Storage
	}
	return asked, err
}

// counted reads what a cluster has counted for a quota. It bounds requests and limits alike, so the greater counts.
func counted(used map[string]any) (u Use) {
	for _, of := range []string{"requests.", "limits."} {
		cpu, _ := kube.Quantity(used[of+"cpu"])
		_, memory := kube.Quantity(used[of+"memory"])
		u.CPU, u.Memory = max(u.CPU, cpu), max(u.Memory, memory)
	}
	_, u.Storage = kube.Quantity(used["requests.storage"])
	_, u.Pods = kube.Quantity(used["pods"])
	return u
}

// asked adds up what the things in a namespace ask for that have a scale, and its volumes.
func asked(ctx context.Context, api kube.API, spec Spec) (u Use, err error) {
	err = eachScale(ctx, api, spec.Namespace, func(s scale, o kube.Object) error {
		n, runs := s.value(o).(int64)
		if was, err := strconv.ParseInt(o.Annotations()[kube.AnnotationSuspendedFrom], 10, 64); err == nil {
			n = was
		}
		if !runs {
			return nil
		}
		cpu, memory := podAsks(kube.Nested(o, "spec", "template", "spec"), spec)
		u.CPU, u.Memory, u.Pods = u.CPU+n*cpu, u.Memory+n*memory, u.Pods+n
		for _, claim := range kube.MapsOf(kube.MapOf(o["spec"])["volumeClaimTemplates"]) {
			u.Storage += n * claimAsks(claim)
		}
		return nil
	})
	if err != nil {
		return u, err
	}
	claims, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: spec.Namespace})
	for _, c := range claims {
		u.Storage += claimAsks(c)
	}
	return u, err
}

func claimAsks(claim map[string]any) int64 {
	_, size := kube.Quantity(kube.Nested(claim, "spec", "resources", "requests")["storage"])
	return size
}

// podAsks is what a pod asks for: its containers together, each by the greater of request and limit, or by what the namespace
// gives one that says nothing; or the greatest of those that run before them.
func podAsks(pod map[string]any, spec Spec) (cpu, memory int64) {
	for _, c := range kube.MapsOf(pod["containers"]) {
		c, m := containerAsks(c, spec)
		cpu, memory = cpu+c, memory+m
	}
	for _, c := range kube.MapsOf(pod["initContainers"]) {
		c, m := containerAsks(c, spec)
		cpu, memory = max(cpu, c), max(memory, m)
	}
	return cpu, memory
}

func containerAsks(container map[string]any, spec Spec) (cpu, memory int64) {
	for _, of := range []string{"requests", "limits"} {
		asks := kube.Nested(container, "resources", of)
		c, _ := kube.Quantity(asks["cpu"])
		_, m := kube.Quantity(asks["memory"])
		cpu, memory = max(cpu, c), max(memory, m)
	}
	if cpu == 0 {
		cpu, _ = kube.Quantity(spec.DefaultCPU)
	}
	if memory == 0 {
		_, memory = kube.Quantity(spec.DefaultMemory)
	}
	return cpu, memory
}
