package move

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// Stays is what aerie does not move to another cluster with a tenant, and the labelled Secrets among it, which come along.
type Stays struct {
	Volumes []string // that hold its data
	Foreign []string // what aerie did not make
	Follow  []string // Secrets that come along all the same
}

// ownKinds are the kinds of what may be in a namespace beside what follows from it.
var ownKinds = []kube.Key{
	{APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: "v1", Kind: "Secret"}, {APIVersion: "v1", Kind: "Service"},
	{APIVersion: "v1", Kind: "ServiceAccount"}, {APIVersion: "v1", Kind: "PersistentVolumeClaim"}, {APIVersion: "v1", Kind: "Pod"},
	{APIVersion: "v1", Kind: "ReplicationController"}, {APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "apps/v1", Kind: "StatefulSet"},
	{APIVersion: "apps/v1", Kind: "DaemonSet"}, {APIVersion: "apps/v1", Kind: "ReplicaSet"}, {APIVersion: "batch/v1", Kind: "CronJob"},
	{APIVersion: "batch/v1", Kind: "Job"}, {APIVersion: kube.NetworkingAPI, Kind: "Ingress"}, {APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy"},
	{APIVersion: kube.RBACAPI, Kind: "Role"}, {APIVersion: kube.RBACAPI, Kind: "RoleBinding"},
	{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}, {APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
}

// mostNamed is how many things are named that do not come along.
const mostNamed = 20

// Elsewhere looks what of a tenant would not come along to another cluster. It changes nothing.
func Elsewhere(ctx context.Context, api kube.API, namespace string) (s Stays, err error) {
	for _, k := range ownKinds {
		all, err := api.List(ctx, kube.Selector{APIVersion: k.APIVersion, Kind: k.Kind, Namespace: namespace})
		if errors.Is(err, kube.ErrUnserved) {
			continue
		}
		if err != nil {
			return Stays{}, err
		}
		for _, o := range all {
			name := o.Kind() + " " + o.Name()
			switch {
			case tenant.Follows(o):
				s.Follow = append(s.Follow, name)
			case k.Kind == "PersistentVolumeClaim":
				s.Volumes = append(s.Volumes, claimInWords(o))
			case foreign(o):
				s.Foreign = append(s.Foreign, name)
			case len(kube.MapsOf(kube.MapOf(o["spec"])["volumeClaimTemplates"])) > 0: // its claims may not be made yet
				s.Volumes = append(s.Volumes, name+" with its volumes")
			}
		}
	}
	s.Volumes, s.Foreign, s.Follow = few(s.Volumes), few(s.Foreign), few(s.Follow)
	return s, nil
}

func claimInWords(o kube.Object) string {
	said := "claim " + o.Name()
	if volume := kube.StringOf(kube.MapOf(o["spec"])["volumeName"]); volume != "" {
		said += " of volume " + volume
	}
	return said
}

// foreign tells whether an object is neither ours, nor made by something that is in the namespace too, nor by Kubernetes itself.
func foreign(o kube.Object) bool {
	l := o.Labels()
	switch {
	case l[kube.LabelManagedBy] == kube.Manager, l[kube.LabelOwner] != "", l[kube.LabelApplication] != "", l["owner"] == "helm":
		return false
	case len(kube.MapsOf(o.Metadata()["ownerReferences"])) > 0:
		return false
	}
	switch o.Kind() {
	case "ConfigMap":
		return o.Name() != "kube-root-ca.crt"
	case "ServiceAccount":
		return o.Name() != "default"
	case "Secret":
		return o["type"] != "kubernetes.io/service-account-token"
	}
	return true
}

// few are the first of some names, in order, and how many more there are.
func few(all []string) []string {
	slices.Sort(all)
	if more := len(all) - mostNamed; more > 0 {
		all = append(all[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return all
}
