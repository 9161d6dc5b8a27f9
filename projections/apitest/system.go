// Package apitest is a whole read side for tests of views and of api: a log in a real NATS server, the fold that follows it,
// views, and HTTP, without anyone who decides. A test says what happens, and asks over HTTP. Begin with System; Life has
// random commands make a log. A System belongs to one test: what it is asked may come from many goroutines, what happens
// from one only. Nothing outlives the test: NATS and
// its files end with it.
package apitest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

// Token is what requests bear.
const Token = "a-token"

// System is a whole read side: a log, the fold that follows it, views and HTTP.
type System struct {
	T      testing.TB
	NC     *nats.Conn
	Log    *eventlog.Log
	Fold   *state.Live
	Views  *views.Views
	Fanout *api.Fanout
	HTTP   http.Handler
	Config api.Config
	Done   chan struct{}
	Asked  []api.CommandRequest
	Say    func(api.CommandRequest) (events.Answer, error)
	Ready  error
	Tick   time.Time
}

// Epoch is the time of the first decision of a test; each next is a minute later.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// New makes one of an empty log.
func New(t testing.TB) *System {
	t.Helper()
	srv, _ := natstest.Start(t)
	guard, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nc := natstest.Connect(t, srv)
	log, err := eventlog.Open(t.Context(), nc, fsm.Vocabulary(), guard)
	if err != nil {
		t.Fatal(err)
	}
	s := &System{T: t, NC: nc, Log: log, Fold: state.NewLive(), Done: make(chan struct{}), Tick: Epoch}
	s.Views = views.New(s.Fold, log)
	s.Fanout = api.NewFanout(s.Fold)
	s.Say = func(api.CommandRequest) (events.Answer, error) {
		return events.Answer{Events: []events.AnswerEvent{}}, nil
	}
	s.Config = api.Config{
		Views: s.Views, Kinds: events.Builtin, Metrics: metrics.New(s.Fold, log.Last), Fanout: s.Fanout, Token: Token, Version: "test", Promise: "every answered command is fsynced", Done: s.Done,
		Ready: func() error { return s.Ready },
		Do: func(_ context.Context, c api.CommandRequest) (events.Answer, error) {
			s.Asked = append(s.Asked, c)
			return s.Say(c)
		},
	}
	s.HTTP = api.NewHandler(s.Config)
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { _ = s.Fold.Follow(ctx, log) })
	t.Cleanup(func() { stop(); following.Wait() })
	return s
}

// Happen appends one decision about one entity, and waits until the views have it.
func (s *System) Happen(r events.Ref, happened ...events.Event) uint64 {
	s.T.Helper()
	e, _ := s.get(r)
	recorded, err := s.Log.Append(s.T.Context(), eventlog.Decision{
		Envelope: events.Envelope{Time: s.Tick, Actor: events.ActorAdmin, CommandID: fmt.Sprintf("c-%d", s.Tick.Unix()), CausationID: "cause", CorrelationID: "thread"},
		Changes:  []events.Change{{Ref: r, After: e.Seq, Events: happened}},
	})
	if err != nil {
		s.T.Fatal(err)
	}
	s.Tick = s.Tick.Add(time.Minute)
	seq := recorded[len(recorded)-1].Seq
	if err := s.Views.Await(s.T.Context(), seq); err != nil {
		s.T.Fatal(err, s.Fold.Err())
	}
	return seq
}

// get is what the fold has.
func (s *System) get(r events.Ref) (e fsm.Entity[fsm.Data], ok bool) {
	s.Fold.View(func(w *state.Entities) { e, ok = w.Get(r) })
	return e, ok
}

// Ref reads a path.
func Ref(k events.Kind, path string) events.Ref {
	r, faults := events.ParseRef(k, path)
	if len(faults) > 0 {
		panic(faults[0].Message)
	}
	return r
}

// Decode makes a spec from JSON as the intake does.
func Decode[S events.Spec](body string) S {
	var zero S
	ask, err := events.DecodeAsk(zero.Kind(), events.VerbCreate, []byte(`{"spec":`+body+`}`))
	if err != nil {
		panic(err)
	}
	return ask.(events.Create).Spec.(S)
}

// Customer makes one.
func (s *System) Customer(id string, labels map[string]string) {
	s.Happen(Ref(events.Customer, id), events.Created[events.CustomerSpec]{UID: "u-" + id, Labels: labels, Spec: Decode[events.CustomerSpec](`{}`)})
}

// Tenant asks for one.
func (s *System) Tenant(path, plan string, labels map[string]string) {
	s.Happen(Ref(events.Tenant, path), events.Requested[events.TenantSpec]{UID: "u", Labels: labels, Spec: Decode[events.TenantSpec](`{"plan":"` + plan + `"}`)})
}

