package sim

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// What somebody deletes of an application whose tenant is about to change clusters is made again where the tenant serves, also over a restart
// in the middle; it is not closed meanwhile. When it has gone, what is deleted there is made again there.
func TestAnApplicationIsRepairedOnTheWay(t *testing.T) {
	r := newRig(t)
	r.looks()
	r.perform("create customer acme {}")
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	for name, region := range map[string]string{"eu": "eu-central", "us": "us-east"} {
		r.perform(`create dataplane -/` + name + ` {"account":"main","region":"` + region + `"}`)
		r.perform(`create tenantinfra -/` + name + `_pg {"app":"pg","size":"small","pools":[{"name":"data","machine":"s4"}]}`)
	}
	r.perform(`create plan -/free {"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}],"move":{"data":"none","hold":"1h","confirm":true}}`)
	r.perform(`create tenant acme/prod {"plan":"free","region":"eu-central"}`)
	r.perform(`create application acme/prod/pg {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"pg"}}]}`)
	r.phase(ev.Application, "acme/prod_pg", 30*time.Second, fsm.Deployed)
	r.phase(ev.TenantInfra, "-/us_pg", 30*time.Second, fsm.Active)
	r.move(`{"dataplane":"-/us"}`, false)
	at := func(step string) {
		t.Helper()
		r.until(ev.Tenant, "acme/prod", 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
			m := e.Data.(fsm.TenantData).Move
			return m != nil && m.Step == step
		})
	}
	at(ev.StepConfirm)

	app, _ := ev.ParseRef(ev.Application, "acme/prod_pg")
	stays := r.entity(app)
	// The copy is deleted too: it is of the tenant's name in both clusters, and made again when the application has followed.
	mine := sim.ManualChange{Delete: "object", Match: "ConfigMap acme--prod/pg"}
	r.perform(`fault {"op":"Apply","match":"ConfigMap acme--prod/pg","times":-1}`)
	r.hand(t, mine)
	r.inspector().Inspect(t.Context())
	r.until(ev.Application, app.Path(), 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Attempt != nil })
	if _, err := r.ask(ev.Tenant, "acme/prod", ev.VerbConfirm, ""); err == nil || !strings.Contains(err.Error(), "confirm it then") {
		t.Fatalf("it may be closed while its application is repaired: %v", err)
	}
	r.serves("-/eu")
	r.perform("restart") // which ends the cloud's faults
	r.until(ev.Application, app.Path(), 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		d := e.Data.(fsm.ApplicationData)
		return e.Phase() == fsm.Copied && !d.Repairing && e.Failure == nil && d.Cluster == stays.Data.(fsm.ApplicationData).Cluster
	})
	r.serves("-/eu")
	if _, err := r.ask(ev.Tenant, "acme/prod", ev.VerbConfirm, ""); err != nil {
		t.Fatal(err)
	}
	r.arrives("-/free")
	r.serves("-/us")
	r.phase(ev.Application, app.Path(), 30*time.Second, fsm.Deployed)
	r.inspector().Inspect(t.Context())
	moved := r.phase(ev.Application, app.Path(), 30*time.Second, fsm.Deployed)
	if d := moved.Data.(fsm.ApplicationData); d.Site.Dataplane != "-/us" {
		t.Errorf("it has not followed: %+v", d)
	}
	if n := strings.Count(strings.Join(r.history(app), "\n"), "repair_started"); n != 2 {
		t.Errorf("it was repaired %d times, want once on each side: %v", n, r.history(app))
	}
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil {
		t.Fatal(err)
	}
	there := false
	for _, res := range ledger.Live() {
		for _, o := range ledger.Objects(res.Name) {
			there = there || res.Kind == cloud.KindCluster && res.Name == moved.Data.(fsm.ApplicationData).Cluster && o.Key().String() == "ConfigMap acme--prod/pg"
		}
	}
	if !there {
		t.Errorf("what was deleted where it has gone is not there: %v", r.history(app))
	}
}
