package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// labelPlaceholder is on the pods that hold room.
const labelPlaceholder = "aerie.io/placeholder"

// heldFor is for how many seconds a placeholder holds its room: one that a call made after the end of its move goes by itself.
const heldFor = int64(6 * 60 * 60)

// pauseImage does nothing. It is what each kubelet has anyway.
const pauseImage = "registry.k8s.io/pause:3.10"

// Reserve holds room at the target for every pod of the tenant that is not there yet: a placeholder for each, with the same
// requests and of a priority below all others, so that the pod pushes it out when it comes. It says what is still waited for; ""
// when the room is there. Where the cluster adds machines by itself, the placeholders are what it adds them for.
func Reserve(ctx context.Context, api kube.API, s Spec) (waits string, err error) {
	if err := s.landing(ctx, api); err != nil {
		return "", err
	}
	_, away, err := tenantPods(ctx, api, s)
	if err != nil {
		return "", err
	}
	count := map[string]int{}
	for _, p := range away {
		o, err := s.placeholder(p, count)
		if err != nil {
			return "", err
		}
		if says, err := hold(ctx, api, o); err != nil {
			return "", err
		} else if waits == "" {
			waits = says
		}
	}
	return waits, nil
}

// landing refuses a cluster in which evicted pods would come back to where they were.
func (s Spec) landing(ctx context.Context, api kube.API) error {
	by, err := tenant.LandsByPolicy(ctx, api)
	if err == nil && !by {
		err = kube.Fail(kube.Invalid, "move", kube.NamespaceKey(s.Namespace),
			"no policy of this cluster brings pods to other machines: that needs Kubernetes 1.36, and a base that was made since")
	}
	return err
}

// placeholder is a pod that takes as much as another at the target. Of the same requests there are as many as of the pods: they
// are numbered, so that they are the same whatever the pods are called by now.
func (s Spec) placeholder(p kube.Object, count map[string]int) (kube.Object, error) {
	var containers []any
	for i, c := range takers(p) {
		room := map[string]any{"name": fmt.Sprintf("room-%d", i), "image": pauseImage, "resources": kube.CloneMap(kube.MapOf(c["resources"]))}
		containers = append(containers, room)
	}
	shape, err := json.Marshal(containers)
	if err != nil {
		return nil, kube.Fail(kube.Invalid, "reserve", p.Key(), err.Error())
	}
	count[string(shape)]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", s.Owner, s.Stay, shape, count[string(shape)]))
	spec := map[string]any{"containers": containers, "priorityClassName": tenant.PlaceholderClass, "terminationGracePeriodSeconds": int64(0),
		"activeDeadlineSeconds": heldFor, "automountServiceAccountToken": false, "enableServiceLinks": false}
	kube.OnPool(spec, s.To)
	o := kube.NewObject("v1", "Pod", kube.SystemNamespace, "aerie-room-"+hex.EncodeToString(sum[:8]), spec)
	return o.Marked("", s.labels(), nil), nil
}

// takers are the containers whose requests count together: all but those that are done before the others begin.
func takers(p kube.Object) []map[string]any {
	spec := kube.MapOf(p["spec"])
	all := kube.MapsOf(spec["containers"])
	for _, c := range kube.MapsOf(spec["initContainers"]) {
		if c["restartPolicy"] == "Always" {
			all = append(all, c)
		}
	}
	return all
}

func (s Spec) labels() map[string]string {
	return map[string]string{kube.LabelManagedBy: kube.Manager, labelPlaceholder: "true", kube.LabelOwner: s.Owner, kube.LabelStay: s.Stay}
}

func (s Spec) placeholders(ctx context.Context, api kube.API) ([]kube.Object, error) {
	return api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: kube.SystemNamespace, Labels: s.labels()})
}

// hold makes a placeholder if it is not there, and says what it waits for; "" if it has its machine.
func hold(ctx context.Context, api kube.API, o kube.Object) (waits string, err error) {
	there, err := kube.Find(ctx, api, o.Key())
	if err != nil {
		return "", err
	}
	switch {
	case there == nil:
		_, err := api.Apply(ctx, o)
		return "room is being held at the target", err
	case there.Ended(): // its time was over
		return "room is being held at the target", kube.Delete(ctx, api, o.Key())
	case kube.StringOf(kube.MapOf(there["spec"])["nodeName"]) != "":
		return "", nil
	}
	if trouble := kube.PodTrouble(there); trouble != nil {
		return "there is no room at the target yet: " + trouble.(*kube.Error).Message, nil
	}
	return "room is being held at the target", nil
}
