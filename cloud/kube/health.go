package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Ready says whether what an application runs is as it was applied. It is an error of code Unready, Full or
// Unschedulable where something is in the way that can be named, and false without one while it just takes its time. An
// API that only stores has nothing that runs.
func Ready(ctx context.Context, api API, namespace, application string) (bool, error) {
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		all, err := api.List(ctx, ours("apps/v1", kind, namespace, application))
		if err != nil {
			return false, err
		}
		for _, o := range all {
			if !RolledOut(o) {
				return false, trouble(ctx, api, o, application)
			}
		}
	}
	return true, nil
}

func ours(apiVersion, kind, namespace, application string) Selector {
	return Selector{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Labels: map[string]string{LabelApplication: application}}
}

// RolledOut says whether a workload has all its replicas, of its newest template. Only a server counts generations.
func RolledOut(o Object) bool {
	generation, counted := o.Metadata()["generation"].(int64)
	if !counted {
		return true
	}
	spec, status := MapOf(o["spec"]), MapOf(o["status"])
	replicas, given := spec["replicas"].(int64)
	if !given {
		replicas = 1
	}
	if o.Kind() == "DaemonSet" {
		wanted := whole(status["desiredNumberScheduled"])
		return whole(status["observedGeneration"]) >= generation && whole(status["updatedNumberScheduled"]) >= wanted &&
			whole(status["numberAvailable"]) >= wanted
	}
	ready := "availableReplicas"
	if o.Kind() == "StatefulSet" {
		ready = "readyReplicas"
	}
	return whole(status["observedGeneration"]) >= generation && whole(status["updatedReplicas"]) >= replicas &&
		whole(status[ready]) >= replicas && whole(status["replicas"]) <= replicas
}

func whole(v any) int64 { i, _ := v.(int64); return i }

// trouble is what is in the way of a workload, as its conditions, its pods or the events say; nil if nothing is known.
func trouble(ctx context.Context, api API, o Object, application string) error {
	k := o.Key()
	for _, c := range conditions(o) {
		if c["type"] == "ReplicaFailure" && c["status"] == "True" {
			return refusedPods(k, StringOf(c["message"]))
		}
	}
	pods, err := api.List(ctx, ours("v1", "Pod", k.Namespace, application))
	if err != nil {
		return err
	}
	for _, p := range pods {
		if err := PodTrouble(p); err != nil {
			return err
		}
	}
	return RefusedPods(ctx, api, k)
}

// RefusedPods says by the cluster's events that the pods of something are not let in, and why; nil if nothing is known.
func RefusedPods(ctx context.Context, api API, k Key) error {
	events, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "Event", Namespace: k.Namespace})
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(events) {
		if of := MapOf(e["involvedObject"]); e["reason"] == "FailedCreate" && of["kind"] == k.Kind && of["name"] == k.Name {
			return refusedPods(k, StringOf(e["message"]))
		}
	}
	return nil
}

// refusedPods is the error of a workload whose pods are not let in.
func refusedPods(k Key, why string) error {
	code := Unready
	if strings.Contains(why, "exceeded quota") {
		code = Full
	}
	return Fail(code, "run", k, why)
}

// stuck are the reasons for which a container waits that do not pass by themselves.
var stuck = []string{"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "RunContainerError"}

// PodTrouble is what is in the way of a pod; nil if nothing is known. Its words stay the same while the trouble does.
func PodTrouble(p Object) error {
	for _, c := range conditions(p) {
		if c["type"] == "PodScheduled" && c["status"] == "False" && c["reason"] == "Unschedulable" {
			return Fail(Unschedulable, "run", p.Key(), StringOf(c["message"]))
		}
	}
	status := MapOf(p["status"])
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, c := range MapsOf(status[field]) {
			reason := StringOf(Nested(c, "state", "waiting")["reason"])
			if slices.Contains(stuck, reason) {
				return Fail(Unready, "run", p.Key(), fmt.Sprintf("container %s: %s (image %s)", StringOf(c["name"]), reason, StringOf(c["image"])))
			}
		}
	}
	return nil
}

func conditions(o Object) []map[string]any { return MapsOf(MapOf(o["status"])["conditions"]) }

// DeletionBlocker says what keeps a namespace from its end: finalizers, as far as the cluster names them; empty if nothing is
// known.
func DeletionBlocker(namespace Object) string {
	for _, c := range conditions(namespace) {
		if c["type"] == "NamespaceFinalizersRemaining" && c["status"] == "True" {
			return StringOf(c["message"])
		}
	}
	if own, _ := namespace.Metadata()["finalizers"].([]any); namespace.Terminating() && len(own) > 0 {
		return fmt.Sprintf("finalizers of its own: %v", own)
	}
	return ""
}
