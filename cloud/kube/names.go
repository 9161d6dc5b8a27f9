package kube

import (
	"fmt"
	"regexp"
	"strings"
)

// The groups and versions of the kinds that more than one package makes.
const (
	RBACAPI       = "rbac.authorization.k8s.io/v1"
	NetworkingAPI = "networking.k8s.io/v1"
)

// SystemNamespace holds what belongs to the dataplane itself.
const SystemNamespace = "aerie-system"

// InventoryPrefix begins the names of the inventories; manifests must not use it.
const InventoryPrefix = "aerie.app."

const (
	maxLabel     = 63
	maxSubdomain = 253
)

// clusterScoped are the built-in kinds that live in no namespace, as group/kind. A custom kind that is not here counts
// as namespaced: without asking the cluster there is no telling.
var clusterScoped = map[string]bool{
	"/Namespace":                            true,
	"/Node":                                 true,
	"/PersistentVolume":                     true,
	"/ComponentStatus":                      true,
	"rbac.authorization.k8s.io/ClusterRole": true,
	"rbac.authorization.k8s.io/ClusterRoleBinding":                  true,
	"storage.k8s.io/StorageClass":                                   true,
	"storage.k8s.io/VolumeAttachment":                               true,
	"storage.k8s.io/VolumeAttributesClass":                          true,
	"storage.k8s.io/CSIDriver":                                      true,
	"storage.k8s.io/CSINode":                                        true,
	"snapshot.storage.k8s.io/VolumeSnapshotClass":                   true,
	"snapshot.storage.k8s.io/VolumeSnapshotContent":                 true,
	"apiextensions.k8s.io/CustomResourceDefinition":                 true,
	"scheduling.k8s.io/PriorityClass":                               true,
	"networking.k8s.io/IngressClass":                                true,
	"networking.k8s.io/IPAddress":                                   true,
	"networking.k8s.io/ServiceCIDR":                                 true,
	"gateway.networking.k8s.io/GatewayClass":                        true,
	"node.k8s.io/RuntimeClass":                                      true,
	"resource.k8s.io/DeviceClass":                                   true,
	"resource.k8s.io/ResourceSlice":                                 true,
	"apiregistration.k8s.io/APIService":                             true,
	"certificates.k8s.io/CertificateSigningRequest":                 true,
	"certificates.k8s.io/ClusterTrustBundle":                        true,
	"flowcontrol.apiserver.k8s.io/FlowSchema":                       true,
	"flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration":       true,
	"admissionregistration.k8s.io/MutatingWebhookConfiguration":     true,
	"admissionregistration.k8s.io/ValidatingWebhookConfiguration":   true,
	"admissionregistration.k8s.io/MutatingAdmissionPolicy":          true,
	"admissionregistration.k8s.io/MutatingAdmissionPolicyBinding":   true,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicy":        true,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": true,
	"cilium.io/CiliumClusterwideNetworkPolicy":                      true,
	"cert-manager.io/ClusterIssuer":                                 true,
}

// ClusterScoped says whether a built-in kind lives in no namespace.
func ClusterScoped(apiVersion, kind string) bool {
	return clusterScoped[Group(apiVersion)+"/"+kind]
}

var (
	label     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	value     = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`)
)

// IsLabel says whether s is an RFC 1123 label, as namespaces need.
func IsLabel(s string) bool { return len(s) <= maxLabel && label.MatchString(s) }

// IsLabelValue says whether s may be the value of a label.
func IsLabelValue(s string) bool { return len(s) <= maxLabel && value.MatchString(s) }

// NameFault says what is wrong with an object's name, or "". The rules are Kubernetes': labels for what becomes a DNS
// name, path segments for roles, subdomains for the rest.
func NameFault(apiVersion, kind, name string) string {
	switch {
	case name == "":
		return "is missing"
	case kind == "Namespace" || kind == "Service":
		if !IsLabel(name) {
			return fmt.Sprintf("%q is no RFC 1123 label", name)
		}
	case Group(apiVersion) == "rbac.authorization.k8s.io":
		if strings.ContainsAny(name, "/%") || name == "." || name == ".." {
			return fmt.Sprintf("%q cannot stand in a path", name)
		}
	case len(name) > maxSubdomain || !subdomain.MatchString(name):
		return fmt.Sprintf("%q is no RFC 1123 subdomain", name)
	}
	return ""
}

// ShapeFault says what is wrong with an object by itself, its kind's own fields left aside; "" if nothing is.
func ShapeFault(o Object) string {
	k := o.Key()
	switch {
	case k.APIVersion == "" || k.Kind == "":
		return "apiVersion and kind are needed"
	case ClusterScoped(k.APIVersion, k.Kind) && k.Namespace != "":
		return k.Kind + " lives in no namespace"
	case !ClusterScoped(k.APIVersion, k.Kind) && !IsLabel(k.Namespace):
		return fmt.Sprintf("metadata.namespace %q is no RFC 1123 label", k.Namespace)
	}
	if why := NameFault(k.APIVersion, k.Kind, k.Name); why != "" {
		return "metadata.name " + why
	}
	return TextsFault(o)
}

// TextsFault finds labels and annotations that are no maps of strings: the API would refuse them.
func TextsFault(o Object) string {
	for _, field := range []string{"labels", "annotations"} {
		switch m := o.Metadata()[field].(type) {
		case nil, map[string]string:
		case map[string]any:
			for k, v := range m {
				if _, ok := v.(string); !ok {
					return fmt.Sprintf("metadata.%s[%q] is no string", field, k)
				}
			}
		default:
			return "metadata." + field + " is no map"
		}
	}
	return ""
}
