package kubetest

import (
	"context"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Is ends the test on an error of another code; an empty one wants none.
func Is(t testing.TB, want kube.Code, err error) {
	t.Helper()
	if kube.CodeOf(err) != want {
		t.Fatalf("code %q, want %q: %v", kube.CodeOf(err), want, err)
	}
}

// Store is a cluster that only stores, with some objects.
func Store(t testing.TB, objects ...kube.Object) *memory.Store {
	t.Helper()
	m, err := memory.New(objects, nil)
	Must(t, err)
	return m
}

// Named is an object that says no more than its name.
func Named(apiVersion, kind, namespace, name string) kube.Object {
	return Object(apiVersion, kind, namespace, name, nil)
}

// Config is a ConfigMap with one value.
func Config(namespace, name, value string) kube.Object {
	return Object("v1", "ConfigMap", namespace, name, map[string]any{"data": map[string]any{"v": value}})
}

// Edit changes an object behind its owner's back.
func Edit(t testing.TB, m kube.API, apiVersion, kind, namespace, name string, by func(kube.Object)) {
	t.Helper()
	o, err := m.Get(t.Context(), apiVersion, kind, namespace, name)
	Must(t, err)
	by(o)
	_, err = m.Apply(t.Context(), o)
	Must(t, err)
}

// Told says differences as "gone KIND NAME" or "KIND NAME: detail".
func Told(found []kube.Difference) string {
	var all []string
	for _, d := range found {
		if d.Gone {
			all = append(all, "gone "+d.Object.String())
		} else {
			all = append(all, d.Object.String()+": "+d.Detail)
		}
	}
	return strings.Join(all, "; ")
}

// Dying is an API whose user dies after some writes: from then on each fails.
type Dying struct {
	kube.API
	Left int // how many writes it lives to do
}

func (d *Dying) spend() error {
	if d.Left--; d.Left < 0 {
		return &kube.Error{Code: kube.Unavailable, Op: "test"}
	}
	return nil
}

// Apply implements kube.API.
func (d *Dying) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if err := d.spend(); err != nil {
		return false, err
	}
	return d.API.Apply(ctx, o)
}

// Delete implements kube.API.
func (d *Dying) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.API.Delete(ctx, apiVersion, kind, namespace, name)
}

// DeleteUnchanged implements kube.API.
func (d *Dying) DeleteUnchanged(ctx context.Context, read kube.Object) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.API.DeleteUnchanged(ctx, read)
}

// As implements kube.API.
func (d *Dying) As(string, string) (kube.API, error) { return d, nil }
