package memory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

func TestMemory(t *testing.T) {
	ctx, m := t.Context(), kubetest.Store(t)
	_, err := m.Apply(ctx, kubetest.Config("a", "c", "1"))
	kubetest.Is(t, kube.NotFound, err) // no namespace
	_, err = m.Apply(ctx, kubetest.Named("v1", "Namespace", "", "a"))
	kubetest.Must(t, err)
	for _, want := range []struct {
		value   string
		changed bool
	}{{"1", true}, {"1", false}, {"2", true}} {
		changed, err := m.Apply(ctx, kubetest.Config("a", "c", want.value))
		if err != nil || changed != want.changed {
			t.Fatalf("%v: %v %v", want, changed, err)
		}
	}
	o, err := m.Get(ctx, "v1", "ConfigMap", "a", "c")
	kubetest.Must(t, err)
	o["data"] = nil // the store's own stays
	found, err := m.List(ctx, kube.Selector{APIVersion: "v1", Kind: "ConfigMap"})
	if err != nil || len(found) != 1 || found[0]["data"].(map[string]any)["v"] != "2" {
		t.Fatal(found, err)
	}
	kubetest.Must(t, m.Delete(ctx, "v1", "Namespace", "", "a"))
	kubetest.Must(t, m.Delete(ctx, "v1", "Namespace", "", "a"))
	_, err = m.Get(ctx, "v1", "ConfigMap", "a", "c")
	kubetest.Is(t, kube.NotFound, err)
}

func TestMemoryPreconditions(t *testing.T) {
	ctx, m := t.Context(), kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"))
	_, err := m.Apply(ctx, kubetest.Config("a", "c", "1"))
	kubetest.Must(t, err)
	first, err := m.Get(ctx, "v1", "ConfigMap", "a", "c")
	kubetest.Must(t, err)
	first["data"] = map[string]any{"v": "2"}
	_, err = m.Apply(ctx, first)
	kubetest.Must(t, err)
	_, err = m.Apply(ctx, first)
	kubetest.Is(t, kube.Conflict, err)
}

func TestMemoryRefuses(t *testing.T) {
	m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"))
	wrong := kubetest.Config("a", "c", "1")
	wrong["metadata"].(map[string]any)["labels"] = map[string]any{"a": 1}
	odd := kubetest.Config("a", "c", "1")
	odd["data"] = map[string]any{"f": func() {}}
	for _, o := range []kube.Object{
		nil, wrong, odd, kubetest.Named("v1", "ConfigMap", "a", "C_"), kubetest.Named("v1", "ConfigMap", "", "c"), kubetest.Named("v1", "Namespace", "a", "b"),
		kubetest.Named("v1", "Service", "a", "a.b"), kubetest.Named("", "ConfigMap", "a", "c"), kubetest.Named("v1", "ConfigMap", "a", strings.Repeat("a", 254)),
		kubetest.Named("rbac.authorization.k8s.io/v1", "Role", "a", "x/y"),
	} {
		_, err := m.Apply(t.Context(), o)
		kubetest.Is(t, kube.Invalid, err)
	}
	_, err := m.Apply(t.Context(), kubetest.Named("rbac.authorization.k8s.io/v1", "Role", "a", "system:x"))
	kubetest.Must(t, err)
	_, err = m.List(t.Context(), kube.Selector{Kind: "ConfigMap"})
	kubetest.Is(t, kube.Invalid, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Apply(ctx, kubetest.Config("a", "c", "1"))
	kubetest.Is(t, kube.Unavailable, err)
}

func TestMemoryRecords(t *testing.T) {
	var puts, dels []string
	var full error
	m, err := memory.New(nil, func(put kube.Object, del kube.Key) error {
		if full != nil {
			return full
		}
		if put != nil {
			puts = append(puts, put.Key().String())
		} else {
			dels = append(dels, del.String())
		}
		return nil
	})
	kubetest.Must(t, err)
	_, err = m.Apply(t.Context(), kubetest.Named("v1", "Namespace", "", "a"))
	kubetest.Must(t, err)
	_, err = m.Apply(t.Context(), kubetest.Config("a", "c", "1"))
	kubetest.Must(t, err)
	full = errors.New("disk full")
	_, err = m.Apply(t.Context(), kubetest.Config("a", "d", "1"))
	kubetest.Is(t, kube.Unavailable, err)
	_, err = m.Get(t.Context(), "v1", "ConfigMap", "a", "d")
	kubetest.Is(t, kube.NotFound, err)
	full = nil
	kubetest.Must(t, m.Delete(t.Context(), "v1", "Namespace", "", "a"))
	if len(puts) != 2 || strings.Join(dels, ", ") != "ConfigMap a/c, Namespace a" {
		t.Fatal(puts, dels)
	}
}

// FuzzObject: an object of any shape is read without a panic, and what is stored comes back the same.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"metadata":[1,2],"kind":7}`))
	f.Add([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"a","labels":{"x":1},"annotations":"no"}}`))
	f.Add([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"a","labels":{"x":"y"}},"data":{"n":1e30,"i":12345678901234567890}}`))
	f.Add([]byte(`{"status":{"phase":{}},"metadata":{"deletionTimestamp":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := kube.Decode(data)
		if err != nil {
			return
		}
		o.Clone()
		o.Terminating()
		_, _, _, _ = o.Labels(), o.Annotations(), o.Key().String(), policy.CheckObjects([]kube.Object{o}, policy.AsTenant)
		m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"))
		if changed, err := m.Apply(t.Context(), o); err != nil || !changed {
			return
		}
		back, err := m.Get(t.Context(), o.APIVersion(), o.Kind(), o.Namespace(), o.Name())
		kubetest.Must(t, err)
		if changed, err := m.Apply(t.Context(), back); err != nil || changed {
			t.Fatal("what was read differs from what was stored:", err)
		}
	})
}

func TestMemoryConforms(t *testing.T) { kubetest.Conform(t, kubetest.Store(t), "conform") }
