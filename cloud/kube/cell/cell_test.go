package cell_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// A cell is bounded as its spec says, and by a later one no more; a call that comes late changes nothing.
func TestCellIsBounded(t *testing.T) {
	m := kubetest.Store(t)
	spec := cell.Spec{Namespace: "cell---pg-c1", Label: "pg_c1", Owner: "U1", Revision: 3}
	bounded := spec
	bounded.Quota, bounded.DefaultCPU, bounded.DefaultMemory = policy.Quota{CPU: "20", Pods: 50}, "500m", "512Mi"
	there := func() (hard, defaults map[string]any) {
		quota, err := kube.Find(t.Context(), m, policy.BoundKeys(spec.Namespace)[0])
		kubetest.Must(t, err)
		limits, err := kube.Find(t.Context(), m, policy.BoundKeys(spec.Namespace)[1])
		kubetest.Must(t, err)
		for _, l := range kube.MapsOf(kube.MapOf(limits["spec"])["limits"]) {
			defaults = kube.MapOf(l["defaultRequest"])
		}
		return kube.MapOf(kube.MapOf(quota["spec"])["hard"]), defaults
	}
	ensure := func(s cell.Spec, revision uint64) error {
		s.Revision = revision
		return cell.Ensure(t.Context(), m, s)
	}
	kubetest.Must(t, ensure(bounded, 3))
	if hard, defaults := there(); len(hard) != 3 || hard["requests.cpu"] != "20" || hard["limits.cpu"] != "20" || hard["pods"] != "50" || defaults["cpu"] != "500m" || defaults["memory"] != "512Mi" {
		t.Fatal(hard, defaults)
	}
	kubetest.Is(t, kube.Conflict, ensure(spec, 2))
	if hard, _ := there(); hard == nil {
		t.Fatal("a late call has unbound it")
	}
	kubetest.Edit(t, m, "v1", "ResourceQuota", spec.Namespace, policy.QuotaName, func(o kube.Object) { o["spec"] = map[string]any{"hard": map[string]any{"pods": "999"}} })
	found, err := cell.Drift(t.Context(), m, bounded)
	if err != nil || kubetest.Told(found) != "ResourceQuota cell---pg-c1/aerie-quota: spec.hard.limits.cpu differs" {
		t.Fatal(kubetest.Told(found), err)
	}
	kubetest.Must(t, ensure(spec, 4))
	if hard, defaults := there(); hard != nil || defaults != nil {
		t.Fatal("it is bounded by", hard, defaults)
	}
	kubetest.Is(t, kube.Conflict, ensure(bounded, 3))
	if hard, _ := there(); hard != nil {
		t.Fatal("a late call has bound it by", hard)
	}
	theirs := kubetest.Object("v1", "ResourceQuota", spec.Namespace, policy.QuotaName, map[string]any{"spec": map[string]any{"hard": map[string]any{"pods": "1"}}})
	_, err = m.Apply(t.Context(), theirs)
	kubetest.Must(t, err)
	kubetest.Must(t, ensure(spec, 5))
	if hard, _ := there(); hard == nil {
		t.Fatal("what somebody else has made is gone")
	}
}
