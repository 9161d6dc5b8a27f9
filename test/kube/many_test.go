package kube_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

var tenants = flag.Int("tenants", 20, "how many tenants there are beside a chart that hangs and one that fails; from 100 on it is measured against a round without these two")

// Many tenants come from nothing to an application that runs, while one of them has a chart that hangs and another one
// that fails: that keeps none of the others.
func TestTwoBadCharts(t *testing.T) {
	t.Parallel()
	rig, _ := newRig(t)
	speed := 60
	if *tenants >= 100 {
		speed = 3 // a phase's time, ten minutes then, is longer than it takes until the last one's turn comes
	}
	c := startControl(t, rig.Kubeconfig, speed)
	c.run(webPlan, "apply", "-f", "-", "--wait", "--timeout", "10m")
	var without time.Duration
	if *tenants >= 100 {
		without = c.many(*tenants, false)
		for i := range *tenants {
			c.run("", "delete", "customer", fmt.Sprintf("c%d", i), "--cascade")
		}
		kubetest.Eventually(t, "all are gone", func() bool { return c.count("customers", "Active")+c.count("customers", "Closing") == 0 })
	}
	with := c.many(*tenants, true)
	if phase, _ := c.phase("application", "c0/prod_web"); phase != "Installing" {
		t.Error("the hanging one is", phase)
	}
	c.explains("application", "c1/prod_web", "internal")
	t.Logf("%d tenants: %s with two bad charts; %s without", *tenants-2, with.Round(time.Second/10), without.Round(time.Second/10))
}

var hangs = flag.Int("hanging", 0, "how many tenants' charts hang at once beside as many that do not; 0: that is not tried")

// Charts of many customers that hang at once keep no other customer's from being installed: all of these run while those
// still hang.
func TestManyHangingCharts(t *testing.T) {
	if *hangs == 0 {
		t.Skip("it takes minutes: make soak-kube tries twenty; TestHangingChartsDelayNobody is short")
	}
	t.Parallel()
	rig, _ := newRig(t)
	c := startControl(t, rig.Kubeconfig, 3) // a phase's time is longer than it takes
	c.run(webPlan, "apply", "-f", "-", "--wait", "--timeout", "10m")
	without := c.beside(0, *hangs)
	with := c.beside(*hangs, *hangs)
	if n := c.count("applications", "Installing"); n != *hangs {
		t.Errorf("%d hang, not %d", n, *hangs)
	}
	t.Logf("%d tenants: %s beside %d charts that hang; %s without", *hangs, with.Round(time.Second/10), *hangs, without.Round(time.Second/10))
}

// beside makes tenants whose charts hang, waits until all of them are being installed, makes as many others, and returns how
// long it took until these run.
func (c *control) beside(bad, good int) time.Duration {
	c.Helper()
	url, login := repository(c.T)
	round := fmt.Sprintf("r%d", bad)
	tenants := func(prefix, hook string, n int) string {
		var all strings.Builder
		for i := range n {
			name := fmt.Sprint(prefix, i)
			c.knows(name, "private", login)
			all.WriteString(tenantWith(name, url, hook))
		}
		return strings.TrimPrefix(all.String(), "---\n")
	}
	before := c.count("applications", "Deployed")
	if bad > 0 {
		c.run(tenants(round+"bad", "hold", bad), "apply", "-f", "-")
		kubetest.Eventually(c, "all are being installed", func() bool { return c.count("applications", "Installing") == bad })
	}
	all := tenants(round+"good", "", good)
	began := time.Now()
	c.run(all, "apply", "-f", "-")
	kubetest.Eventually(c, "all the others run", func() bool { return c.count("applications", "Deployed") == before+good })
	return time.Since(began)
}

// tenantWith is a customer with a tenant, and an application of the chart web with a hook of a kind.
func tenantWith(customer, url, hook string) string {
	return fmt.Sprintf("---\nkind: customer\nname: %[1]s\n---\nkind: tenant\nname: prod\nowner: %[1]s\nspec: {plan: small, app: web}\n"+
		"---\nkind: application\nname: prod_web\nowner: %[1]s\nspec: {chart: {name: web, version: 1.0.0, repository: %[2]q, credentials: private}, values: {hook: %[3]q}}\n", customer, url, hook)
}

// many makes tenants with an application each, the first two bad if wished, and returns how long it took until all the
// others' run.
func (c *control) many(n int, bad bool) time.Duration {
	c.Helper()
	url, login := repository(c.T)
	var all strings.Builder
	for i := range n {
		hook := ""
		if bad && i < 2 {
			hook = []string{"hold", "fail"}[i]
		}
		name := fmt.Sprint("c", i)
		c.knows(name, "private", login)
		all.WriteString(tenantWith(name, url, hook))
	}
	began := time.Now()
	c.run(strings.TrimPrefix(all.String(), "---\n"), "apply", "-f", "-")
	want := n
	if bad {
		want -= 2
	}
	kubetest.Eventually(c, "all the others run", func() bool { return c.count("applications", "Deployed") == want })
	return time.Since(began)
}

// count is how many of a kind are in a phase.
func (c *control) count(kind, phase string) int {
	c.Helper()
	var list struct{ Items []struct{} }
	c.get("/v1/"+kind+"?limit=1000&phase="+phase, &list)
	return len(list.Items)
}
