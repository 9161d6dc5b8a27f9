package sim

import (
	"encoding/json"
	"slices"
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
	t.Parallel()
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

// Whatever is repaired, and found so again after each repair, is told as a fight: things of the cloud and in clusters, changed
// or deleted. A retry ends it.
func TestEveryFightIsTold(t *testing.T) {
	t.Parallel()
	fought := []string{"the network is deleted", "somebody is let in", "a cloud add-on is deleted", "a pool has other labels", "the namespace is deleted"}
	for _, row := range byHand {
		if !slices.Contains(fought, row.name) {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			inhabited(r, ev.DriftRepair)
			i := r.inspector()
			for range relapse.Contested - 1 {
				r.hand(t, row.hand)
				r.settled(i)
			}
			r.hand(t, row.hand)
			i.Inspect(t.Context())
			why := r.why(row.who)
			if why == nil || why.Code != ev.Contested || why.NextAt.IsZero() || !strings.Contains(why.Message, "3 times by now") || !strings.Contains(why.Message, row.says) {
				t.Fatalf("after %d repairs the reason is %+v", relapse.Contested-1, why)
			}
			for range 4 {
				r.retryDrifted()
				r.settled(i)
			}
			if why := r.why(row.who); why != nil {
				t.Errorf("after a retry it is %+v", why)
			}
		})
	}
}

// Who deletes a network each time before the rest of its dataplane is there is told of too, and no more networks are made for
// him at once. A restart forgets nothing of it, and a retry ends it.
func TestAFightWithARepairIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inhabited(r, ev.DriftRepair)
	network, lost := sim.ManualChange{Delete: "network"}, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Failure != nil }
	r.hand(t, network)
	r.inspector().Inspect(t.Context())
	contested := func() bool { return r.why(fromEu) != nil && r.why(fromEu).Code == ev.Contested }
	for range 4 * relapse.Contested { // it may be its cluster that is missed first
		r.until(ev.Dataplane, fromEu.Path(), 10*time.Second, func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
			return e.Phase() == fsm.Updating && !slices.Contains(e.Data.(fsm.DataplaneData).Todo, ev.PartNetwork) || why != nil && why.Code == ev.Contested
		})
		if contested() {
			break
		}
		r.hand(t, network)
		r.until(ev.Dataplane, fromEu.Path(), 10*time.Second, lost)
	}
	e := r.entity(fromEu)
	if why := r.why(fromEu); e.Phase() != fsm.Updating || why.Code != ev.Contested || !why.Retried || !strings.Contains(why.Message, "3 times by now") {
		t.Errorf("it is %s: %+v", e.Phase(), why)
	}
	r.stop()
	r.start()
	if made := r.made("EnsureNetwork"); made > 1 || !contested() {
		t.Errorf("%d networks are there, and the reason is %+v", made, r.why(fromEu))
	}
	if _, err := r.ask(ev.Dataplane, fromEu.Path(), ev.VerbRetry, ""); err != nil {
		t.Fatal(err)
	}
	r.until(ev.Dataplane, fromEu.Path(), time.Minute, func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
		return e.Phase() == fsm.Active && why == nil
	})
}
