package kube

// Labels and annotations of everything we make in a cluster.
const (
	LabelManagedBy     = "app.kubernetes.io/managed-by"
	LabelCustomer      = "aerie.io/customer"
	LabelTenant        = "aerie.io/tenant"
	LabelPlan          = "aerie.io/plan"
	LabelCell          = "aerie.io/cell"      // of a tenant's namespace: pods of other cells are kept out
	LabelStay          = "aerie.io/stay"      // of a tenant's namespace: which stay of the tenant it is; none of those of before
	LabelOwner         = "aerie.io/owner"     // the uid of the entity it belongs to
	LabelDataplane     = "aerie.io/dataplane" // of an addon's namespace
	LabelAddon         = "aerie.io/addon"
	LabelApplication   = "aerie.io/application"
	AnnotationRevision = "aerie.io/revision" // the revision that applied it: an older one never overwrites it
	AnnotationMark     = "aerie.io/owner-mark"
	NoteCordoned       = "aerie.io/cordoned" // an annotation of a node that we keep new pods off

	// AnnotationSuspendedFrom is how much of something ran before its tenant was suspended.
	AnnotationSuspendedFrom = "aerie.io/suspended-from"
	// AnnotationScaledBy is the revision that has stopped or started it last.
	AnnotationScaledBy = "aerie.io/scaled-by"

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
// namespace; with none it stays where it is. Its pods get the priority class, if they name none.
func MarkApplication(o Object, namespace, application, owner, class string) Object {
	o = WithPriorityClass(o, class)
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

// WithPriorityClass is a copy of an object whose pods have a priority class, if they name none.
func WithPriorityClass(o Object, class string) Object {
	if class == "" {
		return o
	}
	o = o.Clone()
	paths := [][]string{{"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}}
	if o.Kind() == "Pod" {
		paths = [][]string{{"spec"}}
	}
	for _, path := range paths {
		if pod := Nested(o, path...); pod != nil && pod["containers"] != nil && StringOf(pod["priorityClassName"]) == "" {
			pod["priorityClassName"] = class
		}
	}
	return o
}
