package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// What an agent finds that the log does not know it tells, of its customer's and in words alone: in its account and in its dataplane's
// cluster. It leaves it alone until somebody has it removed, or adopts it.
func TestAnAgentTellsOfOrphans(t *testing.T) {
	r := newInside(t)
	api := r.tenanted()
	const lost, stray, kept = "01JDABSENT0000000000000001", "01JDABSENT0000000000000002", "01JDABSENT0000000000000003"
	for name, owner := range map[string]string{"lost": "acme/dataplane/old/" + lost, "evil": "evil/dataplane/old/" + lost} {
		if _, err := r.cloud.EnsureNetwork(t.Context(), execute.ScopeOf(edgeSite), cloud.NetworkSpec{Name: name, Owner: owner, Range: "10.1.0.0/16"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, uid := range map[string]string{"stray": stray, "kept": kept} {
		spec := tenant.Spec{Namespace: "acme--" + name, Customer: "acme", Tenant: name, Owner: uid, Plan: "inside", Revision: 1}
		if _, err := tenant.Ensure(t.Context(), api, spec); err != nil {
			t.Fatal(err)
		}
	}
	found := func(q ev.OrphanQuery) (marks []string, unread int) {
		t.Helper()
		var all ev.Orphans
		r.agents.Orphans(q, &all)
		for _, o := range all.Items {
			if o.Told.IsZero() || o.Account != "lab" || o.Region != "eu-central" || len(o.Resources) == 0 || (o.Cluster == "") != (o.Dataplane == "") {
				t.Errorf("%+v", o)
			}
			marks = append(marks, o.Mark)
		}
		slices.Sort(marks)
		return marks, len(all.Unread)
	}
	if marks, unread := found(ev.OrphanQuery{}); len(marks) > 0 || unread != 2 {
		t.Errorf("before anybody has told: %v, and %d are not looked into", marks, unread)
	}
	_, sweeper, _ := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, nil)
	now := time.Now()
	sweeper.Sweep(t.Context(), now)
	all := []string{"acme/dataplane/old/" + lost, "acme/tenant/kept/" + kept, "acme/tenant/stray/" + stray}
	for _, q := range []ev.OrphanQuery{{}, {Account: "acme/theirs"}, {Account: "acme/theirs", Region: "eu-central"}} {
		if marks, unread := found(q); !slices.Equal(marks, all) || unread != 0 {
			t.Errorf("%+v: %v, and %d are not looked into", q, marks, unread)
		}
	}
	for _, q := range []ev.OrphanQuery{{Account: "acme/other"}, {Account: "acme/theirs", Region: "us-east"}} {
		if marks, _ := found(q); len(marks) > 0 {
			t.Errorf("%+v: %v", q, marks)
		}
	}
	counted := r.countSent()
	sweeper.Sweep(t.Context(), now.Add(2*reconcile.SweepGrace))
	sweeper.Sweep(t.Context(), now.Add(4*reconcile.SweepGrace))
	for _, subject := range counted() {
		if strings.HasPrefix(subject, ev.ReportPrefix) {
			t.Error("nobody has said anything, and it reports", subject)
		}
	}

	if _, err := r.ask(ev.Tenant, "acme/stray", ev.VerbDisown, `{"uid":"`+stray+`"}`); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ask(ev.Tenant, "acme/kept", ev.VerbAdopt, `{"uid":"`+kept+`","dataplane":"acme/edge","spec":{"plan":"inside"}}`); err != nil {
		t.Fatal(err)
	}
	if e := r.phase(ev.Tenant, "acme/kept", time.Minute, fsm.Active); e.UID != kept {
		t.Errorf("adopted as %s", e.UID)
	}
	if marks, _ := found(ev.OrphanQuery{}); !slices.Equal(marks, all[:1]) {
		t.Errorf("after it is decided: %v", marks)
	}
	for after := range 3 {
		sweeper.Sweep(t.Context(), now.Add(time.Duration(5+after)*reconcile.SweepGrace))
	}
	for name, want := range map[string]bool{"stray": false, "kept": true, "prod": true} {
		o, err := kube.Find(t.Context(), api, kube.NamespaceKey("acme--"+name))
		if err != nil || (o != nil) != want {
			t.Errorf("the namespace of %s is there: %v, %v", name, o != nil, err)
		}
	}
	if h := r.history(ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "stray"}); !slices.ContainsFunc(h, func(l string) bool { return strings.HasPrefix(l, "swept ") }) {
		t.Errorf("nothing tells of it: %v", h)
	}
}

// What an agent has told of a place is forgotten with it: of one that is made again by the same name the same is news, over the same
// connection.
func TestAnAgentTellsOfAPlaceThatIsMadeAgain(t *testing.T) {
	r := newInside(t)
	_, sweeper, _ := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, nil)
	const lost, stray = "01JDABSENT0000000000000001", "01JDABSENT0000000000000002"
	want := []string{"acme/dataplane/old/" + lost, "acme/tenant/stray/" + stray}
	if _, err := r.cloud.EnsureNetwork(t.Context(), execute.ScopeOf(edgeSite), cloud.NetworkSpec{Name: "lost", Owner: want[0], Range: "10.1.0.0/16"}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for again := range 2 {
		if again > 0 {
			r.perform("delete dataplane acme/edge")
			r.phase(ev.Dataplane, "acme/edge", time.Minute, fsm.Gone)
			r.perform("delete account acme/theirs")
			r.phase(ev.Account, "acme/theirs", time.Minute, fsm.Removed)
			r.perform(`create account acme/theirs {"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
			r.perform(`create dataplane acme/edge {"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
			r.phase(ev.Dataplane, "acme/edge", time.Minute, fsm.Active)
		}
		api, err := r.cloud.Kube(t.Context(), execute.ScopeOf(edgeSite), r.entity(edge).Data.(fsm.DataplaneData).Cluster.Cluster)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tenant.Ensure(t.Context(), api, tenant.Spec{Namespace: "acme--stray", Customer: "acme", Tenant: "stray", Owner: stray, Plan: "inside", Revision: 1}); err != nil {
			t.Fatal(err)
		}
		sweeper.Sweep(t.Context(), now)
		var all ev.Orphans
		var marks []string
		r.agents.Orphans(ev.OrphanQuery{}, &all)
		for _, o := range all.Items {
			marks = append(marks, o.Mark)
		}
		if slices.Sort(marks); !slices.Equal(marks, want) || len(all.Unread) > 0 {
			t.Errorf("made again: %t; it has told of %v, and not of %+v", again > 0, marks, all.Unread)
		}
	}
}

// An agent tells of nothing that is not its customer's, and of no place where nothing of the log is.
func TestAnAgentTellsOfItsOwnOrphans(t *testing.T) {
	r := newInside(t)
	const uid = "01JDABSENT0000000000000001"
	for name, f := range map[string]ev.Finding{
		"another's mark":   {Region: "eu-central", Marks: []ev.FoundMark{{Mark: "evil/dataplane/old/" + uid}}},
		"no mark":          {Region: "eu-central", Marks: []ev.FoundMark{{Mark: "acme/dataplane/" + uid}}},
		"another region":   {Region: "us-east", Marks: []ev.FoundMark{{Mark: "acme/dataplane/old/" + uid}}},
		"too many at once": {Region: "eu-central", Marks: make([]ev.FoundMark, ev.MostMarks+1)},
	} {
		var a ev.Ended
		if err := r.places[1].Ask(t.Context(), ev.AskEnded, ev.EndedQuestion{Found: &f}, &a); err != nil || a.Error == "" {
			t.Errorf("%s: %+v %v", name, a, err)
		}
	}
	var all ev.Orphans
	if r.agents.Orphans(ev.OrphanQuery{}, &all); len(all.Items) > 0 {
		t.Errorf("%+v", all.Items)
	}
}
