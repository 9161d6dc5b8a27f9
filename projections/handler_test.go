package projections

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
)

func TestOnlyWhoBearsTheTokenComesIn(t *testing.T) {
	s := start(t)
	for _, auth := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + token, token} {
		for _, target := range []string{"/v1/tenants", "/readyz", "/openapi.json", "/nowhere", "/v1/commands//tenant/x/create"} {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Authorization", auth)
			a := s.serve(r)
			a.problem(t, 401, events.Denied)
			if a.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%q %s: no challenge", auth, target)
			}
		}
	}
	if a := s.serve(httptest.NewRequest("GET", "/healthz", nil)); a.StatusCode != 200 || strings.TrimSpace(a.body) != `{"status":"ok"}` {
		t.Errorf("/healthz needs no token: %d %s", a.StatusCode, a.body)
	}
	if a := s.ask("GET", "/v1/tenants", "", "Authorization", "bearer "+token); a.StatusCode != 200 {
		t.Errorf("the scheme's case does not matter: %d", a.StatusCode)
	}
	open := newServer(Config{Views: s.views, Kinds: events.Builtin, Metrics: s.http.Metrics})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/v1/tenants", nil)
	r.Header.Set("Authorization", "Bearer ")
	open.ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("an empty token fits nobody: %d", w.Code)
	}
}

func TestPagesOfOtherSitesMayNotCommand(t *testing.T) {
	s := start(t)
	s.ask("POST", "/v1/commands/acme/tenant/prod/create", "{}", "Sec-Fetch-Site", "cross-site").problem(t, 403, events.Denied)
	s.ask("POST", "/v1/commands/acme/tenant/prod/create", "{}", "Origin", "https://evil.example").problem(t, 403, events.Denied)
	if a := s.ask("POST", "/v1/commands/acme/tenant/prod/create", "{}", "Sec-Fetch-Site", "same-origin"); a.StatusCode != 200 {
		t.Errorf("our own page may: %d %s", a.StatusCode, a.body)
	}
}

func TestACommandIsHandedToTheIntake(t *testing.T) {
	s := start(t)
	s.say = func(c CommandRequest) (events.Answer, error) {
		return events.Answer{CommandID: c.ID, Seq: 3, Events: []events.AnswerEvent{{Type: "requested", Seq: 3, ID: "e"}}, Entity: events.AnswerEntity{Owner: c.Owner, Kind: c.Kind, ID: c.Name, UID: "u", Phase: "Requested", Seq: 3}}, nil
	}
	a := s.ask("POST", "/v1/commands/acme/application/prod_pg/update", `{"spec": {}}`, "Nats-Msg-Id", "c1", "Aerie-Expected-Seq", "7",
		"Aerie-Expected-Uid", "u", "Aerie-Dry-Run", "true", "traceparent", "00-x")
	want := `{"command_id":"c1","seq":3,"events":[{"type":"requested","seq":3,"id":"e"}],"entity":{"owner":"acme","kind":"application","id":"prod_pg","uid":"u","phase":"Requested","seq":3}}`
	if a.StatusCode != 200 || strings.TrimSpace(a.body) != want {
		t.Errorf("the answer: %d %s", a.StatusCode, a.body)
	}
	c := s.asked[0]
	if c.ID != "c1" || c.Owner != "acme" || c.Kind != events.Application || c.Name != "prod_pg" || c.Verb != "update" || string(c.Body) != `{"spec": {}}` ||
		c.ExpectedSeq == nil || *c.ExpectedSeq != 7 || c.ExpectedUID != "u" || !c.DryRun || c.TraceParent != "00-x" || c.Actor != "admin" {
		t.Errorf("the command: %+v", c)
	}
	s.ask("POST", "/v1/commands/-/plan/free/retry", "")
	if c := s.asked[1]; c.ExpectedSeq != nil || c.DryRun || len(c.Body) != 0 || c.Owner != "-" || c.ID != "" {
		t.Errorf("a command without anything: %+v", c)
	}
	if a := s.ask("POST", "/v1/commands/acme/tenant/x/create", strings.Repeat(" ", events.MaxBody)); a.StatusCode != 200 {
		t.Errorf("the largest body: %d %s", a.StatusCode, a.body)
	}
}

