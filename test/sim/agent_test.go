package sim

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

var (
	edge      = ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}
	theirs    = ev.Ref{Kind: ev.Account, Owner: "acme", ID: "theirs"}
	edgeSite  = ev.Target{Account: ev.CloudAccount{Number: "lab"}, Region: "eu-central"}
	atEdge    = queue.Partition{Owner: "acme", Dataplane: "edge"}
	atAccount = queue.Partition{Owner: "acme", Dataplane: "_theirs"}
)

// inside is a rig whose cloud no server enters, and the work of an agent in it.
type inside struct {
	*rig
	clouds map[string]execute.Cloud
	places []execute.Channel
	ends   func() // the agent's work
}

// newInside starts the work of an agent at a dataplane, which is made by it.
func newInside(t *testing.T) *inside {
	r := &inside{rig: newRig(t)}
	r.clouds = map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}
	r.furnish()
	return r
}

// furnish has an agent make a dataplane.
func (r *inside) furnish() {
	r.t.Helper()
	r.come(r.nc)
	for _, c := range []string{
		"create customer acme {}",
		`create account acme/theirs {"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`,
		`create dataplane acme/edge {"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`,
		`create agent acme/edge {"dataplanes":["edge"]}`,
	} {
		r.perform(c)
	}
	r.ends = r.work()
	r.phase(ev.Dataplane, "acme/edge", time.Minute, fsm.Active)
}

// come has the agent ask and report over a connection.
func (r *inside) come(nc *nats.Conn) {
	r.places = nil
	for _, p := range []queue.Partition{atEdge, atAccount} {
		r.places = append(r.places, execute.Channel{Conn: nc, Place: p})
	}
}

// work does what is owed at the places until the test ends, or it is stopped.
func (r *inside) work() (stop func()) {
	ctx, end := context.WithCancel(r.t.Context())
	var all sync.WaitGroup
	slots := execute.NewSlots()
	for _, c := range r.places {
		a := execute.NewAgent(c, slots, r.clouds, clock.Clock{})
		all.Go(func() { _ = a.Run(ctx) })
	}
	stop = func() { end(); all.Wait() }
	r.t.Cleanup(stop)
	return stop
}

// What somebody changes in a customer's account is found by the agent there, and brought back; the server's inspector does
// not look there.
func TestAnAgentFindsDrift(t *testing.T) {
	r := newInside(t)
	inspector, _, cataloguer := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, nil)
	if n, err := r.cloud.ByHand(sim.ManualChange{Delete: "addon", Match: "dns"}); err != nil || n != 1 {
		t.Fatal(err)
	}
	r.inspector().Inspect(t.Context())
	if e := r.entity(edge); e.Phase() != fsm.Active || e.Failure != nil {
		t.Errorf("somebody else has looked: %v %+v", e.Phase(), e.Failure)
	}
	inspector.Inspect(t.Context())
	r.until(ev.Dataplane, "acme/edge", time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		return slices.ContainsFunc(r.history(edge), func(l string) bool { return strings.Contains(l, "drifted") }) && e.Phase() == fsm.Active
	})
	inspector.Inspect(t.Context()) // by what is told now
	if e := r.entity(edge); e.Phase() != fsm.Active || e.Failure != nil {
		t.Errorf("it is not brought back: %v %+v", e.Phase(), e.Failure)
	}
	ctx, end := context.WithCancel(t.Context())
	var looks sync.WaitGroup
	looks.Go(func() { _ = cataloguer.Run(ctx) })
	r.until(ev.Account, "acme/theirs", 0, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
		return slices.ContainsFunc(r.history(theirs), func(l string) bool { return strings.Contains(l, "catalogue_changed") })
	})
	end()
	looks.Wait()
}

