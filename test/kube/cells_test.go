package kube_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// front is what a plan says of the application that its cells or its tenants have.
const front = `  applications:
    - name: front
      manifests:
        - apiVersion: apps/v1
          kind: Deployment
          metadata: {name: front}
          spec:
            selector: {matchLabels: {app: front}}
            template:
              metadata: {labels: {app: front}}
              spec: {containers: [{name: front, image: "example.test/front:1"}]}
`

// sharing is an offer of a multi-tenant plan with all programs, and a customer.
const sharing = `kind: account
name: main
spec: {cloud: sim, number: "1"}
---
kind: plan
name: many
spec:
  deployment: multi-tenant
  apps: [{type: web, size: small}]
  cellQuota: {cpu: "8", memory: 8Gi, pods: 20}
` + front + `  tenants:
    join: {image: "example.test/tenant:1", command: [join]}
    leave: {image: "example.test/tenant:1", command: [leave]}
` + byPrograms + `---
kind: dataplane
name: eu
spec: {account: main, region: eu-central}
---
kind: tenantinfra
name: eu_web
spec: {app: web, size: small, cells: {tenants: 2, max: 3}, pools: [{name: main, machine: s4}]}
---
kind: customer
name: zoo
spec: {displayName: Zoo}
---
kind: cell
name: eu_web_one
spec: {tenants: 2, plan: many, planVersion: 1}
---
kind: cell
name: eu_web_two
spec: {tenants: 2, plan: many, planVersion: 1}
`

// sharedCells is the program with a real cluster, in which two cells are open.
type sharedCells struct {
	*control
	api    kube.API
	proxy  *proxy
	within string // what the namespaces begin with in which writes are counted
}

// The namespaces of the two.
const (
	cellOne = "cell---web-one"
	cellTwo = "cell---web-two"
)

func newSharedCells(t *testing.T, offer string) *sharedCells {
	t.Helper()
	rig, api := newRig(t)
	p := newProxy(t, rig)
	c := &sharedCells{startControl(t, p.kubeconfig(t), 60), api, p, "cell---"}
	c.run(offer, "apply", "-f", "-", "--wait", "--timeout", "4m")
	return c
}

// A tenant joins a cell and leaves it, by programs. The control plane is killed, as a process, at any write in the cells: it has joined,
// and nothing of it is left when it has gone.
func TestATenantJoinsAndLeaves(t *testing.T) {
	t.Parallel()
	c := newSharedCells(t, sharing)
	whole := strike{n: math.MaxInt}
	joins, leaves := c.joins("one", whole), c.leaves("one", whole)
	n := often(t)
	for i := range n {
		c.joins("one", moments(joins, n)[i])
		c.leaves("one", moments(leaves, n)[i])
		t.Logf("%d: killed at %+v of %d and %+v of %d", i, moments(joins, n)[i], joins, moments(leaves, n)[i], leaves)
	}
	quota, err := c.api.Get(t.Context(), "v1", "ResourceQuota", cellOne, "aerie-quota")
	if err != nil || kube.MapOf(kube.MapOf(quota["spec"])["hard"])["requests.cpu"] != "8" {
		t.Error("the quota of a cell is", quota, err)
	}
}

// A tenant goes from one cell to another and back, by all programs. The control plane is killed, as a process, at any write in the
// cells: one record at most says that it is active, the tenant arrives, and nothing of it is left behind.
func TestATenantChangesCells(t *testing.T) {
	t.Parallel()
	c := newSharedCells(t, sharing)
	c.joins("prod", strike{n: math.MaxInt})
	from, to := cellOne, cellTwo
	if c.state("prod", from) == "" {
		from, to = to, from
	}
	writes := 0
	for range 2 {
		writes = c.changes(from, to, strike{n: math.MaxInt})
		from, to = to, from
	}
	n := 2 * often(t)
	for i := range n {
		at := moments(writes, n)[i]
		c.changes(from, to, at)
		t.Logf("%d: killed at write %d of %d, after it: %v", i, at.n, writes, at.after)
		from, to = to, from
	}
}

