package sim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/relapse"
)

// Who undoes each repair is named, if the cluster keeps who sets fields, and is given way to.
func TestAFightIsNamed(t *testing.T) {
	for _, one := range []struct{ manager, named string }{{"argocd-controller", "argocd-controller"}, {"", "somebody else"}} {
		r := newRig(t)
		inhabited(r, ev.DriftRepair)
		i := r.inspector()
		set := `{"data":{"k":"theirs"},"metadata":{"managedFields":[{"manager":"` + one.manager + `"},{"manager":"kube-controller-manager","subresource":"status"}]}}`
		for times := range relapse.Contested {
			r.hand(t, sim.ManualChange{Change: "object", Match: "acme--prod/settings", Set: json.RawMessage(set)})
			i.Inspect(t.Context())
			r.until(ev.Application, fromApp.Path(), time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
				return e.Phase() == fsm.Deployed && (times+1 < relapse.Contested) == (e.Failure == nil)
			})
		}
		want := "aerie and " + one.named + " undo each other's changes, 3 times by now: by " + one.named + ", ConfigMap acme--prod/settings was changed: data.k differs"
		if why := r.why(fromApp); why.Code != ev.Contested || !strings.HasPrefix(why.Message, want) {
			t.Errorf("with %q: %+v", one.manager, why)
		}
	}
}
