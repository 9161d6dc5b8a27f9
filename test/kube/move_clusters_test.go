package kube_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// byPrograms is how a plan's tenants move, by all programs that there are.
const byPrograms = `  move:
    data: jobs
    hold: 1s
    quiesce: {image: "example.test/move:1", command: [quiesce]}
    copy: {image: "example.test/move:1", command: [copy]}
    verify: {image: "example.test/move:1", command: [verify]}
    unquiesce: {image: "example.test/move:1", command: [unquiesce]}
    switch: {image: "example.test/move:1", command: [switch]}
`

// another is a second dataplane for the offer, and the plan by which its tenants change clusters.
const another = `kind: plan
name: roaming
spec:
  deployment: resource-shared
  apps: [{type: web, size: small}]
  quota: {pods: 20}
` + byPrograms + `---
kind: dataplane
name: us
spec: {account: main, region: us-east}
---
kind: tenantinfra
name: us_web
spec: {app: web, size: small, pools: [{name: main, machine: s4}]}
---
`

// side is one of two clusters with a dataplane each.
type side struct {
	dataplane string
	api       kube.API
	proxy     *proxy
}

func newSide(t *testing.T, dataplane string) side {
	t.Helper()
	rig, api := newRig(t)
	return side{dataplane, api, newProxy(t, rig)}
}

// A tenant goes from one real cluster to another and back with all programs of a move. The control plane is killed, as a
// process, at any write in either: never are two open, the tenant arrives, and nothing of it is left behind.
func TestATenantChangesClusters(t *testing.T) {
	t.Parallel()
	eu, us := newSide(t, "eu"), newSide(t, "us")
	c := startControl(t, "eu-central="+eu.proxy.kubeconfig(t)+",us-east="+us.proxy.kubeconfig(t), 60)
	c.run(webPlan+another+strings.Replace(webTenant, "plan: small", "plan: roaming, region: eu-central", 1), "apply", "-f", "-", "--wait", "--timeout", "4m")
	from, to := eu, us
	var atSource, atTarget int // writes of a move that nobody disturbs
	for range 2 {
		atSource, atTarget = c.changes(from, to, side{}, strike{n: math.MaxInt})
		from, to = to, from
	}
	n := often(t)
	for i := range n {
		for _, m := range []struct {
			at     string
			writes int
		}{{"source", atSource}, {"target", atTarget}} {
			at := from
			if m.at == "target" {
				at = to
			}
			s := moments(m.writes, n)[i]
			c.changes(from, to, at, s)
			t.Logf("%d: killed at write %d of %d at the %s, after it: %v", i, s.n, m.writes, m.at, s.after)
			from, to = to, from
		}
	}
}

// changes moves the tenant, kills the server at a moment of that, starts it again and waits until the tenant has arrived. It returns
// how often was written at the source and at the target.
func (c *control) changes(from, to, at side, s strike) (atSource, atTarget int) {
	c.Helper()
	struck := make(chan struct{})
	for _, one := range []side{from, to} {
		one.proxy.arm(strike{namespace: "zoo--", n: math.MaxInt})
	}
	if at.proxy != nil {
		s.namespace, s.do = "zoo--", func() {
			c.kill()
			close(struck)
		}
		at.proxy.arm(s)
	}
	most := c.watchOpen(to, from)
	password := c.secret(from)
	c.run("", "tenant", "move", "zoo/prod", "--dataplane", to.dataplane)
	if at.proxy != nil && c.strikes(at.proxy, struck, func() bool { return len(c.namespaces(from)) == 0 && len(c.namespaces(to)) == 1 }) {
		c.start()
	}
	var e struct {
		Phase  string
		Status struct {
			Placement struct{ Dataplane string }
		}
	}
	kubetest.Eventually(c, "the tenant is at "+to.dataplane, func() bool {
		c.get("/v1/tenants/zoo/prod", &e)
		return e.Phase == "Active" && e.Status.Placement.Dataplane == "-/"+to.dataplane
	})
	if n := most(); n > 1 {
		c.Errorf("it was open in %d clusters", n)
	}
	if !there(c.T, to.api, "apps/v1", "Deployment", "zoo--prod", "exporter") {
		c.Errorf("its application is not at %s", to.dataplane)
	}
	if got := c.secretAt(to); got != password {
		c.Errorf("the Secret that follows it says %q at %s, and said %q at last", got, to.dataplane, password)
	}
	kubetest.Eventually(c, "nothing is left at "+from.dataplane, func() bool { return len(c.namespaces(from)) == 0 })
	kubetest.Eventually(c, "its programs are gone at "+to.dataplane, func() bool { return len(c.namespaces(to)) == 1 })
	return from.proxy.counted(), to.proxy.counted()
}

// secret has somebody write down a new password in a Secret that follows the tenant, as kubectl would.
func (c *control) secret(at side) (password string) {
	c.Helper()
	password = base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	k := kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: "zoo--prod", Name: "db"}
	if there, err := kube.Find(c.Context(), at.api, k); err != nil || there != nil && c.secretAt(at) == "" {
		c.Fatal("the Secret that it came with: ", there, err)
	}
	o := kubetest.Object("v1", "Secret", "zoo--prod", "db", map[string]any{"type": "example.test/db", "data": map[string]any{"password": password}})
	_, err := at.api.Apply(c.Context(), o.Marked("", map[string]string{kube.LabelFollow: "true"}, nil))
	kubetest.Must(c, err)
	return password
}

func (c *control) secretAt(at side) string {
	c.Helper()
	o, err := kube.Find(c.Context(), at.api, kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: "zoo--prod", Name: "db"})
	kubetest.Must(c, err)
	return kube.StringOf(kube.MapOf(o["data"])["password"])
}

// watchOpen counts all the time in how many clusters the tenant is open, and returns the most when it is asked. Where a tenant goes to
// is looked at first: what is open there was closed before where it comes from.
func (c *control) watchOpen(first, second side) (most func() int) {
	ctx, cancel := context.WithCancel(c.Context())
	seen := 0
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			open := 0
			for _, one := range []side{first, second} {
				o, err := one.api.Get(ctx, "v1", "Namespace", "", "zoo--prod")
				if err == nil && o.Labels()[kube.LabelServing] != "false" && !o.Terminating() {
					open++
				}
			}
			seen = max(seen, open)
		}
	})
	return func() int { cancel(); watcher.Wait(); return seen }
}

// namespaces are those of the tenant in a cluster.
func (c *control) namespaces(at side) (names []string) {
	c.Helper()
	found, err := at.api.List(c.Context(), kube.Selector{APIVersion: "v1", Kind: "Namespace"})
	if err != nil {
		c.Fatal(fmt.Errorf("list namespaces of %s: %w", at.dataplane, err))
	}
	for _, o := range found {
		if strings.HasPrefix(o.Name(), "zoo--") {
			names = append(names, o.Name())
		}
	}
	return names
}
