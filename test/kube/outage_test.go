package kube_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/test/kube/rigtest"
)

var outage = flag.Duration("outage", 0, "how long the API server is gone at least; 0: until more tries have failed than attempts are allowed")

// hanging is an application's spec, as manifests, that does not run until a pod is let go.
const hanging = `{manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {a: b}},
  template: {metadata: {labels: {a: b}, annotations: {kuberig.test/pod: hold}}, spec: {containers: [{name: c, image: x}]}}}}]}`

// The API server is killed while an application is being installed and another is to go, and comes back with the same
// data: both go on by themselves, and no attempt was counted while it was gone.
func TestOutage(t *testing.T) {
	t.Parallel()
	where := []string{"-dir", t.TempDir(), "-addr", natstest.Address(t)}
	r, admin := newRig(t, where...)
	// A phase's half hour is longer than the outage, and than what Helm then waits before it asks again.
	speed := int(30 * time.Minute / (2**outage + time.Minute))
	c := startControl(t, r.Kubeconfig, speed)
	c.run(offer, "apply", "-f", "-", "--wait", "--timeout", "4m")
	c.run("", "application", "create", "zoo/prod_web", "--spec", hanging)
	repo, login := repository(t)
	c.knows("zoo", "private", login)
	c.run("", "application", "create", "zoo/prod_hook", "--spec", fmt.Sprintf("{chart: {name: web, version: 1.0.0, repository: %q, credentials: private}, values: {hook: hold}}", repo))
	kubetest.Eventually(t, "its pod waits, and so does a hook", func() bool {
		pods, err := admin.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: "zoo--prod"})
		return err == nil && waiting(pods) == 2
	})
	r.Kill()
	began, before := time.Now(), c.failures.Load()
	c.run("", "application", "delete", "zoo/prod_exporter")
	c.run("", "application", "create", "zoo/prod_new", "--spec", `{chart: {name: exporter, version: 0.1.0}}`)
	const attempts = 5
	kubetest.Eventually(t, "it was tried often, in vain", func() bool {
		return c.failures.Load()-before > 3*(attempts+1) && time.Since(began) >= *outage
	})
	all := []string{"zoo/prod_web", "zoo/prod_exporter", "zoo/prod_new"}
	for _, id := range all {
		if phase, reason := c.phase("application", id); reason != "unreachable" {
			t.Errorf("%s is %s, and not because of the outage: %q", id, phase, reason)
		}
	}
	back := time.Now()
	again, err := rigtest.Start(where...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Stop() })
	t.Logf("it was gone for %s, in which %d tries failed", time.Since(began).Round(time.Second), c.failures.Load()-before)
	unhold(t, admin, "zoo--prod")
	c.reaches("application", "zoo/prod_web", "Deployed")
	c.reachesWhile("application", "zoo/prod_hook", "Deployed", func() { unhold(t, admin, "zoo--prod") }) // the hook may be another one now
	c.reaches("application", "zoo/prod_new", "Deployed")
	c.reaches("application", "zoo/prod_exporter", "Uninstalled")
	for _, id := range append(all, "zoo/prod_hook") {
		c.countsNothing("application", id, back)
	}
}

// waiting is how many pods hang.
func waiting(pods []kube.Object) (n int) {
	for _, p := range pods {
		if p.Annotations()["kuberig.test/pod"] == "hold" {
			n++
		}
	}
	return n
}

// countsNothing wants no attempt of an entity to have been counted, neither before the server was back nor after: what one
// refuses that has just started is no answer.
func (c *control) countsNothing(kind, id string, back time.Time) {
	c.Helper()
	var history struct {
		Items []struct {
			Type string
			Time time.Time
			Data struct {
				Attempt       int
				Code, Message string
			}
		}
	}
	c.get("/v1/"+kind+"s/"+id+"/history?limit=1000", &history)
	for _, e := range history.Items {
		if n := e.Data.Attempt; n > 0 {
			c.Errorf("%s: attempt %d was counted %s after the server was back: %s: %s", id, n, e.Time.Sub(back), e.Data.Code, e.Data.Message)
		}
	}
}
