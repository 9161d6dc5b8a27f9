package kubeapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// kind is one kind of objects, as discovery says it.
type kind struct {
	kind, resource string
	clusterScoped  bool
}

// builtin are the kinds that every Kubernetes serves, by group and version. Where a resource is not the kind in the plural
// it stands after a colon.
var builtin = map[string]string{
	"v1": "Namespace Node PersistentVolume Pod Service Endpoints:endpoints ConfigMap Secret ServiceAccount PersistentVolumeClaim " +
		"ResourceQuota LimitRange ReplicationController PodTemplate Event",
	"apps/v1":                      "Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision",
	"batch/v1":                     "Job CronJob",
	"autoscaling/v1":               "HorizontalPodAutoscaler",
	"autoscaling/v2":               "HorizontalPodAutoscaler",
	"policy/v1":                    "PodDisruptionBudget",
	"networking.k8s.io/v1":         "NetworkPolicy Ingress IngressClass IPAddress ServiceCIDR",
	"rbac.authorization.k8s.io/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
	"storage.k8s.io/v1":            "StorageClass VolumeAttachment VolumeAttributesClass CSIDriver CSINode CSIStorageCapacity",
	"scheduling.k8s.io/v1":         "PriorityClass",
	"coordination.k8s.io/v1":       "Lease",
	"discovery.k8s.io/v1":          "EndpointSlice",
	"node.k8s.io/v1":               "RuntimeClass",
	"apiextensions.k8s.io/v1":      "CustomResourceDefinition",
	"apiregistration.k8s.io/v1":    "APIService",
	"admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding " +
		"MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
	"certificates.k8s.io/v1":          "CertificateSigningRequest",
	"authentication.k8s.io/v1":        "TokenReview SelfSubjectReview",
	"authorization.k8s.io/v1":         "SubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview LocalSubjectAccessReview",
	"events.k8s.io/v1":                "Event",
	"flowcontrol.apiserver.k8s.io/v1": "FlowSchema PriorityLevelConfiguration",
}

// builtins are the built-in kinds of a group and version.
func builtins(groupVersion string) (kinds []kind) {
	for _, word := range strings.Fields(builtin[groupVersion]) {
		name, resource, given := strings.Cut(word, ":")
		if !given {
			resource = plural(strings.ToLower(name))
		}
		kinds = append(kinds, kind{name, resource, kube.ClusterScoped(groupVersion, name)})
	}
	return kinds
}

func plural(word string) string {
	switch {
	case strings.HasSuffix(word, "s"):
		return word + "es"
	case strings.HasSuffix(word, "cy"):
		return strings.TrimSuffix(word, "y") + "ies"
	case strings.HasSuffix(word, "ity"):
		return strings.TrimSuffix(word, "y") + "ies"
	}
	return word + "s"
}

// kinds are what is served of a group and version: the built-in kinds and those of the custom resource definitions that
// are stored.
func (c *call) kinds(groupVersion string) (kinds []kind, err error) {
	kinds = builtins(groupVersion)
	custom, err := c.custom()
	return append(kinds, custom[groupVersion]...), err
}

// custom are the kinds of the custom resource definitions, by group and version.
func (c *call) custom() (map[string][]kind, error) {
	found, err := c.api.List(c.http.Context(), kube.Selector{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"})
	if err != nil {
		return nil, err
	}
	kinds := map[string][]kind{}
	for _, o := range found {
		spec, _ := o["spec"].(map[string]any)
		names, _ := spec["names"].(map[string]any)
		group, _ := spec["group"].(string)
		name, _ := names["kind"].(string)
		resource, _ := names["plural"].(string)
		versions, _ := spec["versions"].([]any)
		for _, v := range versions {
			if version, _ := v.(map[string]any); version["served"] == true {
				gv := group + "/" + text(version["name"])
				kinds[gv] = append(kinds[gv], kind{name, resource, spec["scope"] == "Cluster"})
			}
		}
	}
	return kinds, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// groups are the names of the groups with the versions of each.
func (c *call) groups() (map[string][]string, error) {
	custom, err := c.custom()
	groups := map[string][]string{}
	for _, gv := range slices.Concat(slices.Sorted(maps.Keys(builtin)), slices.Sorted(maps.Keys(custom))) {
		group, version, named := strings.Cut(gv, "/")
		if named && !slices.Contains(groups[group], version) {
			groups[group] = append(groups[group], version)
		}
	}
	return groups, err
}
