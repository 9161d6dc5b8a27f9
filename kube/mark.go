package kube

// MarkApplication is a copy of an object that says whose it is: itself, and the pods it will make. It is put into the
// namespace; with none it stays where it is.
// Its pods get the priority class, if they name none.
func MarkApplication(o Object, namespace, application, owner, class string) Object {
	o = prioritized(o, class)
	labels := map[string]string{LabelManagedBy: manager, LabelApplication: application, LabelOwner: owner}
	o = o.Clone().marked(namespace, labels, nil)
	delete(labels, LabelManagedBy)
	for _, path := range [][]string{{"spec", "template"}, {"spec", "jobTemplate", "spec", "template"}} {
		if template := within(o, path...); template != nil {
			m := table(template["metadata"])
			if m == nil {
				m = map[string]any{}
				template["metadata"] = m
			}
			m["labels"] = merged(texts(m["labels"]), labels)
		}
	}
	return o
}

// within is a table inside an object; nil if there is none.
func within(o map[string]any, path ...string) map[string]any {
	for _, field := range path {
		o = table(o[field])
	}
	return o
}