// Platform makes a plan, an account, and a dataplane on the way.
func (s *System) Platform() {
	s.Happen(Ref(events.Plan, "free"), events.Created[events.PlanSpec]{UID: "p", Spec: Decode[events.PlanSpec](`{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}`)}, events.Released{})
	s.Happen(Ref(events.Account, "main"), events.Requested[events.AccountSpec]{UID: "a", Spec: Decode[events.AccountSpec](`{"cloud":"sim","number":"1"}`)})
	s.Happen(Ref(events.Dataplane, "eu"), events.Requested[events.DataplaneSpec]{UID: "d", Spec: Decode[events.DataplaneSpec](`{"account":"-/main","region":"eu-central"}`)})
}

// Place puts a tenant on a dataplane.
func (s *System) Place(path, dataplane string) {
	s.Happen(Ref(events.Tenant, path), events.PlacingStarted{})
	s.Happen(Ref(events.Tenant, path), events.Placed{Placement: events.Placement{Dataplane: dataplane, TenantInfra: dataplane + "_pg", Namespace: "n", Plan: "-/free", PlanVersion: 1, Why: "the only one"}})
}

// answer is one of HTTP, read to its end.
type answer struct {
	*http.Response
	Body string
}

// Ask sends a request with the token; headers are pairs.
func (s *System) Ask(method, target, body string, headers ...string) answer {
	s.T.Helper()
	r := httptest.NewRequestWithContext(s.T.Context(), method, "/", strings.NewReader(body))
	if err := SetTarget(r, target); err != nil {
		s.T.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+Token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.Serve(r)
}

// SetTarget sets what stands on the request line, as a server would read it.
func SetTarget(r *http.Request, target string) error {
	parsed, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")))
	if err == nil {
		r.URL, r.RequestURI = parsed.URL, target
	}
	return err
}

// Serve hands a request to the handler.
func (s *System) Serve(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.HTTP.ServeHTTP(w, r)
	data, _ := io.ReadAll(w.Result().Body)
	return answer{w.Result(), string(data)}
}

// Fetch reads a page and decodes it.
func Fetch[T any](s *System, target string) (out T) {
	s.T.Helper()
	a := s.Ask("GET", target, "")
	if a.StatusCode != http.StatusOK {
		s.T.Fatalf("GET %s: %d %s", target, a.StatusCode, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil {
		s.T.Fatalf("GET %s: %v in %s", target, err, a.Body)
	}
	return out
}

// Problem asserts that an answer is a problem of a status and a code.
func (a answer) Problem(t testing.TB, status int, code events.Code) (p api.Problem) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
		t.Fatalf("%v in %d %q", err, a.StatusCode, a.Body)
	}
	if a.StatusCode != status || p.Status != status || p.Code != code || a.Header.Get("Content-Type") != "application/problem+json" ||
		p.Detail == "" || p.Title == "" || p.Type != "urn:aerie:problem:"+string(code) || p.Details == nil || p.Fault == "" {
		t.Fatalf("want a problem %d %s, got %d %s %s", status, code, a.StatusCode, a.Header.Get("Content-Type"), a.Body)
	}
	return p
}

// Names are the owners and ids of a list.
func (s *System) Names(target string) string {
	s.T.Helper()
	var all []string
	for _, e := range Fetch[views.List[struct{ Owner, ID string }]](s, target).Items {
		all = append(all, e.Owner+"/"+e.ID)
	}
	return strings.Join(all, " ")
}

// Stored is the whole log as JetStream has it.
func (s *System) Stored() (all []*jetstream.RawStreamMsg) {
	s.T.Helper()
	js, err := jetstream.New(s.NC)
	if err != nil {
		s.T.Fatal(err)
	}
	stream, err := js.Stream(s.T.Context(), eventlog.Stream)
	if err != nil {
		s.T.Fatal(err)
	}
	for seq := uint64(1); seq <= s.Views.AsOf().Seq; seq++ {
		m, err := stream.GetMsg(s.T.Context(), seq)
		if err != nil {
			s.T.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// DecisionOf makes a customer by somebody who is no admin.
func DecisionOf(r events.Ref) eventlog.Decision {
	return eventlog.Decision{
		Envelope: events.Envelope{Time: Epoch, Actor: "someone", CommandID: "c"},
		Changes:  []events.Change{{Ref: r, Events: []events.Event{events.Created[events.CustomerSpec]{UID: "u", Spec: Decode[events.CustomerSpec](`{}`)}}}},
	}
}

// Seqs are the sequences of a page of events.
func (s *System) Seqs(target string) string {
	s.T.Helper()
	var all []string
	for _, e := range Fetch[views.List[views.Event]](s, target).Items {
		all = append(all, strconv.FormatUint(e.Seq, 10))
	}
	return strings.Join(all, " ")
}