// joins has a tenant come, and leaves has it go; each tells how often was written in cells.
func (c *sharedCells) joins(tenant string, at strike) (writes int) {
	c.Helper()
	writes = c.struck(at, []string{"tenant", "create", "zoo/" + tenant, "--spec", "{plan: many}"}, func() bool {
		active := c.state(tenant, cellOne) == "active" || c.state(tenant, cellTwo) == "active"
		return active && len(c.left(tenant, cellOne))+len(c.left(tenant, cellTwo)) == 1
	})
	c.reaches("tenant", "zoo/"+tenant, "Active") // which is reported after the write
	return writes
}

func (c *sharedCells) leaves(tenant string, at strike) (writes int) {
	c.Helper()
	return c.struck(at, []string{"delete", "tenant", "zoo/" + tenant}, func() bool {
		return len(c.left(tenant, cellOne))+len(c.left(tenant, cellTwo)) == 0
	})
}

// changes moves the tenant from one cell to the other.
func (c *sharedCells) changes(from, to string, at strike) (writes int) {
	c.Helper()
	most := c.watchServing(to, from)
	writes = c.struck(at, []string{"tenant", "move", "zoo/prod", "--cell", "-/eu_web_" + strings.TrimPrefix(to, "cell---web-")}, func() bool {
		return c.state("prod", to) == "active" && len(c.left("prod", to)) == 1 && len(c.left("prod", from)) == 0
	})
	if n := most(); n > 1 {
		c.Errorf("%d cells served it", n)
	}
	c.reaches("tenant", "zoo/prod", "Active")
	return writes
}

// struck gives a command, kills the server at a moment of what follows from it, starts it again, and waits for what the clusters have at
// the end.
func (c *sharedCells) struck(at strike, command []string, ended func() bool) (writes int) {
	c.Helper()
	struck := make(chan struct{})
	kills := at.n != math.MaxInt
	at.namespace, at.do = c.within, func() {
		c.kill()
		close(struck)
	}
	c.proxy.arm(at)
	c.run("", command...)
	if kills && c.strikes(c.proxy, struck, ended) {
		c.start()
	}
	kubetest.Eventually(c, strings.Join(command, " ")+" has ended", ended)
	return c.proxy.counted()
}

// state is what the record of a tenant says in a cell; empty if there is none.
func (c *sharedCells) state(tenant, cell string) string {
	c.Helper()
	o, err := kube.Find(c.Context(), c.api, kube.Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: cell, Name: "zoo--" + tenant})
	kubetest.Must(c, err)
	return kube.StringOf(kube.MapOf(o["data"])["state"])
}

// left is what of a tenant there is in a cell.
func (c *sharedCells) left(tenant, cell string) (all []string) {
	c.Helper()
	for _, s := range []kube.Selector{{APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: job.API, Kind: "Job"}} {
		s.Namespace, s.Labels = cell, map[string]string{kube.LabelCustomer: "zoo", kube.LabelTenant: tenant}
		found, err := c.api.List(c.Context(), s)
		kubetest.Must(c, err)
		for _, o := range found {
			all = append(all, o.Key().String())
		}
	}
	return all
}

// watchServing counts all the time how many of two places of the tenant serve it, and returns the most when it is asked. Where a tenant goes
// to is looked at first: what is open there was closed before where it comes from.
func (c *sharedCells) watchServing(first, second string) (most func() int) {
	ctx, cancel := context.WithCancel(c.Context())
	seen := 0
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			serve := 0
			for _, place := range []string{first, second} {
				if c.servesAt(place) {
					serve++
				}
			}
			seen = max(seen, serve)
		}
	})
	return func() int { cancel(); watcher.Wait(); return seen }
}
