package tenant_test

import (
	"context"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// asked counts the objects that were asked for by name.
type asked struct {
	kube.API
	gets map[string]int
}

func (a *asked) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	a.gets[kind+"/"+name]++
	return a.API.Get(ctx, apiVersion, kind, namespace, name)
}

// A namespace that was just made has nothing of an earlier wish in it, so nobody looks; the second time somebody does.
func TestANewNamespaceIsNotSearched(t *testing.T) {
	api, spec := &asked{API: kubetest.Store(t), gets: map[string]int{}}, tenantSpec()
	spec.Isolation, spec.EgressDeny, spec.AllowNamespaces, spec.AllowRanges = false, false, nil, nil
	for round, times := range []int{0, 1} {
		if _, err := tenant.Ensure(t.Context(), api, spec); err != nil {
			t.Fatal(err)
		}
		if n := api.gets["NetworkPolicy/aerie-default-deny"]; n != times {
			t.Errorf("round %d: the policy that is not wanted was asked for %d times, not %d", round, n, times)
		}
	}
}
