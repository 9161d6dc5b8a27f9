package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// everyKind is something of each kind.
const everyKind = early + `---
{kind: application, name: live_web, owner: willow, labels: {a/b: c}, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: "1e3", b: "yes"}}]}}
---
{kind: addon, name: north_dns, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: dns}, data: {a: b}}]}}
---
{kind: principal, name: robot, spec: {role: viewer, key: UA` + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + `}}
---
{kind: token, name: ci, owner: willow, spec: {role: customer-viewer, hash: "` + "0000000000000000000000000000000000000000000000000000000000000000" + `", expires: "2040-01-01T00:00:00Z"}}
---
{kind: tenantinfra, name: north_web, spec: {app: web, size: small, cells: {tenants: 3}, pools: [{name: main, machine: s4}]}}
---
{kind: cell, name: north_web_c1, spec: {tenants: 2}}
---
{kind: plan, name: many, spec: {deployment: multi-tenant, apps: [{type: web, size: small}], applications: [{name: pages, manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]}]}}
---
{kind: cell, name: north_web_c2, spec: {tenants: 2, plan: many, planVersion: 1}}
---
{kind: repository, name: charts, owner: willow, spec: {url: "oci://registry.example.com/willow", username: robot, password: {secretRef: {store: vault, name: willow/charts, key: password}}}}
`

// inside is what waits for an agent, which nobody runs here.
const inside = `
{kind: customer, name: theirs, spec: {hosting: customer}}
---
{kind: account, name: theirs, owner: theirs, spec: {cloud: sim, number: lab, hosting: customer, access: agent}}
---
{kind: dataplane, name: edge, owner: theirs, spec: {account: theirs/theirs, region: eu-central, type: dedicated, mode: pull}}
---
{kind: agent, name: edge, owner: theirs, spec: {dataplanes: [edge]}}
`

// control is a control plane that a test talks to by the command line.
type control struct{ *testing.T }

func startControl(t *testing.T) control {
	t.Helper()
	c := startTestControl(t)
	t.Setenv("AERIE_API_URL", c.APIURL())
	t.Setenv("AERIE_NATS_URL", c.NATSURL())
	t.Setenv("AERIE_TOKEN", c.Token)
	return control{t}
}

// do runs a command that ends with a code, and returns what it said.
func (c control) do(code int, stdin string, args ...string) (out, errs string) {
	c.Helper()
	got, out, errs := runCLI(c.Context(), stdin, args...)
	if got != code {
		c.Fatalf("aerie %s: exit %d, want %d: %s%s", strings.Join(args, " "), got, code, out, errs)
	}
	return out, errs
}

func TestWhatIsReadCanBeApplied(t *testing.T) {
	c := startControl(t)
	c.do(0, everyKind, "apply", "-f", "-", "--wait")
	c.do(0, inside, "apply", "-f", "-")
	for _, k := range events.Kinds {
		for _, format := range []string{"yaml", "json"} {
			list, _ := c.do(0, "", "get", k.Plural(), "-o", format)
			ids, _ := c.do(0, "", "get", k.Plural(), "-o", "name")
			id, _, _ := strings.Cut(ids, "\n")
			one, _ := c.do(0, "", "get", string(k), id, "-o", format)
			for _, read := range []string{list, one} {
				said, _ := c.do(0, read, "apply", "-f", "-")
				if strings.Count(said, " unchanged\n") != strings.Count(said, "\n") || !strings.Contains(said, string(k)) {
					t.Errorf("a %s as %s: %s", k, format, said)
				}
				if _, diff := c.do(0, read, "diff", "-f", "-"); diff != "" {
					t.Errorf("a %s as %s differs: %s", k, format, diff)
				}
			}
			labelled := regexp.MustCompile(`(?m)^labels:.*(\n  .*)*`).ReplaceAllString(one, "labels: {read: back}")
			if format == "yaml" {
				if said, _ := c.do(0, labelled, "apply", "-f", "-"); !strings.Contains(said, " updated\n") {
					t.Errorf("a %s with another label: %s", k, said)
				}
			}
		}
	}
}

func TestWhatIsReadOfAnotherIncarnationIsAConflict(t *testing.T) {
	c := startControl(t)
	c.do(0, "{kind: customer, name: acme}", "apply", "-f", "-")
	first, _ := c.do(0, "", "get", "customer", "acme", "-o", "yaml")
	c.do(0, "", "delete", "customer", "acme", "--wait")
	if said, _ := c.do(0, first, "apply", "-f", "-"); said != "customer acme created\n" {
		t.Errorf("where there is none it is created: %s", said)
	}
	_, errs := c.do(3, first, "apply", "-f", "-")
	if !strings.HasPrefix(errs, "error: conflict: ") || !strings.Contains(errs, "uid: ") || !strings.Contains(errs, "another incarnation") || !strings.Contains(errs, "(line ") {
		t.Errorf("the first one's uid: %s", errs)
	}
	_, errs = c.do(2, strings.Replace(first, "phase:", "phse:", 1)+"name: amce\n", "apply", "-f", "-")
	if strings.Contains(errs, "did you mean \"kind\"") || !strings.Contains(errs, `name: is not the id, "acme"`) || !strings.Contains(errs, "phse: no such field; known: kind, name, owner") {
		t.Errorf("faults: %s", errs)
	}
	_, errs = c.do(2, "as_of: {seq: 1}\nitems:\n- {kind: customer, id: acme}\n- {kind: customer, id: b, spec: {displayname: x}}\n- {kind: nonsense}\n- 3\n", "apply", "-f", "-")
	for _, want := range []string{"-:document 1 items[1] (customer b/b): spec.displayname", "(line 4)", "-:document 1 items[2]: kind", "-:document 1 items[3]: document: want an object"} {
		if !strings.Contains(errs, want) {
			t.Errorf("want %q in %s", want, errs)
		}
	}
}
