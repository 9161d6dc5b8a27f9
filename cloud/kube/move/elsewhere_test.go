package move_test

import (
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// What would stay behind is named: volumes, and what neither aerie made, nor Kubernetes, nor anything that is there.
func TestWhatStaysBehind(t *testing.T) {
	const in = "acme--prod"
	m := kubetest.Store(t)
	_, err := tenant.Ensure(t.Context(), m, tenant.Spec{Namespace: in, Customer: "acme", Tenant: "prod", Owner: "u1", Isolation: true, Revision: 1})
	kubetest.Must(t, err)
	child := kubetest.Named("v1", "Pod", in, "web-1")
	child.Metadata()["ownerReferences"] = []any{map[string]any{"kind": "ReplicaSet", "name": "web"}}
	ours := kubetest.Named("apps/v1", "Deployment", in, "web").Marked("", map[string]string{kube.LabelApplication: "pg"}, nil)
	claim := kubetest.Object("v1", "PersistentVolumeClaim", in, "data", map[string]any{"spec": map[string]any{"volumeName": "v1"}})
	db := kubetest.Object("apps/v1", "StatefulSet", in, "pg", map[string]any{"spec": map[string]any{"volumeClaimTemplates": []any{map[string]any{"metadata": map[string]any{"name": "data"}}}}}).
		Marked("", map[string]string{kube.LabelApplication: "pg"}, nil)
	for _, o := range []kube.Object{child, ours, claim, db, kubetest.Named("v1", "ConfigMap", in, "kube-root-ca.crt"), kubetest.Named("v1", "ServiceAccount", in, "default"),
		kubetest.Named("v1", "Secret", in, "mine"), kubetest.Named("v1", "Secret", in, "db").Marked("", map[string]string{kube.LabelFollow: "true"}, nil)} {
		_, err := m.Apply(t.Context(), o)
		kubetest.Must(t, err)
	}
	s, err := move.Elsewhere(t.Context(), m, in)
	if got := fmt.Sprint(s.Volumes, s.Foreign, s.Follow); err != nil || got != "[StatefulSet pg with its volumes claim data of volume v1] [Secret mine] [Secret db]" {
		t.Errorf("%s: %v", got, err)
	}
}
