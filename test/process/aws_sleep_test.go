package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

const sleepers = oneDataplane + `
---
kind: tenantinfra
name: eu_pg
spec: {app: pg, size: small, pools: [{name: main, machine: s2, min: 1, max: 3}]}
---
kind: plan
name: free
spec: {deployment: resource-shared, apps: [{type: pg, size: small}], quota: {cpu: "1", memory: 1Gi, storage: 1Gi, pods: 5}}
---
kind: customer
name: acme
---
kind: tenant
name: one
owner: acme
spec: {plan: free, app: pg}
---
kind: tenant
name: two
owner: acme
spec: {plan: free, app: pg}
---
kind: application
name: one_web
owner: acme
spec: {manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}]}
`

// TestARepairKeepsWhatWasAskedForOnAWS has two tenants resumed in vain, as their cluster refuses it, and then their namespaces deleted. The
// repairs make these again, let the tenants sleep, and say still that they are to wake. One does when its machines are brought back, and
// the other when somebody retries it.
func TestARepairKeepsWhatWasAskedForOnAWS(t *testing.T) {
	t.Parallel()
	a, p := awsWith(t, sleepers)
	tenants := []string{"acme/one", "acme/two"}
	for _, name := range tenants {
		if s := p.cli("tenant", "suspend", name, "--wait", "--timeout", "1m"); s.code != 0 {
			t.Fatalf("suspend %s: %+v\n%s", name, s, p.log)
		}
	}
	faults := filepath.Join(a.dir, "faults.json")
	overwrite(t, faults, `[{"op":"kubernetes:Apply","status":403,"code":"Forbidden","times":-1}]`)
	for _, name := range tenants {
		if s := p.cli("tenant", "resume", name, "--wait", "--timeout", "1m"); s.code == 0 {
			t.Errorf("%s is resumed where its cluster refuses it: %+v", name, s)
		}
		p.until("tenant", name, toWake)
	}
	if err := os.Remove(faults); err != nil {
		t.Fatal(err)
	}
	api, _ := a.inCluster(p, "eu")
	for _, name := range tenants {
		if err := api.Delete(t.Context(), "v1", "Namespace", "", strings.Replace(name, "/", "--", 1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range tenants {
		p.happens("tenant", name, "repair_started", "update_done")
		if e := p.entity("tenant", name); !toWake(e) || e.Status.Reason.Retried {
			t.Errorf("%s is %s after its repair: %+v", name, e.Phase, e.Status.Reason)
		}
		if _, err := api.Get(t.Context(), "v1", "Namespace", "", strings.Replace(name, "/", "--", 1)); err != nil {
			t.Errorf("the namespace of %s: %v", name, err)
		}
	}
	if s := p.cli("tenant", "retry", "acme/two", "--wait", "--timeout", "1m"); s.code != 0 {
		t.Errorf("retry: %+v\n%s", s, p.log)
	}
	p.until("tenant", "acme/two", well)

	overwrite(t, filepath.Join(a.dir, "by-hand.json"), `[{"delete":"nodegroup"}]`)
	p.happens("tenantinfra", "eu_pg", "drifted", "update_done")
	p.until("tenant", "acme/one", well)
	p.happens("tenant", "acme/one", "update_done", "resume_requested", "resumed")
	p.until("application", "acme/one_web", well)
	if _, err := api.Get(t.Context(), "apps/v1", "Deployment", "acme--one", "web"); err != nil {
		t.Errorf("what ran in the namespace: %v", err)
	}
	a.endsWell(p)
}

// toWake tells whether a tenant sleeps and was to wake.
func toWake(e client.Entity) bool {
	return e.Phase == "Suspended" && e.Status.Reason != nil && e.Status.Reason.Code == events.Unauthorized
}

// happens waits until events have happened to an entity one after the other.
func (p *process) happens(kind, name string, all ...string) {
	p.t.Helper()
	told := ""
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		told = p.cli("history", kind, name, "-o", "name").out
		rest, found := told, true
		for _, event := range all {
			_, after, is := strings.Cut(rest, event)
			rest, found = after, found && is
		}
		if found {
			return
		}
	}
	p.t.Fatalf("of %s %s this does not happen one after the other: %s\n%s\n%s", kind, name, strings.Join(all, ", "), told, p.log)
}