// The agent removes what carries the mark of an incarnation that has ended, after the grace, and nothing of anybody else's;
// without an answer of the control plane it removes nothing.
func TestAnAgentSweeps(t *testing.T) {
	r := newInside(t)
	mark := edge.Mark(r.entity(edge).UID)
	r.perform("delete dataplane acme/edge")
	r.phase(ev.Dataplane, "acme/edge", time.Minute, fsm.Gone)
	for name, owner := range map[string]string{"late": mark, "other": "acme/dataplane/edge/01ANOTHERCONTROLPLANE", "evil": "evil/dataplane/edge/01ANOTHERCONTROLPLANE"} {
		if _, err := r.cloud.EnsureNetwork(t.Context(), execute.ScopeOf(edgeSite), cloud.NetworkSpec{Name: name, Owner: owner, Range: "10.1.0.0/16"}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	_, deaf, _ := reconcile.ForAgent([]execute.Channel{{Conn: r.nc, Place: queue.Partition{Owner: "evil", Dataplane: "edge"}}, r.places[1]}, r.clouds, nil, clock.Clock{Speed: 1}, nil)
	_, sweeper, _ := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, nil)
	for after := time.Duration(0); after < 3*reconcile.SweepGrace; after += reconcile.SweepGrace {
		deaf.Sweep(t.Context(), now.Add(after))
	}
	sweeper.Sweep(t.Context(), now)
	if n := len(r.owned(edgeSite)); n != 3 {
		t.Fatalf("%d of 3 are left without a word or within the grace", n)
	}
	sweeper.Sweep(t.Context(), now.Add(reconcile.SweepGrace))
	r.now.Advance(time.Hour)
	if left := r.owned(edgeSite); len(left) != 2 || left[0].Owner == mark || left[1].Owner == mark {
		t.Errorf("left: %+v", left)
	}
	sweeper.Sweep(t.Context(), now.Add(2*reconcile.SweepGrace))
	if left := r.owned(edgeSite); len(left) != 2 {
		t.Errorf("left: %+v", left)
	}
	if h := r.history(edge); !slices.ContainsFunc(h, func(l string) bool { return strings.Contains(l, "swept") }) {
		t.Errorf("nothing tells of it: %v", h)
	}
}

// An agent tells of nothing but what is at its place.
func TestAnAgentReportsOfItsPlaceAlone(t *testing.T) {
	r := newInside(t)
	inhabited(r.rig, "")
	uid := r.entity(fromEu).UID
	gone := []ev.Drift{{What: "network", How: ev.DriftDeleted}}
	for name, report := range map[string]ev.ExecutorReport{
		"drift of another's":     {Ref: fromEu, Revision: r.entity(fromEu).Seq, Saw: &ev.NoteDrift{Found: gone}},
		"sweeping of another's":  {Ref: fromEu, UID: uid, Swept: &ev.Swept{UID: uid}},
		"sweeping of the living": {Ref: theirs, UID: r.entity(theirs).UID, Swept: &ev.Swept{UID: r.entity(theirs).UID}},
		"a catalogue of another": {Ref: ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"}, Catalogue: &ev.NoteCatalogue{Region: "eu-central"}},
	} {
		before := len(r.history(report.Ref))
		answer, err := r.places[0].Report(t.Context(), report)
		if err != nil || answer == ev.ReportTaken || len(r.history(report.Ref)) != before {
			t.Errorf("%s: %q %v", name, answer, err)
		}
	}
	var ended ev.Ended
	mark := fromEu.Mark(uid)
	if err := r.places[0].Ask(t.Context(), ev.AskEnded, ev.EndedQuestion{Marks: []string{mark}}, &ended); err != nil || ended.Error == "" {
		t.Errorf("another's mark: %+v %v", ended, err)
	}
	var stands ev.Stands
	if err := r.places[0].Ask(t.Context(), ev.AskStands, ev.StandsQuestion{}, &stands); err != nil || len(stands.Items) != 1 || stands.Items[0].Ref != edge {
		t.Errorf("what stands at its place: %+v %v", stands, err)
	}
}
