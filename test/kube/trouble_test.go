package kube_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

func TestTroubleIsNamed(t *testing.T) {
	for _, row := range []struct {
		name   string
		values map[string]any
		want   kube.Code
		text   string
	}{
		{"image", map[string]any{"pod": "image-error"}, kube.Unready, "container c: ImagePullBackOff (image example.test/app:1)"},
		{"crash", map[string]any{"pod": "crash"}, kube.Unready, "container c: CrashLoopBackOff"},
		{"priority", map[string]any{"class": "system-cluster-critical"}, kube.Full, "exceeded quota: aerie-priority"},
		{"quota", map[string]any{"replicas": 12}, kube.Full, "exceeded quota: aerie-quota"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newShop(t, "trouble-"+row.name)
			s.must(s.request(helm.Ensure, "1.0.0", row.values), "install", "")
			if err := s.ready(); kube.CodeOf(err) != row.want || !strings.Contains(err.Error(), row.text) {
				t.Fatalf("code %q, want %q: %v", kube.CodeOf(err), row.want, err)
			}
		})
	}
}

// The pods of a release get the priority of the tenant's plan, and are let in with it.
func TestReleaseHasThePlansPriority(t *testing.T) {
	t.Parallel()
	spec := tenantOf("important", "one")
	spec.Priority = 700
	ensureTenant(t, spec)
	s := shop{t, spec.Namespace}
	q := s.request(helm.Ensure, "1.0.0", nil)
	var err error
	if q.Pods, err = tenant.PodDefaults(t.Context(), admin, spec.Namespace); err != nil {
		t.Fatal(err)
	}
	s.must(q, "install", "")
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	pods, err := admin.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: spec.Namespace, Labels: map[string]string{"app": "web"}})
	if err != nil || len(pods) != 1 || fmt.Sprint(pods[0]["spec"].(map[string]any)["priority"]) != "700" {
		t.Error(pods, err)
	}
}

// A priority class that somebody has taken our label from gets it back, and is no other's.
func TestAClassGetsItsLabelBack(t *testing.T) {
	t.Parallel()
	spec := tenantOf("labelled", "one")
	spec.Priority = 701
	ensureTenant(t, spec)
	class := func() kube.Object {
		o, err := admin.Get(t.Context(), "scheduling.k8s.io/v1", "PriorityClass", "", tenant.PriorityClass(spec.Priority))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	was := class()
	apply(t, admin, kubetest.Object("scheduling.k8s.io/v1", "PriorityClass", "", was.Name(), map[string]any{"value": was["value"], "description": was["description"]}))
	if got := class().Labels(); len(got) > 0 {
		t.Fatal(got)
	}
	if _, err := tenant.Ensure(t.Context(), admin, spec); err != nil || class().Labels()[kube.LabelManagedBy] != was.Labels()[kube.LabelManagedBy] {
		t.Error(class(), err)
	}
}

// A hook that fails is the release's failure, with Helm's words, and what comes after is installed from its beginning.
func TestFailedHook(t *testing.T) {
	s := newShop(t, "hook")
	_, err := s.run(s.request(helm.Ensure, "1.0.0", map[string]any{"hook": "fail"}))
	if kube.CodeOf(err) != kube.Broken || !strings.Contains(err.Error(), "pre-install") {
		t.Fatal(err)
	}
	s.must(s.request(helm.Ensure, "1.0.0", nil), "install", "")
}

// A chart whose hooks hang keeps none of another customer's from being installed.
func TestHangingChartsDelayNobody(t *testing.T) {
	hangs, fine := newShopIn(t, "hangs"), newShopIn(t, "fine")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, name := range []string{"one", "two", "three"} {
		q := hangs.request(helm.Ensure, "1.0.0", map[string]any{"hook": "hold"})
		q.Release = name
		go func() { _, _ = releases.Run(ctx, "hangs", q) }()
	}
	hanging := []string{"pending-install", "pending-install", "pending-install"}
	kubetest.Eventually(t, "all three hang", func() bool { return slices.Equal(hangs.states(), hanging) })
	s := shop{t, fine.namespace}
	kubetest.Eventually(t, "there is room for another", func() bool {
		r, err := releases.Run(t.Context(), "fine", s.request(helm.Ensure, "1.0.0", nil))
		if err != nil && err != helm.ErrBusy {
			t.Fatal(err)
		}
		return r.Did == "install"
	})
	if got := hangs.states(); !slices.Equal(got, hanging) {
		t.Fatal("they hang no more:", got)
	}
}

func newShopIn(t *testing.T, name string) shop {
	ensureTenant(t, tenantOf(name, "one"))
	return shop{t, name + "--one"}
}
