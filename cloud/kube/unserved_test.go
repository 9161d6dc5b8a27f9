package kube_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// unserving is an API that does not serve the kind Thing.
type unserving struct{ kube.API }

func (u unserving) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	if kind == "Thing" {
		return nil, kube.Unserved(apiVersion, kind)
	}
	return u.API.Get(ctx, apiVersion, kind, namespace, name)
}

func (u unserving) List(ctx context.Context, s kube.Selector) ([]kube.Object, error) {
	if s.Kind == "Thing" {
		return nil, kube.Unserved(s.APIVersion, s.Kind)
	}
	return u.API.List(ctx, s)
}

func (u unserving) As(string, string) (kube.API, error) { return u, nil }

// Of a kind that went there is nothing: that is what is missing, and keeps nobody from removing the rest.
func TestAKindThatWent(t *testing.T) {
	m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "n"))
	app := release.AppSpec{Namespace: "n", Name: "web", Owner: "01WEB", Revision: 7, Objects: []kube.Object{kubetest.Config("", "c", "1"), kubetest.Named("example.com/v1", "Thing", "", "one")}}
	_, err := release.EnsureApplication(t.Context(), m, app)
	kubetest.Must(t, err)
	for _, api := range []kube.API{unserving{m}, kube.CachedList(unserving{m})} {
		found, err := release.ApplicationDrift(t.Context(), api, app)
		if err != nil || len(found) != 1 || !found[0].Gone || !strings.Contains(found[0].Detail, `no matches for kind "Thing" in version "example.com/v1"`) {
			t.Fatal(found, err)
		}
	}
	kubetest.Must(t, release.RemoveApplication(t.Context(), unserving{m}, app))
	left, err := m.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "ConfigMap"})
	if err != nil || len(left) > 0 {
		t.Error("left:", left, err)
	}
}
