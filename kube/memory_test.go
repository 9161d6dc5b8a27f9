package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/kubetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, want kube.Code, err error) {
	t.Helper()
	if kube.CodeOf(err) != want {
		t.Fatalf("code %q, want %q: %v", kube.CodeOf(err), want, err)
	}
}

func memory(t testing.TB, objects ...kube.Object) *kube.Memory {
	t.Helper()
	m, err := kube.NewMemory(objects, nil)
	must(t, err)
	return m
}

func object(apiVersion, kind, namespace, name string) kube.Object {
	m := map[string]any{"name": name}
	if namespace != "" {
		m["namespace"] = namespace
	}
	return kube.Object{"apiVersion": apiVersion, "kind": kind, "metadata": m}
}

func config(namespace, name, value string) kube.Object {
	o := object("v1", "ConfigMap", namespace, name)
	o["data"] = map[string]any{"v": value}
	return o
}

func TestMemory(t *testing.T) {
	ctx, m := t.Context(), memory(t)
	_, err := m.Apply(ctx, config("a", "c", "1"))
	is(t, kube.NotFound, err) // no namespace
	_, err = m.Apply(ctx, object("v1", "Namespace", "", "a"))
	must(t, err)
	for _, want := range []struct {
		value   string
		changed bool
	}{{"1", true}, {"1", false}, {"2", true}} {
		changed, err := m.Apply(ctx, config("a", "c", want.value))
		if err != nil || changed != want.changed {
			t.Fatalf("%v: %v %v", want, changed, err)
		}
	}
	o, err := m.Get(ctx, "v1", "ConfigMap", "a", "c")
	must(t, err)
	o["data"] = nil // the store's own stays
	found, err := m.List(ctx, kube.Selector{APIVersion: "v1", Kind: "ConfigMap"})
	if err != nil || len(found) != 1 || found[0]["data"].(map[string]any)["v"] != "2" {
		t.Fatal(found, err)
	}
	must(t, m.Delete(ctx, "v1", "Namespace", "", "a"))
	must(t, m.Delete(ctx, "v1", "Namespace", "", "a"))
	_, err = m.Get(ctx, "v1", "ConfigMap", "a", "c")
	is(t, kube.NotFound, err)
}

func TestMemoryPreconditions(t *testing.T) {
	ctx, m := t.Context(), memory(t, object("v1", "Namespace", "", "a"))
	_, err := m.Apply(ctx, config("a", "c", "1"))
	must(t, err)
	first, err := m.Get(ctx, "v1", "ConfigMap", "a", "c")
	must(t, err)
	first["data"] = map[string]any{"v": "2"}
	_, err = m.Apply(ctx, first)
	must(t, err)
	_, err = m.Apply(ctx, first)
	is(t, kube.Conflict, err)
}

func TestMemoryRefuses(t *testing.T) {
	m := memory(t, object("v1", "Namespace", "", "a"))
	wrong := config("a", "c", "1")
	wrong["metadata"].(map[string]any)["labels"] = map[string]any{"a": 1}
	odd := config("a", "c", "1")
	odd["data"] = map[string]any{"f": func() {}}
	for _, o := range []kube.Object{
		nil, wrong, odd, object("v1", "ConfigMap", "a", "C_"), object("v1", "ConfigMap", "", "c"), object("v1", "Namespace", "a", "b"),
		object("v1", "Service", "a", "a.b"), object("", "ConfigMap", "a", "c"), object("v1", "ConfigMap", "a", strings.Repeat("a", 254)),
		object("rbac.authorization.k8s.io/v1", "Role", "a", "x/y"),
	} {
		_, err := m.Apply(t.Context(), o)
		is(t, kube.Invalid, err)
	}
	_, err := m.Apply(t.Context(), object("rbac.authorization.k8s.io/v1", "Role", "a", "system:x"))
	must(t, err)
	_, err = m.List(t.Context(), kube.Selector{Kind: "ConfigMap"})
	is(t, kube.Invalid, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Apply(ctx, config("a", "c", "1"))
	is(t, kube.Unavailable, err)
}

func TestMemoryRecords(t *testing.T) {
	var puts, dels []string
	var full error
	m, err := kube.NewMemory(nil, func(put kube.Object, del kube.Key) error {
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
	must(t, err)
	_, err = m.Apply(t.Context(), object("v1", "Namespace", "", "a"))
	must(t, err)
	_, err = m.Apply(t.Context(), config("a", "c", "1"))
	must(t, err)
	full = errors.New("disk full")
	_, err = m.Apply(t.Context(), config("a", "d", "1"))
	is(t, kube.Unavailable, err)
	_, err = m.Get(t.Context(), "v1", "ConfigMap", "a", "d")
	is(t, kube.NotFound, err)
	full = nil
	must(t, m.Delete(t.Context(), "v1", "Namespace", "", "a"))
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
		_, _, _, _ = o.Labels(), o.Annotations(), o.Key().String(), kube.CheckObjects([]kube.Object{o}, kube.AsTenant)
		m := memory(t, object("v1", "Namespace", "", "a"))
		if changed, err := m.Apply(t.Context(), o); err != nil || !changed {
			return
		}
		back, err := m.Get(t.Context(), o.APIVersion(), o.Kind(), o.Namespace(), o.Name())
		must(t, err)
		if changed, err := m.Apply(t.Context(), back); err != nil || changed {
			t.Fatal("what was read differs from what was stored:", err)
		}
	})
}

func TestMemoryConforms(t *testing.T) { kubetest.Conform(t, memory(t), "conform") }
