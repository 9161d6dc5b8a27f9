package reconcile

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/execute"
)

// What an agent does not know keeps it from looking at nothing else: not at what comes on later pages, nor at other places.
func TestWhatAnAgentDoesNotKnowKeepsNothingElse(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	item := func(place, id, effect string) ev.StandsItem {
		ref := ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: id}
		args, err := ev.Encode(ev.EnsureNetwork{Target: ev.Target{Owner: ref.Mark("u"), Dataplane: "acme/" + place, Region: "eu-central",
			Account: ev.CloudAccount{Cloud: "sim", Number: "lab", Agent: true}}})
		if err != nil {
			t.Fatal(err)
		}
		return ev.StandsItem{Ref: ref, UID: "u", Revision: 1, Made: []ev.MadeEffect{{Effect: effect, Args: args}}}
	}
	known := ev.EnsureNetwork{}.Effect()
	pages := map[string]ev.Stands{
		"edge":   {Items: []ev.StandsItem{item("edge", "new", "of_tomorrow")}, Cluster: "c", UID: "u", Next: "1"},
		"edge 1": {Items: []ev.StandsItem{item("edge", "old", known)}, Cluster: "c", UID: "u"},
		"west":   {Items: []ev.StandsItem{item("west", "more", known)}, Next: "1"},
		"west 1": {Items: []ev.StandsItem{item("west", "most", known)}},
	}
	asked := 0
	_, err := nc.Subscribe(ev.AgentSubject("acme", "*", ev.AskStands), func(m *nats.Msg) {
		var q ev.StandsQuestion
		if err := json.Unmarshal(m.Data, &q); err != nil {
			t.Error(err)
		}
		asked++
		data, err := ev.Encode(pages[strings.TrimSpace(strings.Split(m.Subject, ".")[3]+" "+q.After)])
		if err != nil {
			t.Error(err)
		}
		if err := m.Respond(data); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var places []execute.Channel
	for _, at := range []string{"edge", "west"} {
		places = append(places, execute.Channel{Conn: nc, Place: queue.Partition{Owner: "acme", Dataplane: at}})
	}
	agent := &told{places: places, memory: map[queue.Partition]remembered{}}

	all, err := agent.resting(t.Context())
	var seen []string
	for _, s := range all {
		seen = append(seen, s.ref.ID)
	}
	if got := strings.Join(seen, " "); got != "old more most" || asked != 4 {
		t.Errorf("it looks at %q, and has asked %d times", got, asked)
	}
	if err == nil || strings.Count(err.Error(), "of_tomorrow") != 1 {
		t.Errorf("it says of what it does not know: %v", err)
	}
	asked = 0
	clusters, err := agent.clusters(t.Context())
	if err != nil || len(clusters) != 1 || asked != len(places) {
		t.Errorf("clusters %+v, %v, after %d questions", clusters, err, asked)
	}
}

// What was told is asked for again when an event may have changed it, when a hint has come, and when the log is another one;
// until then nothing is asked. A control plane that does not say when something has changed is asked each time.
func TestWhatIsStillSoIsNotAskedAgain(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	asked, log := 0, ev.LogPoint{Seq: 7}
	if _, err := nc.Subscribe(ev.AgentSubject("acme", "*", ev.AskStands), func(m *nats.Msg) {
		asked++
		data, err := ev.Encode(ev.Stands{Log: log, Cluster: "c", UID: "u", Places: []ev.CatalogPlace{{UID: "u", Region: "eu-central"}}})
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	news := &execute.News{}
	at := func(place string) execute.Channel {
		return execute.Channel{Conn: nc, Place: queue.Partition{Owner: "acme", Dataplane: place}, News: news}
	}
	agent := &told{places: []execute.Channel{at("edge"), at("_theirs")}, memory: map[queue.Partition]remembered{}}
	look := func() {
		t.Helper()
		_, one := agent.clusters(t.Context())
		agent.asked = time.Time{}
		places, _, two := agent.catalogued(t.Context())
		_, three := agent.resting(t.Context())
		if one != nil || two != nil || three != nil || len(places) != 1 {
			t.Fatal(one, two, three, places)
		}
	}
	heard := func(changed, seq uint64) func() {
		return func() { news.Hear(ev.Lease{Changed: changed, Log: ev.LogPoint{Seq: seq}}) }
	}
	for _, is := range []struct {
		what   string
		happen func()
		want   int
	}{
		{"nobody says", func() {}, 3},
		{"and it is asked each time", heard(0, 7), 3},
		{"it says", heard(7, 9), 0},
		{"all is still so", heard(7, 10), 0},
		{"something has changed", heard(11, 11), 3},
		{"and was not told, since the log is not as far", func() {}, 3},
		{"now it is", func() { log.Seq = 11 }, 3},
		{"all is still so again", heard(11, 12), 0},
		{"a hint", news.Hint, 3},
		{"no hint", heard(11, 12), 0},
		{"a shorter log", heard(5, 6), 3},
	} {
		asked = 0
		is.happen()
		look()
		if asked != is.want {
			t.Errorf("%s: asked %d times, want %d", is.what, asked, is.want)
		}
	}
}

// Whoever speaks for the control plane has nothing swept that an agent did not ask about: nothing of another customer's or another
// control plane's, and no namespace of a tenant but the one that was asked about.
func TestAnAnswerToNoQuestionSweepsNothing(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	own, evil := ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}, ev.Ref{Kind: ev.Dataplane, Owner: "evil", ID: "edge"}
	tenant := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}
	marks := []string{own.Mark("u"), own.Mark("other"), evil.Mark("u"), "", "no mark", own.Mark("")}
	asked, other := ev.Stay{Mark: tenant.Mark("t"), Namespace: "acme--prod", Stay: "1"}, ev.Stay{Mark: tenant.Mark("t"), Namespace: "acme--prod", Stay: "2"}
	answer, err := ev.Encode(ev.Ended{Ended: marks, Unknown: marks[1:], Left: []ev.Stay{asked, other, {Mark: evil.Mark("u"), Namespace: "evil--prod", Stay: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Subscribe(ev.AgentSubject("acme", "edge", ev.AskEnded), func(m *nats.Msg) { _ = m.Respond(answer) }); err != nil {
		t.Fatal(err)
	}
	agent := &told{places: []execute.Channel{{Conn: nc, Place: queue.Partition{Owner: "acme", Dataplane: "edge"}}}, memory: map[queue.Partition]remembered{}}
	states, err := agent.states(t.Context(), []incarnation{{own, "u"}, {evil, "u"}, {own, ""}, {ev.Ref{}, "u"}})
	if err != nil || len(states) != 1 || states[incarnation{own, "u"}] != ended {
		t.Errorf("states: %v %v", states, err)
	}
	owned := func(customer, namespace, stay string) release.Owned {
		return release.Owned{Customer: customer, Tenant: "prod", Owner: "t", Namespace: namespace, Stay: stay}
	}
	left, err := agent.left(t.Context(), Cluster{Dataplane: own}, []release.Owned{owned("acme", "acme--prod", "1"), owned("evil", "evil--prod", "1"), owned("acme", "acme--prod", "")})
	if err != nil || len(left) != 1 || !left[owned("acme", "acme--prod", "1")] {
		t.Errorf("left: %v %v", left, err)
	}
}
