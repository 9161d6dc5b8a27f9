package tenant_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// workload is an object with a spec, in the tenant's namespace.
func workload(apiVersion, kind, name string, spec map[string]any) kube.Object {
	return kube.NewObject(apiVersion, kind, "acme--prod", name, spec).Marked("", nil, map[string]string{"note": "ours"})
}

// part is an object that another controls.
func part(o kube.Object, kind, name string) kube.Object {
	o.Metadata()["ownerReferences"] = []any{map[string]any{"apiVersion": "x/v1", "kind": kind, "name": name, "controller": true}}
	return o
}

// running are objects of all kinds that have a scale.
func running() []kube.Object {
	return []kube.Object{
		workload("apps/v1", "Deployment", "web", map[string]any{"replicas": int64(3)}),
		workload("apps/v1", "Deployment", "one", map[string]any{"paused": false}), // says nothing: 1
		workload("apps/v1", "Deployment", "off", map[string]any{"replicas": int64(0)}),
		workload("apps/v1", "StatefulSet", "db", map[string]any{"replicas": int64(2)}),
		part(workload("apps/v1", "ReplicaSet", "web-1", map[string]any{"replicas": int64(3)}), "Deployment", "web"),
		workload("batch/v1", "CronJob", "nightly", map[string]any{"schedule": "@daily"}),
		workload("batch/v1", "CronJob", "stopped", map[string]any{"suspend": true}),
	}
}

// tenantWith is a store with a tenant's namespace and some objects in it.
func tenantWith(t *testing.T, objects ...kube.Object) *memory.Store {
	t.Helper()
	m := kubetest.Store(t)
	ensure(t, m, tenantSpec())
	for _, o := range objects {
		_, err := m.Apply(t.Context(), o)
		kubetest.Must(t, err)
	}
	return m
}

// standing tells of each object how much of it runs, and from where it was stopped.
func standing(t *testing.T, m kube.API) string {
	t.Helper()
	var all []string
	for _, o := range running() {
		there, err := m.Get(t.Context(), o.APIVersion(), o.Kind(), o.Namespace(), o.Name())
		kubetest.Must(t, err)
		field := "replicas"
		if o.Kind() == "CronJob" {
			field = "suspend"
		}
		line := o.Name() + ":"
		if v, given := kube.MapOf(there["spec"])[field]; given {
			line += fmt.Sprint(v)
		}
		if from, stopped := there.Annotations()[kube.AnnotationSuspendedFrom]; stopped {
			line += "<" + from
		}
		all = append(all, line)
	}
	return strings.Join(all, " ")
}

const (
	awake  = "web:3 one: off:0 db:2 web-1:3 nightly: stopped:true"
	asleep = "web:0<3 one:0< off:0 db:0<2 web-1:3 nightly:true< stopped:true"
)

// suspended suspends until nothing runs, as often as it takes.
func suspended(t *testing.T, m kube.API, revision uint64) {
	t.Helper()
	still, err := tenant.Suspend(t.Context(), m, "acme--prod", revision)
	kubetest.Must(t, err)
	if still {
		t.Fatal("something runs in a store")
	}
}

func resumed(t *testing.T, m kube.API, revision uint64) {
	t.Helper()
	ready, err := tenant.Resume(t.Context(), m, "acme--prod", revision)
	kubetest.Must(t, err)
	if !ready {
		t.Fatal("something is not ready in a store")
	}
}

// TestSuspendAndResume stops everything that has a scale, and brings it back as it was.
func TestSuspendAndResume(t *testing.T) {
	m := tenantWith(t, running()...)
	if got := standing(t, m); got != awake {
		t.Fatal(got)
	}
	found, err := tenant.Awake(t.Context(), m, "acme--prod")
	kubetest.Must(t, err)
	if len(found) != 4 || !strings.Contains(kubetest.Told(found), "Deployment acme--prod/web: it runs though the tenant is suspended: spec.replicas is 3") {
		t.Error(kubetest.Told(found))
	}
	for range 2 {
		suspended(t, m, 8)
		if got := standing(t, m); got != asleep {
			t.Fatal(got)
		}
	}
	found, err = tenant.Awake(t.Context(), m, "acme--prod")
	kubetest.Must(t, err)
	if len(found) > 0 {
		t.Error(kubetest.Told(found))
	}
	for range 2 {
		resumed(t, m, 9)
		if got := standing(t, m); got != awake {
			t.Fatal(got)
		}
	}
	for _, o := range running() { // nothing else of it has changed
		there, err := m.Get(t.Context(), o.APIVersion(), o.Kind(), o.Namespace(), o.Name())
		kubetest.Must(t, err)
		if !reflect.DeepEqual(there["spec"], o["spec"]) || there.Annotations()["note"] != "ours" {
			t.Errorf("%s was %v and is %v", o.Key(), o, there)
		}
	}
}

// TestSuspensionDies is killed at each write, before it is done, and goes on.
func TestSuspensionDies(t *testing.T) {
	for left := range 6 {
		m := tenantWith(t, running()...)
		dying := &kubetest.Dying{API: m, Left: left}
		if _, err := tenant.Suspend(t.Context(), dying, "acme--prod", 8); (err != nil) != (left < 4) {
			t.Fatal(left, err)
		}
		suspended(t, m, 8)
		if got := standing(t, m); got != asleep {
			t.Errorf("killed at write %d: %s", left, got)
		}
		dying = &kubetest.Dying{API: m, Left: left}
		if _, err := tenant.Resume(t.Context(), dying, "acme--prod", 9); (err != nil) != (left < 4) {
			t.Fatal(left, err)
		}
		resumed(t, m, 9)
		if got := standing(t, m); got != awake {
			t.Errorf("killed at write %d: %s", left, got)
		}
	}
}

