package tenant_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// A call of an earlier stay that comes late deletes nothing of the present one, and takes nothing over.
func TestALateCallOfAnEarlierStayHarmsNothing(t *testing.T) {
	m := kubetest.Store(t)
	earlier, now := tenantSpec(), tenantSpec()
	now.Stay, now.Revision = "01HNOW", 9
	for _, before := range []string{"", "01HBEFORE"} {
		earlier.Stay = before
		ensure(t, m, now)
		volume := kubetest.Object("v1", "PersistentVolumeClaim", now.Namespace, "data", nil)
		_, err := m.Apply(t.Context(), volume)
		kubetest.Must(t, err)
		err = tenant.Delete(t.Context(), m, stayOf(earlier))
		if kubetest.Is(t, kube.Conflict, err); !errors.Is(err, tenant.ErrOtherStay) {
			t.Error(err)
		}
		_, err = tenant.Ensure(t.Context(), m, earlier)
		kubetest.Is(t, kube.Conflict, err)
		if _, err := m.Get(t.Context(), "v1", "PersistentVolumeClaim", now.Namespace, "data"); err != nil {
			t.Errorf("after a late call of stay %q: %v", before, err)
		}
		kubetest.Must(t, tenant.Delete(t.Context(), m, stayOf(now)))
	}
}

// The same stay deletes what it knows; what was applied since it does not.
func TestANewerRevisionIsNotDeleted(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Stay = "01HNOW"
	ensure(t, m, spec)
	late := stayOf(spec)
	late.Revision--
	if err := tenant.Delete(t.Context(), m, late); !errors.Is(err, tenant.ErrOtherStay) {
		t.Error(err)
	}
	kubetest.Must(t, tenant.Delete(t.Context(), m, stayOf(spec)))
}

// meanwhile does something between the reading of a namespace and its deletion.
type meanwhile struct {
	kube.API
	do func()
}

func (m *meanwhile) DeleteUnchanged(ctx context.Context, read kube.Object) error {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	return m.API.DeleteUnchanged(ctx, read)
}

// The next stay begins between the look of a late call and its deletion.
func TestAStayBeginsWhileALateCallDeletes(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Stay = "01HBEFORE"
	ensure(t, m, spec)
	now := spec
	now.Stay, now.Revision = "01HNOW", 9
	err := tenant.Delete(t.Context(), &meanwhile{API: m, do: func() { ensure(t, m, now) }}, stayOf(spec))
	if !errors.Is(err, tenant.ErrOtherStay) {
		t.Error(err)
	}
	ns, err := m.Get(t.Context(), "v1", "Namespace", "", spec.Namespace)
	if kubetest.Must(t, err); ns.Labels()[kube.LabelStay] != now.Stay {
		t.Errorf("the namespace is labelled %v", ns.Labels())
	}
	grows := func() { kubetest.Edit(t, m, "v1", "Namespace", "", spec.Namespace, func(kube.Object) {}) }
	kubetest.Must(t, tenant.Delete(t.Context(), &meanwhile{API: m, do: grows}, stayOf(now)))
}

// A tenant that was placed before stays had names is labelled as it was: an upgrade of aerie changes nothing.
func TestAnUnnamedStayIsNoLabel(t *testing.T) {
	if _, labelled := tenant.Objects(tenantSpec())[0].Labels()[kube.LabelStay]; labelled {
		t.Error("a stay without a name is a label")
	}
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	spec.Stay, spec.Revision = "01HNOW", 9
	if n := ensure(t, m, spec); n != len(tenant.Objects(spec)) { // all say the later revision
		t.Errorf("%d changed", n)
	}
}
