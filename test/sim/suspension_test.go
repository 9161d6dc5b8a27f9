package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Who has something that an operator runs is refused by name and stays awake, until its application names programs that have the operator
// stop it and run it again. Nothing is left of them.
func TestOperatorsStopByPrograms(t *testing.T) {
	r := newRig(t)
	inhabited(r, "")
	d := r.entity(fromProd).Data.(fsm.TenantData)
	api := r.kube(r.entity(fromPg).Data.(fsm.TenantInfraData))
	made := kube.NewObject("apps/v1", "StatefulSet", d.Placement.Namespace, "db", map[string]any{"replicas": int64(1)})
	made.Metadata()["ownerReferences"] = []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "controller": true}}
	pod := kube.NewObject("v1", "Pod", d.Placement.Namespace, "db-0", map[string]any{})
	pod.Metadata()["ownerReferences"] = []any{map[string]any{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": true}}
	for _, o := range []kube.Object{made, pod} {
		if _, err := api.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	suspends := func() {
		t.Helper()
		if _, err := r.ask(ev.Tenant, "acme/prod", ev.VerbSuspend, ""); err != nil {
			t.Fatal(err)
		}
	}
	suspends()
	awake := r.until(ev.Tenant, "acme/prod", time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		return e.Phase() == fsm.Active && e.Failure != nil
	})
	if why := awake.Failure.Message; !strings.Contains(why, "ConfigMap settings (an operator's)") {
		t.Errorf("it can't be suspended: %s", why)
	}
	if _, err := r.ask(ev.Application, "acme/prod_pg", ev.VerbUpdate, `{"spec":{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"k":"v"}}],`+
		`"suspension":{"suspend":{"image":"power:1"},"resume":{"image":"power:2"}}}}`); err != nil {
		t.Fatal(err)
	}
	r.phase(ev.Application, "acme/prod_pg", time.Minute, fsm.Deployed)
	suspends()
	r.until(ev.Tenant, "acme/prod", time.Minute, func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
		if e.Phase() == fsm.Suspended {
			t.Fatal("it is Suspended, and what an operator runs for it runs on")
		}
		return e.Phase() == fsm.Suspending && why != nil && strings.Contains(why.Message, "Pod db-0")
	})
	programs, err := api.List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job"})
	if err != nil || len(programs) != 1 || kube.MapOf(programs[0]["status"])["succeeded"] == nil {
		t.Fatalf("the operator's pod is waited for, and the programs are %v, %v", programs, err)
	}
	if err := api.Delete(t.Context(), "v1", "Pod", d.Placement.Namespace, "db-0"); err != nil { // as the operator does, who was told to
		t.Fatal(err)
	}
	r.phase(ev.Tenant, "acme/prod", time.Minute, fsm.Suspended)
	if _, err := r.ask(ev.Tenant, "acme/prod", ev.VerbResume, ""); err != nil {
		t.Fatal(err)
	}
	r.phase(ev.Tenant, "acme/prod", time.Minute, fsm.Active)
	if ran := fmt.Sprint(r.programs()); ran != "[move-suspend of power:1 move-resume of power:2]" {
		t.Error("the programs were", ran)
	}
	for _, want := range []string{"suspended", "resumed"} {
		if h := r.history(fromProd); !slices.ContainsFunc(h, func(l string) bool { return strings.HasPrefix(l, want) }) {
			t.Errorf("nothing says %s: %v", want, h)
		}
	}
	left, err := api.List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job"})
	if err != nil || len(left) > 0 {
		t.Errorf("there are %v, %v", left, err)
	}
	if there, err := kube.Find(t.Context(), api, kube.NamespaceKey(d.Placement.Namespace+"--move")); err != nil || there != nil {
		t.Errorf("there is %v, %v", there, err)
	}
}

// programs are the Jobs that clusters were ever given, in their order: what for, and of which image.
func (r *rig) programs() (all []string) {
	r.t.Helper()
	ledger, err := os.ReadFile(filepath.Join(r.dir, "cloud", "ledger.jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	for written := range bytes.Lines(ledger) {
		var line struct {
			Object kube.Object `json:"object"`
		}
		if err := json.Unmarshal(written, &line); err != nil {
			r.t.Fatal(err)
		}
		if line.Object.Kind() != "Job" {
			continue
		}
		pod := kube.MapOf(kube.MapOf(kube.MapOf(line.Object["spec"])["template"])["spec"])
		image := kube.MapOf(pod["containers"].([]any)[0])["image"]
		name := line.Object.Name()
		if said := fmt.Sprintf("%s of %s", name[:strings.LastIndex(name, "-")], image); !slices.Contains(all, said) {
			all = append(all, said)
		}
	}
	return all
}