// TestLateSuspensions come after something newer was wanted, and change nothing.
func TestLateSuspensions(t *testing.T) {
	m := tenantWith(t, running()...)
	suspended(t, m, 8)
	resumed(t, m, 9)
	_, err := tenant.Suspend(t.Context(), m, "acme--prod", 8)
	kubetest.Is(t, kube.Conflict, err)
	if got := standing(t, m); got != awake {
		t.Error(got)
	}
	suspended(t, m, 10)
	_, err = tenant.Resume(t.Context(), m, "acme--prod", 9)
	kubetest.Is(t, kube.Conflict, err)
	if got := standing(t, m); got != asleep {
		t.Error(got)
	}
	spec := tenantSpec()
	spec.Revision = 20
	ensure(t, m, spec) // something else is wanted of the namespace, and nothing was stopped or started for it yet
	_, err = tenant.Resume(t.Context(), m, "acme--prod", 19)
	kubetest.Is(t, kube.Conflict, err)
	if got := standing(t, m); got != asleep {
		t.Error(got)
	}
}

// TestWhatCantBeStoppedIsRefused by name, before anything is stopped.
func TestWhatCantBeStoppedIsRefused(t *testing.T) {
	for name, o := range map[string]kube.Object{
		"Postgres main (an operator's)": part(workload("apps/v1", "StatefulSet", "main", map[string]any{"replicas": int64(2)}), "Postgres", "main"),
		"Rollout web (an operator's)":   part(workload("v1", "Pod", "web-1", nil), "Rollout", "web"),
		"DaemonSet agent":               workload("apps/v1", "DaemonSet", "agent", nil),
		"Pod alone":                     workload("v1", "Pod", "alone", nil),
	} {
		m := tenantWith(t, append(running(), o)...)
		_, err := tenant.Suspend(t.Context(), m, "acme--prod", 8)
		kubetest.Is(t, kube.Invalid, err)
		if !strings.Contains(err.Error(), "these can't be stopped, so nothing was: "+name) {
			t.Error(err)
		}
		if got := standing(t, m); got != awake {
			t.Error(got)
		}
	}
	ended := workload("v1", "Pod", "done", nil)
	ended["status"] = map[string]any{"phase": "Succeeded"}
	suspended(t, tenantWith(t, ended, part(workload("v1", "Pod", "job-1", nil), "Job", "job"), part(workload("v1", "Pod", "web-1", nil), "ReplicaSet", "web")), 8)
}

// TestWhatOperatorsStopIsNotRefused if its application's programs have told them, or the plan's: nothing else is stopped until they have.
func TestWhatOperatorsStopIsNotRefused(t *testing.T) {
	database := workload("x/v1", "Postgres", "main", nil).Marked("", map[string]string{kube.LabelApplication: "pg"}, nil)
	made := part(workload("apps/v1", "StatefulSet", "main", map[string]any{"replicas": int64(2)}), "Postgres", "main")
	pod := part(workload("v1", "Pod", "main-0", nil), "StatefulSet", "main")
	for _, row := range []struct {
		apps tenant.Operated
		want bool
	}{{nil, false}, {tenant.Operated{"web"}, false}, {tenant.Operated{"web", "pg"}, true}, {tenant.Operated{""}, true}} {
		m := tenantWith(t, append(running(), database, made, pod)...)
		runs, err := tenant.SuspendOperated(t.Context(), m, "acme--prod", 8, row.apps)
		if !row.want {
			kubetest.Is(t, kube.Invalid, err)
			continue
		}
		kubetest.Is(t, kube.Held, err)
		if got := standing(t, m); runs || got != awake || !strings.HasSuffix(err.Error(), "these run still: Pod main-0") {
			t.Fatalf("%q: while the operator has not stopped: %t, %v, %s", row.apps, runs, err, got)
		}
		beside := tenantWith(t, append(running(), database, made, pod)...)
		runs, err = tenant.SuspendBeside(t.Context(), beside, "acme--prod", 8, row.apps)
		if got := standing(t, beside); err != nil || runs || got != asleep {
			t.Errorf("%q: what nobody tells the operator: %t, %v, %s", row.apps, runs, err, got)
		}
		kubetest.Must(t, m.Delete(t.Context(), "v1", "Pod", "acme--prod", "main-0"))
		runs, err = tenant.SuspendOperated(t.Context(), m, "acme--prod", 8, row.apps)
		if got := standing(t, m); err != nil || runs || got != asleep {
			t.Errorf("%q: once it has: %t, %v, %s", row.apps, runs, err, got)
		}
		there, err := m.Get(t.Context(), "apps/v1", "StatefulSet", "acme--prod", "main")
		if kubetest.Must(t, err); kube.MapOf(there["spec"])["replicas"] != int64(2) {
			t.Errorf("%q: what the operator scales was scaled: %v", row.apps, there["spec"])
		}
	}
}
