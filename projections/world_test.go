package projections

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
)

const token = "a-token"

// system is a whole read side: a log, the fold that follows it, views and HTTP.
type system struct {
	t     testing.TB
	nc    *nats.Conn
	log   *eventlog.Log
	fold  *state.Live
	views *Views
	http  *server
	done  chan struct{}
	asked []CommandRequest
	say   func(CommandRequest) (events.Answer, error)
	ready error
	tick  time.Time
}

// epoch is the time of the first decision of a test; each next is a minute later.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func start(t testing.TB) *system {
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
	s := &system{t: t, nc: nc, log: log, fold: state.NewLive(), done: make(chan struct{}), tick: epoch}
	s.views = New(s.fold, log)
	s.say = func(CommandRequest) (events.Answer, error) { return events.Answer{Events: []events.AnswerEvent{}}, nil }
	s.http = newServer(Config{
		Views: s.views, Kinds: events.Builtin, Metrics: NewMetrics(s.fold, log.Last), Token: token, Version: "test", Promise: "every answered command is fsynced", Done: s.done,
		Ready: func() error { return s.ready },
		Do: func(_ context.Context, c CommandRequest) (events.Answer, error) {
			s.asked = append(s.asked, c)
			return s.say(c)
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { _ = s.fold.Follow(ctx, log) })
	t.Cleanup(func() { stop(); following.Wait() })
	return s
}

// happen appends one decision about one entity, and waits until the views have it.
func (s *system) happen(r events.Ref, happened ...events.Event) uint64 {
	s.t.Helper()
	e, _ := s.get(r)
	recorded, err := s.log.Append(s.t.Context(), eventlog.Decision{
		Envelope: events.Envelope{Time: s.tick, Actor: events.ActorAdmin, CommandID: fmt.Sprintf("c-%d", s.tick.Unix()), CausationID: "cause", CorrelationID: "thread"},
		Changes:  []events.Change{{Ref: r, After: e.Seq, Events: happened}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.tick = s.tick.Add(time.Minute)
	seq := recorded[len(recorded)-1].Seq
	if err := s.views.Await(s.t.Context(), seq); err != nil {
		s.t.Fatal(err, s.fold.Err())
	}
	return seq
}

func (s *system) get(r events.Ref) (e entity, ok bool) {
	s.fold.View(func(w *state.Entities) { e, ok = w.Get(r) })
	return e, ok
}

func ref(k events.Kind, path string) events.Ref {
	r, faults := events.ParseRef(k, path)
	if len(faults) > 0 {
		panic(faults[0].Message)
	}
	return r
}

// decode makes a spec from JSON as the intake does.
func decode[S events.Spec](body string) S {
	var zero S
	ask, err := events.DecodeAsk(zero.Kind(), events.VerbCreate, []byte(`{"spec":`+body+`}`))
	if err != nil {
		panic(err)
	}
	return ask.(events.Create).Spec.(S)
}

func (s *system) customer(id string, labels map[string]string) {
	s.happen(ref(events.Customer, id), events.Created[events.CustomerSpec]{UID: "u-" + id, Labels: labels, Spec: decode[events.CustomerSpec](`{}`)})
}

func (s *system) tenant(path, plan string, labels map[string]string) {
	s.happen(ref(events.Tenant, path), events.Requested[events.TenantSpec]{UID: "u", Labels: labels, Spec: decode[events.TenantSpec](`{"plan":"` + plan + `"}`)})
}

// platform makes a plan, an account, and a dataplane on the way.
func (s *system) platform() {
	s.happen(ref(events.Plan, "free"), events.Created[events.PlanSpec]{UID: "p", Spec: decode[events.PlanSpec](`{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}`)}, events.Released{})
	s.happen(ref(events.Account, "main"), events.Requested[events.AccountSpec]{UID: "a", Spec: decode[events.AccountSpec](`{"cloud":"sim","number":"1"}`)})
	s.happen(ref(events.Dataplane, "eu"), events.Requested[events.DataplaneSpec]{UID: "d", Spec: decode[events.DataplaneSpec](`{"account":"-/main","region":"eu-central"}`)})
}

// place puts a tenant on a dataplane.
func (s *system) place(path, dataplane string) {
	s.happen(ref(events.Tenant, path), events.PlacingStarted{})
	s.happen(ref(events.Tenant, path), events.Placed{Placement: events.Placement{Dataplane: dataplane, TenantInfra: dataplane + "_pg", Namespace: "n", Plan: "-/free", PlanVersion: 1, Why: "the only one"}})
}

type answer struct {
	*http.Response
	body string
}

// ask sends a request with the token; headers are pairs.
func (s *system) ask(method, target, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/", strings.NewReader(body))
	if err := setTarget(r, target); err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.serve(r)
}

// setTarget sets what stands on the request line, as a server would read it.
func setTarget(r *http.Request, target string) error {
	parsed, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")))
	if err == nil {
		r.URL, r.RequestURI = parsed.URL, target
	}
	return err
}

func (s *system) serve(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.http.ServeHTTP(w, r)
	data, _ := io.ReadAll(w.Result().Body)
	return answer{w.Result(), string(data)}
}

// fetch reads a page and decodes it.
func fetch[T any](s *system, target string) (out T) {
	s.t.Helper()
	a := s.ask("GET", target, "")
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", target, a.StatusCode, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		s.t.Fatalf("GET %s: %v in %s", target, err, a.body)
	}
	return out
}

// problem asserts that an answer is a problem of a status and a code.
func (a answer) problem(t testing.TB, status int, code events.Code) (p Problem) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v in %d %q", err, a.StatusCode, a.body)
	}
	if a.StatusCode != status || p.Status != status || p.Code != code || a.Header.Get("Content-Type") != problemJSON ||
		p.Detail == "" || p.Title == "" || p.Type != "urn:aerie:problem:"+string(code) || p.Details == nil || p.Fault == "" {
		t.Fatalf("want a problem %d %s, got %d %s %s", status, code, a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	return p
}

// names are the owners and ids of a list.
func (s *system) names(target string) string {
	s.t.Helper()
	var all []string
	for _, e := range fetch[List[struct{ Owner, ID string }]](s, target).Items {
		all = append(all, e.Owner+"/"+e.ID)
	}
	return strings.Join(all, " ")
}

var errCloud = errors.New("the secret cause")
