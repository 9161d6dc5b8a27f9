package execute

import (
	"context"
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// A repair of an application that comes so late that its tenant is closed by then, or gone, makes nothing. What is installed where the
// tenant goes to is, while that is closed.
func TestARepairThatComesLateMakesNothing(t *testing.T) {
	for name, row := range map[string]struct {
		repair, closed, gone bool
		makes                bool
	}{
		"where it serves":         {repair: true, makes: true},
		"where it is closed":      {repair: true, closed: true},
		"where it has gone":       {repair: true, gone: true},
		"installed where it goes": {closed: true, makes: true},
	} {
		c := newMovingCluster(t)
		if row.closed {
			kubetest.Must(t, tenant.Close(t.Context(), c.api(), movingSpec(2)))
		}
		for range 3 {
			if row.gone {
				kubetest.Must(t, tenant.Delete(t.Context(), c.api(), tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: "s1", Revision: 4}))
			}
		}
		e := ev.EnsureApplication{Target: placeIn("eu"), Namespace: "acme--prod", Name: "pg", Repair: row.repair,
			Manifests: []map[string]any{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "one"}}}}
		args, err := ev.Encode(e)
		kubetest.Must(t, err)
		task := NewTask(ev.Work{Ref: ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_pg"}, UID: "A1", Revision: 3, Effect: e.Effect(), Args: args},
			twoClusters{eu: c.Store}.clouds("sim-eu"), nil)
		r := task.Do(t.Context())
		there, err := kube.Find(t.Context(), c.api(), kube.Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: "acme--prod", Name: "one"})
		if kubetest.Must(t, err); (there != nil) != row.makes || (r.Outcome != nil) != row.makes {
			t.Errorf("%s it has made %v, says %v, %v", name, there, r.Outcome, r.Err)
		}
	}
}

// A repair whose caller dies after any of its writes is done again, or, if the tenant is closed by then, left as it is.
func TestARepairThatDiesOnTheWay(t *testing.T) {
	configs := func(c *movingCluster) (n int) {
		all, err := c.api().List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "ConfigMap", Namespace: "acme--prod", Labels: map[string]string{kube.LabelOwner: "A1"}})
		kubetest.Must(t, err)
		return len(all)
	}
	e := ev.EnsureApplication{Target: placeIn("eu"), Namespace: "acme--prod", Name: "pg", Repair: true}
	for i := range 3 {
		e.Manifests = append(e.Manifests, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": fmt.Sprint("m", i)}})
	}
	args, err := ev.Encode(e)
	kubetest.Must(t, err)
	died := 0
	for writes, done := 0, false; !done; writes++ {
		for _, closed := range []bool{false, true} {
			c := newMovingCluster(t)
			repairs := func(api kube.API) Result {
				clouds := map[string]Cloud{"sim-eu": {Kube: func(context.Context, cloud.Scope, string) (kube.API, error) { return api, nil }}}
				return NewTask(ev.Work{Ref: ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_pg"}, UID: "A1", Revision: 3, Effect: e.Effect(), Args: args}, clouds, nil).Do(t.Context())
			}
			first := repairs(&kubetest.Dying{API: c.api(), Left: writes})
			if done = first.Err == nil; !done {
				died++
			}
			before := configs(c)
			if closed {
				kubetest.Must(t, tenant.Close(t.Context(), c.api(), movingSpec(4)))
			}
			again := repairs(c.api())
			if after := configs(c); closed && (after != before || again.Outcome != nil) || !closed && (again.Err != nil || again.Outcome == nil) {
				t.Errorf("died after %d writes, closed: %t: there were %d and are %d, %v, %v", writes, closed, before, after, again.Outcome, again.Err)
			}
		}
	}
	if died < 6 {
		t.Errorf("it died %d times", died)
	}
}
