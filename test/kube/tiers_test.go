package kube_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// pro is a plan whose tenants have applications of their own, also who comes from shared ones.
const pro = `kind: plan
name: pro
spec:
  deployment: resource-shared
  apps: [{type: web, size: small}]
  quota: {pods: 20}
` + front + byPrograms + `---
`

// tiers is the offer of shared cells with another multi-tenant plan, which has a cell too, and the plan above.
func tiers() string {
	account, rest, _ := strings.Cut(sharing, "kind: plan\n")
	many, rest, _ := strings.Cut("kind: plan\n"+rest, "kind: dataplane\n")
	lots := strings.Replace(many, "name: many", "name: lots", 1)
	return account + many + lots + pro + "kind: dataplane\n" + strings.Replace(rest, "max: 3", "max: 5", 1) + `---
kind: cell
name: eu_web_lots
spec: {tenants: 2, plan: lots, planVersion: 1}
`
}

// tier is a place of the tenant: the namespace of a cell, or its own; and how it goes there.
type tier struct {
	namespace string
	move      []string
}

// ownNamespace is where the tenant's own applications are.
const ownNamespace = "zoo--prod"

// A tenant goes from a multi-tenant plan to another one, to applications of its own, and back, by all programs. The control plane is killed,
// as a process, at any write in its places: one of them at most serves, the tenant arrives, its own applications come and go with the plan
// that gives them, and nothing of it is left behind.
func TestATenantChangesHowItShares(t *testing.T) {
	t.Parallel()
	c := newSharedCells(t, tiers())
	c.within = "" // whatever is written: places have no name in common
	c.joins("prod", strike{n: math.MaxInt})
	from := cellOne
	if c.state("prod", from) == "" {
		from = cellTwo
	}
	ring := []tier{
		{"cell---web-lots", []string{"--plan", "lots"}},
		{ownNamespace, []string{"--plan", "pro"}},
		{cellOne, []string{"--plan", "many", "--cell", "-/eu_web_one"}},
	}
	writes := make([]int, len(ring))
	for i, to := range ring { // once without a kill
		writes[i] = c.changesTier(from, to, strike{n: math.MaxInt})
		from = to.namespace
	}
	n := often(t)
	for round := range n {
		for i, to := range ring {
			at := moments(writes[i], n)[round]
			c.changesTier(from, to, at)
			t.Logf("%d: to %s, killed at write %d of %d, after it: %v", round, to.namespace, at.n, writes[i], at.after)
			from = to.namespace
		}
	}
}

// changesTier moves the tenant to another place.
func (c *sharedCells) changesTier(from string, to tier, at strike) (writes int) {
	c.Helper()
	most := c.watchServing(to.namespace, from)
	writes = c.struck(at, append([]string{"tenant", "move", "zoo/prod"}, to.move...), func() bool {
		if !c.servesAt(to.namespace) {
			return false
		}
		return slices.Equal(c.placesLeft(), []string{to.namespace})
	})
	if n := most(); n > 1 {
		c.Errorf("%d of its places served it", n)
	}
	c.reaches("tenant", "zoo/prod", "Active")
	if own := there(c.T, c.api, "apps/v1", "Deployment", ownNamespace, "front"); own != (to.namespace == ownNamespace) {
		c.Errorf("at %s it has an application of its own: %t", to.namespace, own)
	}
	var apps struct{ Items []struct{ Phase string } }
	c.get("/v1/applications?owner=zoo", &apps)
	living := 0
	for _, a := range apps.Items {
		if a.Phase != "Uninstalled" {
			living++
		}
	}
	if want := map[bool]int{true: 1}[to.namespace == ownNamespace]; living != want {
		c.Errorf("at %s it has %d applications, want %d: %+v", to.namespace, living, want, apps.Items)
	}
	return writes
}

// servesAt tells whether the tenant is open at a place.
func (c *sharedCells) servesAt(namespace string) bool {
	k := kube.Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: "zoo--prod"}
	if namespace == ownNamespace {
		k = kube.NamespaceKey(namespace)
	}
	o, err := kube.Find(c.Context(), c.api, k)
	if err != nil || o == nil || o.Terminating() {
		return false // the watcher ends with the test
	}
	if namespace == ownNamespace {
		return o.Labels()[kube.LabelServing] != "false"
	}
	return kube.MapOf(o["data"])["state"] == "active"
}

// placesLeft are the namespaces in which something of the tenant is, with the Jobs of its programs among that.
func (c *sharedCells) placesLeft() (all []string) {
	c.Helper()
	found, err := c.api.List(c.Context(), kube.Selector{APIVersion: "v1", Kind: "Namespace"})
	kubetest.Must(c, err)
	for _, o := range found {
		own := strings.HasPrefix(o.Name(), "zoo--")
		if left := c.left("prod", o.Name()); own || strings.HasPrefix(o.Name(), "cell---") && len(left) > 0 {
			all = append(all, o.Name())
			if !own && len(left) > 1 { // beside its record
				all = append(all, left...)
			}
		}
	}
	return all
}
