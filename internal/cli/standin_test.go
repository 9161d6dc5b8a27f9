package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
)

// standIn answers as the contract says and keeps what it was told. What becomes
// of an entity is said by the test, so that trouble can be had at will.
type standIn struct {
	t       *testing.T
	apiURL  string
	natsURL string
	token   string
	nc      *nats.Conn // with all rights

	mu       sync.Mutex
	entities map[events.Ref]client.Entity
	heard    []*nats.Msg
	deaf     int                                     // so many commands are not answered
	refuse   map[string]*events.Refusal              // by verb
	become   func(e *client.Entity)                  // what a commanded entity is like at once
	problem  func(path string) (int, string)         // 0: none
	pages    int                                     // HTTP lists asked for
	later    func(map[events.Ref]client.Entity, int) // called at each read with its number
	reads    int
	past     time.Time // when the last event was
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	srv, token := natstest.Start(t)
	s := &standIn{t: t, natsURL: srv.URL(), token: token, nc: natstest.Connect(t, srv), entities: map[events.Ref]client.Entity{}, refuse: map[string]*events.Refusal{}}
	s.become = func(e *client.Entity) {
		e.Phase = map[events.Kind]string{events.Account: "Ready", events.Plan: "Released", events.Application: "Deployed"}[e.Kind]
		e.Phase = cmp.Or(e.Phase, "Active")
	}
	sub, err := s.nc.Subscribe("aerie.cmd.>", s.command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := s.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.apiURL = web.URL
	return s
}

// run calls the CLI against the stand-in.
func (s *standIn) run(stdin string, args ...string) (code int, out, errs string) {
	return s.runIn(s.t.Context(), stdin, args...)
}

func (s *standIn) runIn(ctx context.Context, stdin string, args ...string) (code int, out, errs string) {
	s.t.Helper()
	args = append(args, "--api-url", s.apiURL, "--nats-url", s.natsURL, "--token", s.token)
	return runCLI(ctx, stdin, args...)
}

func runCLI(ctx context.Context, stdin string, args ...string) (int, string, string) {
	var out, errs bytes.Buffer
	code := Run(ctx, args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// put places an entity.
func (s *standIn) put(e client.Entity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Spec == nil {
		e.Spec = json.RawMessage("{}")
	}
	s.entities[e.Ref()] = e
}

// commands lists what was asked in earnest, as "verb kind owner/id", without repeats.
func (s *standIn) commands() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.heard {
		if m.Header.Get("Aerie-Dry-Run") == "true" {
			continue
		}
		t := strings.Split(m.Subject, ".")
		all = append(all, t[5]+" "+t[3]+" "+t[2]+"/"+t[4])
	}
	return slices.Compact(all)
}

// messages are the commands as they were heard, repeats too.
func (s *standIn) messages() []*nats.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// holds is how many entities there are.
func (s *standIn) holds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entities)
}

func (s *standIn) command(m *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, m)
	if s.deaf > 0 {
		s.deaf--
		return
	}
	t := strings.Split(m.Subject, ".")
	ref := events.Ref{Owner: t[2], Kind: events.Kind(t[3]), ID: t[4]}
	ask, err := events.DecodeAsk(ref.Kind, t[5], m.Data)
	if r, ok := err.(*events.Refusal); ok {
		s.answer(m, map[string]any{"error": r})
		return
	}
	if r := s.refuse[t[5]]; r != nil {
		s.answer(m, map[string]any{"error": r})
		return
	}
	e := s.decide(ref, ask)
	if m.Header.Get("Aerie-Dry-Run") != "true" {
		s.entities[ref] = e
	}
	s.answer(m, events.Answer{CommandID: m.Header.Get(nats.MsgIdHdr), Seq: e.Seq, Events: []events.AnswerEvent{{Type: "requested", Seq: e.Seq}},
		Entity: events.AnswerEntity{Owner: ref.Owner, Kind: ref.Kind, ID: ref.ID, UID: e.UID, Phase: e.Phase, Seq: e.Seq}})
}

func (s *standIn) decide(ref events.Ref, ask events.Payload) client.Entity {
	e := s.entities[ref]
	e.Kind, e.Owner, e.ID, e.UID, e.Seq = ref.Kind, ref.Owner, ref.ID, "u1", uint64(len(s.heard))
	var spec events.Spec
	switch ask := ask.(type) {
	case events.Create:
		e.Labels, spec = ask.Labels, ask.Spec
	case events.Update:
		e.Labels, spec = ask.Labels, ask.Spec
	}
	if spec != nil {
		e.Spec = manifest.Canonical(spec)
	}
	s.become(&e)
	return e
}

func (s *standIn) answer(m *nats.Msg, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// ServeHTTP serves lists, two items at a page whatever is asked, and entities.
func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.later != nil {
		s.later(s.entities, s.reads)
	}
	if r.Header.Get("Authorization") != "Bearer "+s.token {
		answerProblem(w, http.StatusUnauthorized, `{"code":"denied","detail":"who are you?"}`)
		return
	}
	if s.problem != nil {
		if status, body := s.problem(r.URL.Path); status != 0 {
			answerProblem(w, status, body)
			return
		}
	}
	t := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	k, ok := events.KindOf(t[0])
	switch {
	case !ok:
		answerProblem(w, http.StatusNotFound, `{"title":"Not Found"}`)
	case len(t) == 1:
		s.list(w, r, k)
	case t[len(t)-1] == "history":
		write200(w, map[string]any{"as_of": map[string]any{"seq": 7, "time": s.past.UTC()}, "items": []any{}, "next": nil})
	default:
		ref := events.Ref{Kind: k, Owner: t[1], ID: t[len(t)-1]}
		e, there := s.entities[ref]
		if !there {
			answerProblem(w, http.StatusNotFound, `{"code":"not_found","detail":"there is no `+ref.String()+`"}`)
			return
		}
		w.Header().Set("Aerie-As-Of-Time", s.past.UTC().Format(time.RFC3339))
		write200(w, e)
	}
}

func (s *standIn) list(w http.ResponseWriter, r *http.Request, k events.Kind) {
	s.pages++
	var all []client.Entity
	for ref, e := range s.entities {
		if after := r.FormValue("cursor"); ref.Kind == k && ref.Path() > after {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b client.Entity) int { return strings.Compare(a.Ref().Path(), b.Ref().Path()) })
	var next *string
	if len(all) > 2 {
		all = all[:2]
		at := all[1].Ref().Path()
		next = &at
	}
	write200(w, map[string]any{"as_of": map[string]any{"seq": 7, "time": s.past.UTC()}, "items": all, "next": next})
}

func answerProblem(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func write200(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(data)
}
