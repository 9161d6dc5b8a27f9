package tenant_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// older is a cluster that has no mutating admission policies.
type older struct{ kube.API }

func (o older) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	if kind == "MutatingAdmissionPolicy" {
		return nil, &kube.Error{Code: kube.Invalid, Op: "get", Object: kind, Err: kube.ErrUnserved}
	}
	return o.API.Get(ctx, apiVersion, kind, namespace, name)
}

// Where a cluster has no such policies, and on a dataplane of before, nothing has drifted, and pods get their machines from
// whoever installs them; the next time that the base is made the policy is.
func TestLandingWithoutAPolicy(t *testing.T) {
	const owner = "-/dataplane/eu/1"
	m := kubetest.Store(t)
	spec := tenantSpec()
	spec.Infra = "small"
	ensure(t, m, spec)
	pool := func(want string) {
		t.Helper()
		if d, err := tenant.PodDefaults(t.Context(), m, spec.Namespace); err != nil || d.Pool != want {
			t.Errorf("pods get %+v, want the machines of %q: %v", d, want, err)
		}
	}
	drift := func(api kube.API) {
		t.Helper()
		if found, err := tenant.BaseDrift(t.Context(), api, owner); err != nil || len(found) > 0 {
			t.Errorf("it has drifted: %s: %v", kubetest.Told(found), err)
		}
	}
	_, err := tenant.EnsureBase(t.Context(), older{m}, owner)
	kubetest.Must(t, err)
	drift(older{m})
	drift(m)
	pool("small")
	if changed, err := tenant.EnsureBase(t.Context(), m, owner); err != nil || !changed {
		t.Fatal(changed, err)
	}
	drift(m)
	pool("")
	failing := errors.New("no answer")
	if _, err := tenant.EnsureBase(t.Context(), silent{m, failing}, owner); !errors.Is(err, failing) {
		t.Error("a cluster that does not answer has no policies:", err)
	}
}

// silent is a cluster that does not say what it serves.
type silent struct {
	kube.API
	err error
}

func (s silent) Get(context.Context, string, string, string, string) (kube.Object, error) {
	return nil, s.err
}
