package process

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// twoAccounts is a dataplane that tenants share, in the installation's own account.
const twoAccounts = `
kind: account
name: home
spec: {cloud: aws, number: "111122223333"}
---
kind: dataplane
name: shared
spec: {account: home, region: eu-central-1, network: {range: 10.16.0.0/16}}
---
kind: tenantinfra
name: shared_pg
spec: {app: pg, size: small, pools: [{name: main, machine: s4}]}
---
kind: plan
name: small
spec: {deployment: resource-shared, apps: [{type: pg, size: small}], move: {data: none, cut: 15m, hold: 10m}}
---
kind: plan
name: alone
spec: {deployment: dedicated, apps: [{type: pg, size: small}], move: {data: none, cut: 15m, hold: 10m}}
---
kind: customer
name: acme
spec: {}
---
kind: tenant
owner: acme
name: prod
spec: {plan: small}
---
kind: application
owner: acme
name: prod_pg
spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: page}, data: {a: b}}]}
`

// ownAccount is a dataplane that is made for one tenant, in another account.
const ownAccount = `
kind: account
name: second
spec: {cloud: aws, number: "%s", role: %s, externalId: "%s"}
---
kind: dataplane
name: own
spec: {account: second, type: dedicated, region: eu-west-1, network: {range: 10.17.0.0/16}}
---
kind: tenantinfra
name: own_pg
spec: {app: pg, size: small, pools: [{name: main, machine: s4}]}
`

// A tenant goes from a dataplane that it shares to one that is made for it in another account of AWS, and back. When all is deleted nothing
// is left in either account.
func TestATenantChangesAccounts(t *testing.T) {
	a := startAWS(t, "600")
	p := a.server("600")
	p.start()
	must := func(args ...string) string {
		t.Helper()
		s := p.cli(args...)
		if s.code != 0 {
			t.Fatalf("%v: %+v\n%s", args, s, p.log)
		}
		return s.out
	}
	apply := func(manifest string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "manifest.yaml")
		overwrite(t, file, manifest)
		must("apply", "-f", file, "--wait", "--timeout", "5m")
	}
	apply(twoAccounts)
	role := a.customer.Roles[0]
	apply(fmt.Sprintf(ownAccount, a.customer.ID, role.Name, role.ExternalID))
	for _, there := range []struct{ plan, dataplane string }{{"alone", "own"}, {"small", "shared"}} {
		said := must("tenant", "move", "acme/prod", "--plan", there.plan, "--dataplane", there.dataplane, "--dry-run")
		words := strings.Fields(said[strings.LastIndex(said, "--plan-id "):])
		if len(words) < 2 {
			t.Fatalf("a dry run says no id: %s", said)
		}
		must("tenant", "move", "acme/prod", "--plan", there.plan, "--dataplane", there.dataplane, "--plan-id", words[1], "--wait", "--timeout", "5m")
		if got := must("get", "tenant", "acme/prod", "-o", "json"); !strings.Contains(got, `"dataplane": "-/`+there.dataplane+`"`) {
			t.Errorf("it has not gone to %s: %s", there.dataplane, got)
		}
		must("wait", "--for", "phase=Deployed", "application", "acme/prod_pg", "--timeout", "1m")
	}
	made := map[string]bool{}
	for _, e := range a.ledger().Live(time.Now()) {
		made[e.Account] = true
	}
	if len(made) < 2 {
		t.Errorf("something was made in %v alone", made)
	}
	for _, e := range []string{"customer acme", "tenantinfra own_pg", "tenantinfra shared_pg", "dataplane own", "dataplane shared", "plan small", "plan alone", "account home", "account second"} {
		kind, name, _ := strings.Cut(e, " ")
		args := []string{"delete", kind, name, "--wait", "--timeout", "5m"}
		if kind == "customer" {
			args = append(args, "--cascade")
		}
		must(args...)
	}
	left := func() []emulator.Entry {
		return slices.DeleteFunc(a.ledger().Live(time.Now()), func(e emulator.Entry) bool { return e.Owner() == "" })
	}
	for end := time.Now().Add(twoSweeps); len(left()) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	if left := left(); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}
