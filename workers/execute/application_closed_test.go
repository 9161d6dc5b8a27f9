package execute

import (
	"testing"

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
