package kube_test

import (
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// A program of a move runs to its end beside a namespace that is closed and whose quota is used up, on a real API server, and all
// that was made for it goes.
func TestProgramsBesideAClosedNamespace(t *testing.T) {
	t.Parallel()
	spec := tenantOf("programs", "one")
	spec.Stay, spec.Quota.Pods = "01HSTAY", 1
	spec.Quota.CPU, spec.DefaultCPU = "100m", ""
	spec.Quota.Memory, spec.DefaultMemory = "64Mi", ""
	ensureTenant(t, spec)
	spec.Asleep = true // its quota lets no pod begin
	spec.Closed = true
	spec.Revision++
	lets := tenant.Programs{Egress: []string{"198.51.100.0/24", "192.0.2.7/32"}, Ingress: []string{"203.0.113.0/24"}, Secrets: []string{"db"}}
	secret := kubetest.Object("v1", "Secret", spec.Namespace, "db", map[string]any{"data": map[string]any{"key": "dmFsdWU="}})
	if _, err := admin.Apply(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	for range 2 { // whoever is asked again changes nothing
		for _, do := range []func() error{
			func() error { return tenant.Close(t.Context(), admin, spec) },
			func() error { return tenant.Allow(t.Context(), admin, spec, lets) },
			func() error { return tenant.StandBy(t.Context(), admin, spec) },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
	at := tenant.ProgramsNamespace(spec.Namespace)
	program := job.Spec{Namespace: at, Name: "move-copy-1", Owner: spec.Owner, Try: "1", Image: "example.test/copy:1", Secrets: []string{"db"},
		Deadline: time.Minute, Attempts: 1}
	kubetest.Eventually(t, "it is done", func() bool {
		done, err := job.Run(t.Context(), admin, program)
		if err != nil {
			t.Fatal(err)
		}
		return done
	})
	spec.Revision++
	if err := tenant.StopPrograms(t.Context(), admin, spec); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "nothing of it runs", func() bool { return !there(t, admin, "v1", "Namespace", "", at) })
	spec.Asleep, spec.Closed = false, false
	spec.Revision++
	if open, err := tenant.Open(t.Context(), admin, spec); err != nil || !open {
		t.Fatal(open, err)
	}
	if err := tenant.EndMove(t.Context(), admin, spec); err != nil {
		t.Fatal(err)
	}
	if there(t, admin, kube.NetworkingAPI, "NetworkPolicy", spec.Namespace, "aerie-move-ingress") {
		t.Error("what lets it in is left")
	}
	if found, err := tenant.Drift(t.Context(), admin, spec); err != nil || len(found) > 0 {
		t.Error("it is not as it was:", found, err)
	}
}
