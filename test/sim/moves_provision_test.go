package sim

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// TestATenantGetsADataplaneOfItsOwn moves a tenant from a shared dataplane to one that is made for its customer, and back. Until the switch it
// is served where it was, also over a restart; in the end nothing is left.
func TestATenantGetsADataplaneOfItsOwn(t *testing.T) {
	r := newRig(t)
	r.looks()
	r.perform("create customer acme {}")
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
	r.perform(`create tenantinfra -/eu_pg {"app":"pg","size":"small","pools":[{"name":"data","machine":"s4"}]}`)
	const terms = `"apps":[{"type":"pg","size":"small"}],"move":{"data":"none","hold":"1m"}`
	r.perform(`create plan -/free {"deployment":"resource-shared",` + terms + `}`)
	r.perform(`create plan -/pro {"deployment":"dedicated",` + terms + `,"provision":[{"name":"big","account":"-/main","keepEmpty":"2h","max":1,` +
		`"dataplane":{"region":"us-east"},"tenantinfra":{"pools":[{"name":"data","machine":"m8"}]}}]}`)
	r.perform(`create tenant acme/prod {"plan":"free"}`)
	r.perform(`create application acme/prod/pg {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"pg"}}]}`)
	r.phase(ev.Application, "acme/prod_pg", 30*time.Second, fsm.Deployed)

	dry := r.move(`{"plan":"pro"}`, true)
	if made := fmt.Sprint(dry.Move.Made); !strings.HasPrefix(made, "[a dedicated dataplane in us-east, by template big of plan -/pro a tenant infra for pg of size small on it ") {
		t.Errorf("a dry run says that there is made %s", made)
	}
	r.move(`{"plan":"pro","plan_id":"`+dry.Move.PlanID+`"}`, false)
	made := r.goal()
	r.until(ev.Dataplane, made, 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		return e.Data.(fsm.DataplaneData).Cluster.Cluster != ""
	})
	r.serves("-/eu")
	r.perform("restart")
	r.looks()
	there := r.arrives("-/pro")
	if there.Dataplane != made {
		t.Fatalf("it is at %+v, and %s was made", there, made)
	}
	r.serves(made)
	if n := len(r.objects("acme--prod")); n == 0 {
		t.Error("it has nothing there")
	}
	r.move(`{"plan":"free"}`, false)
	r.arrives("-/free")
	r.serves("-/eu")
	r.phase(ev.Dataplane, made, 10*time.Minute, fsm.Gone)

	r.perform(`delete customer acme {"cascade":true}`)
	r.phase(ev.Customer, "acme", 30*time.Second, "Closed")
	r.perform(`delete dataplane -/eu {"cascade":true}`)
	r.phase(ev.Dataplane, "-/eu", 30*time.Second, fsm.Gone)
	if left := r.left(); left[0] != "0 resources" {
		t.Errorf("there is left %q", left)
	}
}

// looks has moves look into the cloud.
func (r *rig) looks() {
	r.intake.SurveyBy(func(ctx context.Context, of ev.TenantSurvey) (ev.TenantUse, error) {
		return execute.SurveyTenant(ctx, map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}, of)
	})
}

// move asks the tenant to move.
func (r *rig) move(body string, dry bool) ev.Answer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), natstest.Patience)
	defer cancel()
	a, err := r.intake.SubmitRequest(ctx, command.Request{ID: ulid.Make().String(), Owner: "acme", Kind: string(ev.Tenant), Name: "prod", Verb: ev.VerbMove,
		Body: []byte(body), Caller: ev.LocalAdmin(), DryRun: dry})
	if err != nil {
		r.t.Fatalf("move %s: %v", body, err)
	}
	return a
}

// arrives waits until the tenant has moved to a plan, and says where it is.
func (r *rig) arrives(plan string) ev.Placement {
	r.t.Helper()
	e := r.until(ev.Tenant, "acme/prod", 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		d := e.Data.(fsm.TenantData)
		return e.Phase() == fsm.Active && d.Placement.Plan == plan && d.Move == nil
	})
	return *e.Data.(fsm.TenantData).Placement
}

// goal is the dataplane that the tenant is on its way to.
func (r *rig) goal() string {
	r.t.Helper()
	e := r.until(ev.Tenant, "acme/prod", 0, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Data.(fsm.TenantData).Move != nil })
	return e.Data.(fsm.TenantData).Move.To.Dataplane
}

// serves shows that the tenant is on a dataplane, and open in one cluster, which is that one's.
func (r *rig) serves(on string) {
	r.t.Helper()
	ref, _ := ev.ParseRef(ev.Tenant, "acme/prod")
	d := r.entity(ref).Data.(fsm.TenantData)
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil {
		r.t.Fatal(err)
	}
	var open []string
	for _, res := range ledger.Live() {
		for _, o := range ledger.Objects(res.Name) {
			if res.Kind == cloud.KindCluster && o.Kind() == "Namespace" && o.Name() == "acme--prod" && o.Labels()[kube.LabelServing] != "false" {
				open = append(open, res.Name)
			}
		}
	}
	if d.Placement.Dataplane != on || len(open) != 1 || open[0] != d.Cluster {
		r.t.Errorf("it is on %s, in cluster %s, and open in %q; it should be on %s", d.Placement.Dataplane, d.Cluster, open, on)
	}
}
