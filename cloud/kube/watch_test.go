package kube_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Who has changed an object is who wrote to it last since aerie did, and no controller that keeps its status.
func TestChangedBy(t *testing.T) {
	entry := func(manager, at string) map[string]any { return map[string]any{"manager": manager, "time": at} }
	status := map[string]any{"manager": "kubelet", "time": "2026-11-29T12:00:00Z", "subresource": "status"}
	for _, row := range []struct {
		name    string
		entries []any
		want    string
	}{
		{"nobody keeps books", nil, ""},
		{"aerie alone", []any{entry("aerie", "2026-11-29T10:00:00Z"), status}, ""},
		{"somebody else since", []any{entry("aerie", "2026-11-29T10:00:00Z"), entry("argocd", "2026-11-29T11:00:00Z"), status}, "argocd"},
		{"in another order", []any{entry("argocd", "2026-11-29T11:00:00Z"), entry("aerie", "2026-11-29T10:00:00Z")}, "argocd"},
		{"the last of two", []any{entry("kubectl-edit", "2026-11-29T11:30:00Z"), entry("argocd", "2026-11-29T11:00:00Z"), entry("aerie", "2026-11-29T10:00:00Z")}, "kubectl-edit"},
		{"somebody else, before", []any{entry("argocd", "2026-11-29T09:00:00Z"), entry("aerie", "2026-11-29T10:00:00Z")}, ""},
		{"within the same second", []any{entry("argocd", "2026-11-29T10:00:00Z"), entry("aerie", "2026-11-29T10:00:00Z")}, "argocd"},
	} {
		o := kube.Object{"metadata": map[string]any{"name": "c", "managedFields": row.entries}}
		if got := o.ChangedBy(); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
