package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestOperationsAreShown as a table, as JSON and as names, and what is wrong is refused by name.
func TestOperationsAreShown(t *testing.T) {
	c := startTestControl(t)
	cli(c, t, 0, "{kind: customer, name: acme}\n---\n{kind: plan, name: free, spec: {deployment: resource-shared, apps: [{type: postgres, size: s}]}}\n---\n"+
		"{kind: tenant, name: prod, owner: acme, spec: {plan: free}}\n", "apply", "-f", "-")
	cli(c, t, 0, "", "wait", "tenant", "acme/prod", "--for", "phase=Placing")
	out := cli(c, t, 0, "", "get", "operations")
	if !strings.Contains(out, "ENTITY") || !strings.Contains(out, "tenant acme/prod  create  running  Placing  1/4") || !strings.Contains(out, "capacity_unavailable: no tenant infra fits") {
		t.Errorf("shown is\n%s", out)
	}
	if out := cli(c, t, 0, "", "get", "operations", "-o", "wide", "--entity", "acme/prod"); !strings.Contains(out, "customer acme, plan -/free, any tenantinfra  delete  admin") {
		t.Errorf("shown is\n%s", out)
	}
	var l struct {
		Items []struct{ ID, State string }
	}
	if err := json.Unmarshal([]byte(cli(c, t, 0, "", "get", "operations", "--kind", "tenants", "-o", "json")), &l); err != nil || len(l.Items) != 1 || l.Items[0].State != "running" {
		t.Errorf("%+v %v", l, err)
	}
	if out := cli(c, t, 0, "", "get", "operations", "-o", "name"); out != l.Items[0].ID+"\n" {
		t.Errorf("names are %q", out)
	}
	for _, wrong := range [][]string{{"--state", "dnoe"}, {"--kind", "tennant"}, {"--owner", "nobody"}, {"--limit", "-1"}, {"--watch", "--limit", "1"}} {
		cli(c, t, 2, "", append([]string{"get", "operations"}, wrong...)...)
	}
}

// TestOperationsAreWatched from one that waits to one that has ended, each once in each step.
func TestOperationsAreWatched(t *testing.T) {
	c := startControl(t)
	c.do(0, "{kind: customer, name: acme}\n---\n{kind: plan, name: free, spec: {deployment: resource-shared, apps: [{type: postgres, size: s}]}}\n---\n"+
		"{kind: tenant, name: prod, owner: acme, spec: {plan: free}}\n", "apply", "-f", "-")
	all, end := c.goOn("get", "operations", "-w", "--entity", "acme/prod")
	other, endOther := c.goOn("get", "operations", "-w", "--kind", "dataplane")
	all.until(t, `create +running +Placing`)
	other.until(t, `ENTITY`)
	c.do(0, "", "tenant", "delete", "acme/prod")
	all.until(t, `delete +done`)
	end(0)
	endOther(0)
	if text := all.String(); strings.Count(text, "superseded") != 1 || strings.Count(text, "ENTITY") != 1 {
		t.Errorf("seen is\n%s", text)
	}
	if text := other.String(); strings.Contains(text, "tenant") {
		t.Errorf("seen is\n%s", text)
	}
}

// TestWaitingTellsTheSteps of what somebody waits for.
func TestWaitingTellsTheSteps(t *testing.T) {
	c := startControl(t)
	out, _ := c.do(5, "{kind: customer, name: acme}\n---\n{kind: plan, name: free, spec: {deployment: resource-shared, apps: [{type: postgres, size: s}]}}\n---\n"+
		"{kind: tenant, name: prod, owner: acme, spec: {plan: free}}\n", "apply", "-f", "-", "--wait", "--timeout", "2s")
	if !strings.Contains(out, "tenant acme/prod: Placing (capacity_unavailable") || !strings.Contains(out, "), step 2 of 4\n") {
		t.Errorf("told is\n%s", out)
	}
}
