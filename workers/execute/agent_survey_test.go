package execute

import (
	"context"
	"errors"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/workers/clock"
)

// What an agent is asked to look at is held to its place, as all work is: it looks at no tenant of another owner, at no other place, and
// with no rights but its own.
func TestASurveyIsHeldToThePlace(t *testing.T) {
	c := newMovingCluster(t)
	_, err := c.Apply(t.Context(), runsThere(3))
	kubetest.Must(t, err)
	a := NewAgent(Channel{Place: queue.Partition{Owner: "acme", Dataplane: "edge"}}, nil,
		map[string]Cloud{"sim": {Kube: func(context.Context, cloud.Scope, string) (kube.API, error) { return c.api(), nil }}}, clock.Clock{Speed: 1})
	ref := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}
	for name, change := range map[string]func(*ev.SurveyWanted){
		"its own":          func(*ev.SurveyWanted) {},
		"another's tenant": func(w *ev.SurveyWanted) { w.Ref.Owner = "evil" },
		"another place":    func(w *ev.SurveyWanted) { w.Survey.Dataplane = "acme/other" },
		"another's mark":   func(w *ev.SurveyWanted) { w.UID = "U2" },
		"elsewhere by a role": func(w *ev.SurveyWanted) {
			w.Survey.There = ev.Target{Account: ev.CloudAccount{Cloud: "sim", Agent: true, Role: "theirs"}, Dataplane: "acme/edge2"}
		},
		"by a role": func(w *ev.SurveyWanted) { w.Survey.Account.Agent, w.Survey.Account.Role = false, "theirs" },
	} {
		w := ev.SurveyWanted{ID: "1", Ref: ref, UID: "U1"}
		w.Survey.Target = ev.Target{Account: ev.CloudAccount{Cloud: "sim", Agent: true}, Dataplane: "acme/edge", Owner: ref.Mark("U1")}
		w.Survey.Customer, w.Survey.Tenant = "acme", "prod"
		w.Survey.Placement = ev.Placement{Namespace: "acme--prod"}
		change(&w)
		use, err := a.surveyed(t.Context(), w)
		if own := name == "its own"; own && (err != nil || use.Pods != 3) || !own && !errors.Is(err, errForeign) {
			t.Errorf("%s: %+v, %v", name, use, err)
		}
	}
}