func TestACommandThatIsNoneIsInvalidByName(t *testing.T) {
	s := start(t)
	for target, field := range map[string]string{
		"/v1/commands//tenant/x/create":             "owner",
		"/v1/commands/acme//x/create":               "kind",
		"/v1/commands/acme/tenant//create":          "id",
		"/v1/commands/acme/tenant/x/":               "verb",
		"/v1/commands/acme/tenant/x":                "path",
		"/v1/commands/":                             "path",
		"/v1/commands/acme/tenant/x/create/more":    "path",
		"/v1/commands/acme/tenant/a%20b/create":     "id",
		"/v1/commands/acme/tenant/a.b/create":       "id",
		"/v1/commands/acme/tenant/%2A/create":       "id",
		"/v1/commands/acme/tenant/%3E/create":       "id",
		"/v1/commands/acme/tenant/a%2Fb/create":     "id",
		"/v1/commands/acme/tenant/../create":        "id",
		"/v1/commands/acme/tenant/%2e%2e/create":    "id",
		"/v1/commands/acme/tenant/%00/create":       "id",
		"/v1/commands/a%20c/tenant/x/create":        "owner",
		"/v1/commands/acme/tenants/x/create":        "kind",
		"/v1/commands/acme/tenat/x/create":          "kind",
		"/v1/commands/-/tenant/x/create":            "owner",
		"/v1/commands/acme/customer/beta/create":    "owner",
		"/v1/commands/acme/tenant/x/create?dry=yes": "dry",
	} {
		p := s.ask("POST", target, "{}").problem(t, 400, events.Invalid)
		if len(p.Details) != 1 || p.Details[0].Field != field || p.Details[0].Message == "" {
			t.Errorf("POST %s: want a fault of %s, got %+v", target, field, p)
		}
	}
	for name, value := range map[string]string{"Aerie-Expected-Seq": "-1", "Aerie-Dry-Run": "perhaps", "Nats-Msg-Id": strings.Repeat("x", 101)} {
		p := s.ask("POST", "/v1/commands/acme/tenant/x/create", "{}", name, value).problem(t, 400, events.Invalid)
		if p.Details[0].Field != name {
			t.Errorf("%s: %+v", name, p)
		}
	}
	p := s.ask("POST", "/v1/commands/acme/tenant/x/create", strings.Repeat(" ", events.MaxBody+1)).problem(t, 400, events.Invalid)
	if p.Details[0].Field != "body" {
		t.Errorf("too large a body: %+v", p)
	}
	r := httptest.NewRequest("POST", "/v1/commands/acme/tenant/x/create", io.MultiReader(strings.NewReader("{"), broken{}))
	r.Header.Set("Authorization", "Bearer "+token)
	s.serve(r).problem(t, 400, events.Invalid)
	if len(s.asked) > 0 {
		t.Errorf("none of them may get to the intake: %+v", s.asked)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestEveryErrorHasItsStatus(t *testing.T) {
	s := start(t)
	for code, status := range map[events.Code]int{
		events.Invalid: 400, events.NotFound: 404, events.Conflict: 409, events.Refused: 422,
		events.Denied: 403, events.Unavailable: 503, events.Internal: 500,
	} {
		s.say = func(CommandRequest) (events.Answer, error) {
			r := events.Refuse(code, "because")
			r.Details = []events.FieldError{{Field: "spec.plan", Message: "no"}}
			return events.Answer{}, r
		}
		p := s.ask("POST", "/v1/commands/acme/tenant/x/create", "{}").problem(t, status, code)
		if p.Detail != "because" || len(p.Details) != 1 || p.Retryable != (code == events.Unavailable) {
			t.Errorf("%s: %+v", code, p)
		}
	}
	s.say = func(CommandRequest) (events.Answer, error) { return events.Answer{}, errCloud }
	a := s.ask("POST", "/v1/commands/acme/tenant/x/create", "{}")
	if p := a.problem(t, 500, events.Internal); p.Detail != "internal error" || strings.Contains(a.body, "secret") {
		t.Errorf("the cause stays in the log: %s", a.body)
	}
	s.say = func(CommandRequest) (events.Answer, error) { panic("on the street") }
	s.ask("POST", "/v1/commands/acme/tenant/x/create", "{}").problem(t, 500, events.Internal)
	s.customer("acme", nil)
	s.views.readEvent = func(context.Context, uint64) (events.Recorded, error) { return events.Recorded{}, errCloud }
	s.ask("GET", "/v1/events", "").problem(t, 500, events.Internal)
	s.ask("GET", "/v1/customers/acme/history", "").problem(t, 500, events.Internal)
}

func TestAWrongMethodIsInvalid(t *testing.T) {
	s := start(t)
	for method, target := range map[string]string{"DELETE": "/v1/tenants", "POST": "/v1/tenants/acme/x", "GET": "/v1/commands/acme/tenant/x/create", "PUT": "/healthz"} {
		a := s.ask(method, target, "")
		p := a.problem(t, http.StatusMethodNotAllowed, events.Invalid)
		if a.Header.Get("Allow") == "" || p.Details[0].Field != "method" {
			t.Errorf("%s %s: %+v", method, target, p)
		}
	}
}

func TestReadinessTellsWhatTheLogPromises(t *testing.T) {
	s := start(t)
	s.customer("acme", nil)
	if a := s.ask("GET", "/readyz", ""); a.StatusCode != 200 || strings.TrimSpace(a.body) != `{"ready":true,"log":"every answered command is fsynced","seq":1,"reason":""}` {
		t.Errorf("ready: %d %s", a.StatusCode, a.body)
	}
	s.ready = errors.New("the log is away")
	if a := s.ask("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.body, `"ready":false`) || !strings.Contains(a.body, "the log is away") {
		t.Errorf("not ready: %d %s", a.StatusCode, a.body)
	}
}

// FuzzRequests asks anything: the answer is never a redirect, never our fault,
// and always a problem if it is a no.
func FuzzRequests(f *testing.F) {
	for _, target := range []string{
		"/v1/tenants?owner=acme&label=a=b&limit=3", "/v1/commands//x/y", "/v1/events?since=x&after=1", "/v1/tenants/%2e/x",
		"/v1/tenants?cursor=eA&q=%C3", "/v1/tenants?at=1&sort=-seq", "/v1/commands/acme/tenant/%2a/create", "//", "/v1/tenants?min_seq=0&limit=0x1",
	} {
		f.Add("GET", target)
		f.Add("POST", target)
	}
	s := start(f)
	f.Fuzz(func(t *testing.T, method, target string) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // for min_seq
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", "/", strings.NewReader("{}"))
		if err := setTarget(r, target); err != nil {
			t.Skip(err)
		}
		r.Method = method
		r.Header.Set("Authorization", "Bearer "+token)
		a := s.serve(r)
		if a.StatusCode >= 300 && a.StatusCode < 400 || a.StatusCode == 500 ||
			a.StatusCode >= 400 && a.Header.Get("Content-Type") != problemJSON {
			t.Errorf("%s %q: %d %s %s", method, target, a.StatusCode, a.Header.Get("Content-Type"), a.body)
		}
	})
}
