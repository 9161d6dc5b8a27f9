package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/command"
)

// hostile is a connection with valid credentials of an agent, and what the server has refused it.
type hostile struct {
	t      *testing.T
	c      *Control
	nc     *nats.Conn
	errors chan string
	tried  int
	lease  ev.Lease
}

// enter joins as an agent and connects by its key.
func enter(t *testing.T, c *Control, owner, name string) *hostile {
	t.Helper()
	h := &hostile{t: t, c: c, errors: make(chan string, 1000)}
	var err error
	h.nc, err = nats.Connect(c.NATSURL(), append(joined(t, c, owner, name).with,
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { h.errors <- err.Error() }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.nc.Close)
	err = (&agentProcess{}).askFor(t.Context(), h.nc, "", ev.AgentSubject(owner, ev.AgentPlace(name), ev.AskSeen), ev.SeenQuestion{Instance: name}, &h.lease)
	if err != nil || h.lease.HeldBy != "" {
		t.Fatalf("the lease: %+v %v", h.lease, err)
	}
	return h
}

// refusedByServer waits for the server's word on what was tried.
func (h *hostile) refusedByServer(what, subject string) {
	h.t.Helper()
	h.tried++
	if err := h.nc.Flush(); err != nil {
		h.t.Fatalf("%s %s: %v", what, subject, err)
	}
	select {
	case said := <-h.errors:
		if !strings.Contains(strings.ToLower(said), "permissions violation") || !strings.Contains(said, subject) {
			h.t.Errorf("%s %s: %s", what, subject, said)
		}
	case <-time.After(natstest.Patience):
		h.t.Errorf("%s %s is not refused", what, subject)
	}
}

func (h *hostile) publish(subject string) {
	h.t.Helper()
	if err := h.nc.Publish(subject, []byte("{}")); err != nil {
		h.t.Fatal(err)
	}
	h.refusedByServer("publish to", subject)
}

func (h *hostile) subscribe(subject string) {
	h.t.Helper()
	sub, err := h.nc.SubscribeSync(subject)
	if err != nil {
		h.t.Fatal(err)
	}
	h.refusedByServer("subscribe to", subject)
	_ = sub.Unsubscribe()
}

// counted is how much was refused, by whom, as the metrics say.
func counted(t *testing.T, c *Control, by string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.RemoteAddr = "127.0.0.1:1" // the local token from elsewhere would be an event
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	m := regexp.MustCompile(`aerie_agents_refused_total\{by="` + by + `"\} (\d+)`).FindStringSubmatch(w.Body.String())
	if m == nil {
		t.Fatalf("no figure: %d", w.Code)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// An agent with good credentials that wants what is not its own gets it neither from the NATS server nor from the intake. Each
// attempt is counted, and nothing is another than before.
func TestAHostileAgent(t *testing.T) {
	c := started(t)
	for _, owner := range []string{"acme", "evil"} {
		create(t, c, ev.Ref{Kind: ev.Customer, Owner: owner, ID: owner}, `{"hosting":"customer"}`)
		create(t, c, ev.Ref{Kind: ev.Account, Owner: owner, ID: "theirs"},
			`{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
		for _, name := range []string{"edge", "other"} {
			create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: name},
				`{"account":"`+owner+`/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
		}
		create(t, c, ev.Ref{Kind: ev.Agent, Owner: owner, ID: "edge"}, `{"dataplanes":["edge"]}`)
	}
	enter(t, c, "acme", "edge")
	h := enter(t, c, "evil", "edge")
	last, err := c.Log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	places := []string{"edge", "other", "_theirs", "_none", "__edge", "__other"}
	own := map[string]bool{}
	for _, p := range []string{"edge", "_theirs"} {
		for _, what := range []string{ev.AskOwed, ev.AskStands, ev.AskEnded} {
			own[ev.AgentSubject("evil", p, what)] = true
		}
	}
	own[ev.AgentSubject("evil", "__edge", ev.AskSeen)], own[ev.AgentSubject("evil", "__edge", ev.AskChart)] = true, true
	for _, owner := range []string{"acme", "evil", "-"} {
		for _, place := range places {
			for _, what := range []string{ev.AskOwed, ev.AskStands, ev.AskEnded, ev.AskSeen, ev.AskJoin, ev.AskChart} {
				if s := ev.AgentSubject(owner, place, what); !own[s] {
					h.publish(s)
				}
			}
			if owner != "evil" || place != "edge" && place != "_theirs" {
				h.publish(ev.ReportSubject(owner, place, ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}))
			}
			h.publish(ev.HintSubject(owner, place))
			if owner != "evil" || place != "edge" && place != "_theirs" {
				h.subscribe(ev.HintSubject(owner, place))
			}
		}
		for _, s := range []string{"aerie.cmd." + owner + ".dataplane.edge.delete", "aerie.evt." + owner + ".dataplane.edge.deleted",
			"aerie.queue." + owner + ".dataplane.edge.delete", "aerie.work." + owner + ".edge.dataplane." + owner + ".edge",
			"aerie.read." + owner + ".events", "aerie.timer." + owner + ".dataplane.edge"} {
			h.publish(s)
		}
		h.subscribe("aerie.evt." + owner + ".>")
	}
	for _, s := range []string{"aerie.append", "aerie.log", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SRV.PING", "$JS.API.INFO", "$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.DELETE.AERIE_EVENTS", "$JS.API.STREAM.PURGE.AERIE_EVENTS", "$JS.API.STREAM.MSG.GET.AERIE_EVENTS", "$JS.API.DIRECT.GET.AERIE_EVENTS",
		"$JS.API.CONSUMER.CREATE.AERIE_WORK", "$JS.API.CONSUMER.MSG.NEXT.AERIE_WORK.x", "$JS.API.META.LEADER.STEPDOWN", "_INBOX.x.y"} {
		h.publish(s)
	}
	for _, s := range []string{">", "*", "aerie.>", "aerie.agent.>", "aerie.report.>", "aerie.hint.>", "_INBOX.>", "_INBOX.*.*", "$SYS.>", "$JS.>", "_R_.>"} {
		h.subscribe(s)
	}
	byServer := h.tried

	report := func(r ev.ExecutorReport, subject string) {
		t.Helper()
		h.tried++
		data, err := ev.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := h.nc.Request(subject, data, 10*time.Second); err != nil || string(m.Data) == ev.ReportTaken {
			t.Errorf("%s: %v %v", subject, m, err)
		}
	}
	for _, kind := range []ev.Kind{ev.Dataplane, ev.Account} {
		for _, owner := range []string{"acme", "-"} {
			victim := ev.Ref{Kind: kind, Owner: owner, ID: map[ev.Kind]string{ev.Dataplane: "edge", ev.Account: "theirs"}[kind]}
			for _, r := range []ev.ExecutorReport{
				{Ref: victim, Saw: &ev.NoteDrift{Found: []ev.Drift{{What: "network", How: ev.DriftDeleted}}}},
				{Ref: victim, Swept: &ev.Swept{UID: "u", Resources: []string{"network"}}},
				{Ref: victim, Catalogue: &ev.NoteCatalogue{Region: "eu-central"}},
			} {
				report(r, ev.ReportSubject("evil", "edge", victim))
				report(r, ev.ReportSubject("evil", "edge", ev.Ref{Kind: kind, Owner: "evil", ID: victim.ID}))
			}
		}
		victim := ev.Ref{Kind: kind, Owner: "acme", ID: map[ev.Kind]string{ev.Dataplane: "edge", ev.Account: "theirs"}[kind]}
		report(ev.ExecutorReport{Ref: victim, Outcome: "deleted", Event: json.RawMessage("{}")}, ev.ReportSubject("evil", "edge", victim))
	}
	for _, mark := range []string{"acme/dataplane/edge/u", "-/dataplane/edge/u", "", "evil", "evil/dataplane/edge/", "*/*/*/*"} {
		h.tried++
		var a ev.Ended
		if err := (&agentProcess{}).askFor(t.Context(), h.nc, "", ev.AgentSubject("evil", "edge", ev.AskEnded), ev.EndedQuestion{Marks: []string{mark}}, &a); err != nil || a.Error == "" || len(a.Ended) > 0 {
			t.Errorf("the mark %q: %+v %v", mark, a, err)
		}
	}
	asker, chart := &agentProcess{token: client.JoinToken{Owner: "evil", Agent: "edge"}, nc: h.nc}, h.lease.Charts["exporter"]
	for _, q := range []ev.ChartQuestion{{}, {Digest: "exporter"}, {Digest: "../../agent.nk"}, {Digest: ev.HashOf("")},
		{Digest: chart, From: -1}, {Digest: chart, From: 1 << 30}} {
		h.tried++
		if p, err := asker.askChart(t.Context(), q); err != nil || p.Error == "" || p.Size > 0 || len(p.Data) > 0 {
			t.Errorf("the chart %+v: %+v %v", q, p, err)
		}
	}
	if h.tried < 120 {
		t.Errorf("%d attempts", h.tried)
	}
	if n := counted(t, c, "nats"); n != byServer {
		t.Errorf("%d attempts, and %d counted by the server", byServer, n)
	}
	if n := counted(t, c, "intake"); n != h.tried-byServer {
		t.Errorf("%d attempts, and %d counted by the intake", h.tried-byServer, n)
	}
	if now, err := c.Log.Last(t.Context()); err != nil || now != last {
		t.Errorf("the log was at %d and is at %d: %v", last, now, err)
	}
	t.Logf("%d attempts, %d of them refused by the server", h.tried, byServer)

	second := enterAgain(h) // the same key, and no lease
	second.tried = h.tried
	m, err := second.nc.Request(ev.ReportSubject("evil", "edge", ev.Ref{Kind: ev.Dataplane, Owner: "evil", ID: "edge"}), []byte("{}"), 10*time.Second)
	if err != nil || !strings.HasPrefix(string(m.Data), "conflict") {
		t.Errorf("a report without the lease: %v %v", m, err)
	}
	if err := c.Live.Wait(t.Context(), last+1); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Log.Read(t.Context(), last+1); err != nil || r.Event.Type() != "report_refused" {
		t.Errorf("the event of it: %+v %v", r, err)
	}
}

// enterAgain connects once more by the same key.
func enterAgain(h *hostile) *hostile {
	h.t.Helper()
	nc, err := h.nc.Opts.Connect()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(nc.Close)
	return &hostile{t: h.t, c: h.c, nc: nc, errors: h.errors}
}

func create(t *testing.T, c *Control, ref ev.Ref, spec string) {
	t.Helper()
	r := command.Request{Owner: ref.Owner, Kind: string(ref.Kind), Name: ref.ID, Verb: ev.VerbCreate, Body: []byte(`{"spec":` + spec + `}`), Caller: ev.LocalAdmin()}
	if _, err := c.Intake.SubmitRequest(t.Context(), r); err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
}
