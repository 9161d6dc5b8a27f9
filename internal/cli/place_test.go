package cli

import (
	"strings"
	"testing"
)

const places = `{kind: customer, name: acme}
---
{kind: account, name: main, spec: {cloud: sim, number: lab}}
---
{kind: plan, name: pro, spec: {deployment: resource-shared, apps: [{type: pg, size: small}]}}
---
{kind: dataplane, name: eu, spec: {account: main, region: eu-central, version: "1.35"}}
---
{kind: tenantinfra, name: eu_large, spec: {app: pg, size: large, pools: [{name: a, machine: s4}]}}
`

// Where a tenant would be is told with what keeps it from everywhere else, and nothing is claimed.
func TestPlace(t *testing.T) {
	c := startControl(t)
	c.do(0, places, "apply", "-f", "-")
	nowhere, _ := c.do(0, "", "tenant", "place", "acme/prod", "--plan", "pro", "--dry-run")
	for _, want := range []string{"tenant acme/prod would be put nowhere: no tenant infra fits", "\n0 tenant infras fit\n",
		"\nnearest of the others:\n  -/eu_large is of size large\n", "\nwhat keeps the others out:\n  1: is of size large\n"} {
		if !strings.Contains(nowhere, want) {
			t.Errorf("nowhere: want %q in\n%s", want, nowhere)
		}
	}
	c.do(0, `{kind: tenantinfra, name: eu_small, spec: {app: pg, size: small, pools: [{name: a, machine: s2}]}}`, "apply", "-f", "-")
	out, _ := c.do(0, "", "tenant", "place", "acme/prod", "--plan", "pro", "--dry-run")
	if !strings.HasPrefix(out, "tenant acme/prod would be put on tenantinfra -/eu_small, dataplane -/eu, namespace acme--prod\n") ||
		!strings.Contains(out, "\n1 tenant infras fit\n") {
		t.Error(out)
	}
	c.do(4, "", "get", "tenant", "acme/prod")
	for args, want := range map[string]string{
		"acme/prod --plan pro":              "--dry-run: is missing",
		"acme/prod --dry-run":               "plan: is missing",
		"acme/prod --plan nosuch --dry-run": "there is no plan -/nosuch",
		"acne/prod --plan pro --dry-run":    "there is no customer acne",
	} {
		if _, errs := c.do(2, "", append([]string{"tenant", "place"}, strings.Fields(args)...)...); !strings.Contains(errs, want) {
			t.Errorf("place %s: %s, want %s", args, errs, want)
		}
	}
}

// The versions of a plan are listed and compared; a name that is used again begins anew.
func TestPlanVersions(t *testing.T) {
	c := startControl(t)
	plan := func(pods string) string {
		return "{kind: plan, name: pro, spec: {deployment: resource-shared, apps: [{type: pg, size: small}], quota: {pods: " + pods + "}}}"
	}
	for _, pods := range []string{"5", "6", "7"} {
		c.do(0, plan(pods), "apply", "-f", "-")
	}
	versions := func() (numbers []string) {
		out, _ := c.do(0, "", "plan", "versions", "pro")
		for _, row := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
			numbers = append(numbers, strings.Fields(row)[0])
		}
		return numbers
	}
	if got := strings.Join(versions(), " "); got != "1 2 3" {
		t.Errorf("versions %s", got)
	}
	out, _ := c.do(1, "", "diff", "plan", "pro", "--from", "1", "--to", "2")
	if !strings.Contains(out, "pods: 5") || !strings.Contains(out, "pods: 6") {
		t.Errorf("from 1 to 2: %s", out)
	}
	c.do(0, "", "diff", "plan", "pro", "--from", "3")
	if _, errs := c.do(2, "", "diff", "plan", "pro", "--from", "9"); !strings.Contains(errs, "--from: there is no version 9: known are 1 to 3") {
		t.Error(errs)
	}
	c.do(0, "", "plan", "retire", "pro")
	c.do(0, "", "plan", "release", "pro")
	c.do(0, "", "delete", "plan", "pro")
	c.do(0, plan("8"), "apply", "-f", "-")
	if got := strings.Join(versions(), " "); got != "1" {
		t.Errorf("after it was made anew: versions %s", got)
	}
}
