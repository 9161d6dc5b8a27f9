// Package policy is what tenants and addons may do in a cluster: which manifests are let in, which rights the installer,
// the workloads and the customer's people have in a namespace, and which refusals of them are only early. It makes
// nothing in a cluster and deletes nothing; tenant and release apply what it says.
//
// Begin with CheckObjects, then TenantRights, then Reclassify. All of it may run at once: it keeps no state, so that a crash
// loses nothing.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Fault is what is wrong with one field of a list of manifests.
type Fault struct {
	Path    string // such as spec.manifests[2].kind
	Message string
}

// String is path and message.
func (f Fault) String() string { return f.Path + ": " + f.Message }

// CheckObjects says all that can be known to be wrong with an application's manifests before anything is sent: kinds
// that live in no namespace, kinds by which a tenant would lift its own bounds, names, doubles. An empty answer means
// that only the cluster can still refuse them.
func CheckObjects(objects []kube.Object, terms Terms) []Fault {
	return CheckObjectsIn(objects, "", terms)
}

// Terms are those on which objects are brought into a cluster.
type Terms int

// The terms.
const (
	AsTenant Terms = iota // a tenant's: the installer applies them, who can give away no right that it has not
	AsAddon               // the platform's own: also what is of the whole cluster or in another namespace, and what guards its own
)

// reserved are the kinds of a tenant's namespace that only we write, and why, whatever their group: a network plugin's
// own policies are as good a way out as the plain ones.
var reserved = map[string]string{
	"Namespace":                "an application lives in its tenant's namespace",
	"ResourceQuota":            "the plan sets the tenant's quota",
	"LimitRange":               "the plan sets the tenant's limits",
	"NetworkPolicy":            "the plan sets the tenant's isolation",
	"CiliumNetworkPolicy":      "the plan sets the tenant's isolation",
	"GlobalNetworkPolicy":      "the plan sets the tenant's isolation",
	"List":                     "give its items as manifests of their own",
	"Eviction":                 "it is an action, not an object",
	"TokenRequest":             "it is an action, not an object",
	"Binding":                  "it is an action, not an object",
	"LocalSubjectAccessReview": "it is an action, not an object",
}

// bounding are those of them that bound a tenant and nobody else.
var bounding = map[string]bool{"Namespace": true, "ResourceQuota": true, "LimitRange": true, "NetworkPolicy": true, "CiliumNetworkPolicy": true,
	"GlobalNetworkPolicy": true}

// grants tells whether an object gives rights in its namespace.
func grants(o kube.Object) bool {
	return kube.Group(o.APIVersion()) == kube.Group(kube.RBACAPI) && (o.Kind() == "Role" || o.Kind() == "RoleBinding")
}

// CheckObjectsIn also holds the namespace against the given one, if any.
func CheckObjectsIn(objects []kube.Object, namespace string, terms Terms) []Fault {
	var faults []Fault
	seen := map[kube.Key]int{}
	for i, o := range objects {
		path := fmt.Sprintf("spec.manifests[%d]", i)
		faults = append(faults, checkObject(o, path, namespace, terms)...)
		k := o.Key().Identity()
		if terms != AsAddon || k.Namespace == namespace { // all are of one namespace
			k.Namespace = ""
		}
		if first, double := seen[k]; double {
			faults = append(faults, Fault{path + ".metadata.name", fmt.Sprintf("%s is spec.manifests[%d] already", k, first)})
			continue
		}
		seen[k] = i
	}
	return faults
}

func checkObject(o kube.Object, path, namespace string, terms Terms) (faults []Fault) {
	add := func(field, why string) { faults = append(faults, Fault{path + field, why}) }
	if o.APIVersion() == "" {
		add(".apiVersion", "is missing")
	}
	if why := kindFault(o, terms); why != "" {
		add(".kind", why)
	}
	if why := kube.NameFault(o.APIVersion(), o.Kind(), o.Name()); why != "" {
		add(".metadata.name", why)
	}
	if o.Kind() == "Namespace" && terms == AsAddon {
		if why := ownFault(o.Name()); why != "" {
			add(".metadata.name", why)
		}
	}
	if terms != AsAddon && grants(o) && slices.Contains([]string{WorkloadAccount, InstallerAccount, installerMore, people}, o.Name()) {
		add(".metadata.name", o.Name()+" is the platform's")
	}
	if o.Kind() == "ConfigMap" && strings.HasPrefix(o.Name(), kube.InventoryPrefix) {
		add(".metadata.name", "names that begin with "+kube.InventoryPrefix+" are the platform's")
	}
	switch other := o.Namespace(); {
	case terms == AsAddon && other != namespace:
		if why := OutsideFault(other); why != "" {
			add(".metadata.namespace", why)
		}
	case other != "" && namespace != "" && other != namespace:
		add(".metadata.namespace", fmt.Sprintf("is %s, the tenant's is %s; leave it out", other, namespace))
	}
	if why := kube.TextsFault(o); why != "" {
		add(".metadata", strings.TrimPrefix(why, "metadata."))
	}
	for _, l := range []string{kube.LabelApplication, kube.LabelOwner} {
		if _, set := o.Labels()[l]; set {
			add(".metadata.labels", l+" is set by the platform")
		}
	}
	return faults
}

// OutsideFault says why the platform's own addons may make nothing in a namespace beside their own; "" if they may. What
// others have made there they can't take over.
func OutsideFault(namespace string) string {
	switch {
	case namespace == kube.SystemNamespace:
		return "is " + namespace + ", which is aerie's own"
	case strings.Contains(namespace, "--"):
		return "is " + namespace + ", which is a tenant's"
	}
	return ""
}

// ownFault says why the platform's own addons may not make a namespace of a name; "" if they may.
func ownFault(namespace string) string {
	if namespace == "default" || strings.HasPrefix(namespace, "kube-") {
		return "is " + namespace + ", which is the cluster's own"
	}
	return OutsideFault(namespace)
}

func kindFault(o kube.Object, terms Terms) string {
	kind := o.Kind()
	if kind == "" {
		return "is missing"
	}
	if why, ok := reserved[kind]; ok && !(terms == AsAddon && bounding[kind]) {
		return fmt.Sprintf("%s is not allowed: %s", kind, why)
	}
	if kube.ClusterScoped(o.APIVersion(), kind) && terms != AsAddon {
		return fmt.Sprintf("%s is not allowed: it is of the whole cluster, not of a namespace", kind)
	}
	return ""
}
