package kube_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// crowded is an API in which somebody writes to each object, a number of times, right before it is written under the
// version that was read.
type crowded struct {
	kube.API
	times int
	by    map[string]string // the annotations that are written
	seen  map[kube.Key]int
}

func (c *crowded) Apply(ctx context.Context, o kube.Object) (bool, error) {
	k := o.Key()
	if there, err := c.Get(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name); err == nil && c.seen[k] < c.times {
		c.seen[k]++
		notes := map[string]any{"seen": fmt.Sprint(c.seen[k])}
		for name, value := range c.by {
			notes[name] = value
		}
		m := there["metadata"].(map[string]any)
		delete(m, "resourceVersion")
		m["annotations"] = notes
		if _, err := c.API.Apply(ctx, there); err != nil {
			return false, err
		}
	}
	return c.API.Apply(ctx, o)
}

func (c *crowded) As(string, string) (kube.API, error) { return c, nil }

// A controller that writes between our reading and our writing is nobody's conflict, whatever it is that we write; a newer
// wish that comes there is one, and stays.
func TestWhoComesInBetween(t *testing.T) {
	spec := tenant.Spec{Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: "01HA", Plan: "small", Revision: 7,
		Quota: tenant.Quota{CPU: "2", Memory: "4Gi", Storage: "10Gi", Pods: 20}, DefaultCPU: "100m", DefaultMemory: "128Mi",
		Isolation: true, EgressDeny: true, AllowNamespaces: []string{"monitoring", "ingress"}}
	app := release.AppSpec{Namespace: "acme--prod", Name: "web", Owner: "01WEB", Revision: 7, Objects: []kube.Object{kubetest.Config("", "c", "1")}}
	addon := release.AddonSpec{Namespace: "logs", Dataplane: "one", Addon: "logs", Owner: "01LOGS", Revision: 7}
	for what, ensure := range map[string]func(kube.API) error{
		"tenant":      func(m kube.API) error { _, err := tenant.Ensure(t.Context(), m, spec); return err },
		"application": func(m kube.API) error { _, err := release.EnsureApplication(t.Context(), m, app); return err },
		"addon":       func(m kube.API) error { return release.EnsureAddon(t.Context(), m, addon) },
	} {
		t.Run(what, func(t *testing.T) {
			m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "acme--prod"))
			if what == "tenant" {
				m = kubetest.Store(t)
			}
			kubetest.Must(t, ensure(m))
			kubetest.Must(t, ensure(&crowded{API: m, times: 3, seen: map[kube.Key]int{}}))
			kubetest.Is(t, kube.Conflict, ensure(&crowded{API: m, times: 1, by: map[string]string{kube.AnnotationRevision: "8"}, seen: map[kube.Key]int{}}))
			kubetest.Is(t, kube.Conflict, ensure(m))
		})
	}
}
