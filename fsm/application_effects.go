package fsm

import ev "github.com/aeriehq/aerie/events"

// ensure owes the spec, or while an upgrade is undone the one before it.
func (d ReleaseData[S]) ensure(b Base) ev.EnsureApplication {
	spec, revision := d.Spec, b.Revision
	if good := d.Good; good != nil && (d.Undoing || b.Phase() == Failed && d.Undone) {
		spec, revision = good.Spec, good.Revision
	}
	c := spec.Content()
	return ev.EnsureApplication{Target: d.Site, Cluster: d.Cluster, Namespace: d.Namespace, Name: b.Ref.Local(), Revision: revision,
		Rollback: b.Phase() == RollingBack && !d.Undone, Repair: d.Repairing, Chart: c.Chart, Values: c.Values, Manifests: c.Manifests,
		Endpoints: endpointsOf(spec)}
}

// endpointsOf are those that a spec names, if its kind can name some.
func endpointsOf(s ev.Spec) []ev.Endpoint {
	switch s := s.(type) {
	case ev.ApplicationSpec:
		return s.Endpoints
	case ev.CellApplicationSpec:
		return s.Endpoints
	}
	return nil
}

// removal owes the end of what is installed.
func (d ReleaseData[S]) removal(b Base) ev.RemoveApplication {
	c := d.Spec.Content()
	return ev.RemoveApplication{Target: d.Site, Cluster: d.Cluster, Namespace: d.Namespace, Name: b.Ref.Local(),
		Chart: c.Chart, Manifests: c.Manifests}
}
