package kube

import (
	"fmt"
	"regexp"
	"strings"
)

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

// isLabel says whether s is an RFC 1123 label, as namespaces need.
func isLabel(s string) bool { return len(s) <= maxLabel && label.MatchString(s) }

// isValue says whether s may be the value of a label.
func isValue(s string) bool { return len(s) <= maxLabel && value.MatchString(s) }

// nameFault says what is wrong with an object's name, or "". The rules are Kubernetes': labels for what becomes a DNS
// name, path segments for roles, subdomains for the rest.
func nameFault(apiVersion, kind, name string) string {
	switch {
	case name == "":
		return "is missing"
	case kind == "Namespace" || kind == "Service":
		if !isLabel(name) {
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
