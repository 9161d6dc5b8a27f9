package kube

import "slices"

// Labels and annotations of everything we make in a cluster.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelCustomer  = "aerie.io/customer"
	LabelTenant    = "aerie.io/tenant"
	LabelPlan      = "aerie.io/plan"
	LabelCell      = "aerie.io/cell" // of a tenant's namespace: pods of other cells are kept out
	LabelStay      = "aerie.io/stay" // of a tenant's namespace: which stay of the tenant it is; none of those of before
	// LabelServing is "false" on a tenant's namespace that is closed: its tenant is on its way from another cluster or to one.
	LabelServing = "aerie.io/serving"
	// LabelFollow is on Secrets of a tenant, which others make: they follow it to another cluster. "false" is as if it were not there.
	LabelFollow = "aerie.io/follow"
	// LabelTenantInfra is on the machines of a tenant infra, as a label and as a taint, and on the namespaces of the tenants
	// whose pods run there.
	LabelTenantInfra   = "aerie.io/tenantinfra"
	LabelOwner         = "aerie.io/owner"     // the uid of the entity it belongs to
	LabelDataplane     = "aerie.io/dataplane" // of an addon's namespace
	LabelAddon         = "aerie.io/addon"
	LabelApplication   = "aerie.io/application"
	AnnotationRevision = "aerie.io/revision" // the revision that applied it: an older one never overwrites it
	AnnotationMark     = "aerie.io/owner-mark"
	// AnnotationLanding says on the namespace aerie-system that a policy of the cluster brings tenants' pods to their machines.
	AnnotationLanding = "aerie.io/landing"
	NoteCordoned      = "aerie.io/cordoned" // an annotation of a node that we keep new pods off

	// AnnotationSuspendedFrom is how much of something ran before its tenant was suspended.
	AnnotationSuspendedFrom = "aerie.io/suspended-from"
	// AnnotationScaledBy is the revision that has stopped or started it last.
	AnnotationScaledBy = "aerie.io/scaled-by"

	// LabelNamespaceName is what Kubernetes itself puts on each namespace.
	LabelNamespaceName = "kubernetes.io/metadata.name"
	// LabelPodSecurity is the level of pod security that a namespace enforces.
	LabelPodSecurity = "pod-security.kubernetes.io/enforce"
	// LabelPodWarn is the level below which it warns.
	LabelPodWarn = "pod-security.kubernetes.io/warn"

	// LabelInstaller is "true" on the cluster roles of an addon that says what tenants may make of its kinds.
	LabelInstaller = "aerie.io/aggregate-to-installer"

	// Manager is the field manager of what we apply, and the value of LabelManagedBy.
	Manager = "aerie"
)

// MarkApplication is a copy of an object that says whose it is: itself, and the pods it will make. It is put into the
// namespace; with none it stays where it is. Its pods get the defaults.
func MarkApplication(o Object, namespace, application, owner string, pods PodDefaults) Object {
	o = pods.In(o)
	labels := map[string]string{LabelManagedBy: Manager, LabelApplication: application, LabelOwner: owner}
	o = o.Clone().Marked(namespace, labels, nil)
	delete(labels, LabelManagedBy)
	for _, path := range [][]string{{"spec", "template"}, {"spec", "jobTemplate", "spec", "template"}} {
		if template := Nested(o, path...); template != nil {
			m := MapOf(template["metadata"])
			if m == nil {
				m = map[string]any{}
				template["metadata"] = m
			}
			m["labels"] = merged(texts(m["labels"]), labels)
		}
	}
	return o
}

// HelmManager is the field manager of what Helm applies.
const HelmManager = "aerie-helm"

// PodDefaults are what the pods of an application get that they do not say themselves.
type PodDefaults struct {
	Class string `json:"class,omitempty"` // their priority class
	Pool  string `json:"pool,omitempty"`  // the tenant infra on whose machines they run, where no policy of the cluster sees to that
}

// In is a copy of an object whose pods have the defaults.
func (d PodDefaults) In(o Object) Object {
	if d == (PodDefaults{}) {
		return o
	}
	o = o.Clone()
	paths := [][]string{{"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}}
	if o.Kind() == "Pod" {
		paths = [][]string{{"spec"}}
	}
	for _, path := range paths {
		if pod := Nested(o, path...); pod != nil && pod["containers"] != nil {
			d.into(pod)
		}
	}
	return o
}

func (d PodDefaults) into(pod map[string]any) {
	if d.Class != "" && StringOf(pod["priorityClassName"]) == "" {
		pod["priorityClassName"] = d.Class
	}
	if d.Pool != "" {
		OnPool(pod, d.Pool)
	}
}

// OnPool has a pod run on the machines of a tenant infra: its spec gets the selector and the toleration, if it has none.
func OnPool(pod map[string]any, infra string) {
	selector := CloneMap(MapOf(pod["nodeSelector"]))
	if selector[LabelTenantInfra] == nil {
		selector[LabelTenantInfra] = infra
	}
	pod["nodeSelector"] = selector
	tolerations, _ := pod["tolerations"].([]any)
	for _, t := range MapsOf(pod["tolerations"]) {
		if t["key"] == LabelTenantInfra {
			return
		}
	}
	pod["tolerations"] = append(slices.Clip(tolerations), map[string]any{"key": LabelTenantInfra, "operator": "Equal", "value": infra})
}
