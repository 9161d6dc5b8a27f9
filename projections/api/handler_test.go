package api_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
)

func TestOnlyWhoBearsTheTokenComesIn(t *testing.T) {
	s := apitest.New(t)
	for _, auth := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + apitest.Token, apitest.Token} {
		for _, target := range []string{"/v1/tenants", "/metrics", "/nowhere", "/v1/commands//tenant/x/create"} {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Authorization", auth)
			a := s.Serve(r)
			a.Problem(t, 401, events.Denied)
			if a.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%q %s: no challenge", auth, target)
			}
		}
	}
	if a := s.Serve(httptest.NewRequest("GET", "/healthz", nil)); a.StatusCode != 200 || strings.TrimSpace(a.Body) != `{"status":"ok"}` {
		t.Errorf("/healthz needs no token: %d %s", a.StatusCode, a.Body)
	}
	for _, target := range []string{"/livez", "/readyz", "/", "/docs", "/openapi.json", "/asyncapi.json"} {
		if a := s.Serve(httptest.NewRequest("GET", target, nil)); a.StatusCode != 200 {
			t.Errorf("%s needs no token: %d %s", target, a.StatusCode, a.Body)
		}
	}
	if a := s.Ask("GET", "/v1/tenants", "", "Authorization", "bearer "+apitest.Token); a.StatusCode != 200 {
		t.Errorf("the scheme's case does not matter: %d", a.StatusCode)
	}
	open := api.NewHandler(api.Config{Views: s.Views, Kinds: events.Builtin, Metrics: s.Config.Metrics, Fanout: s.Fanout})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/v1/tenants", nil)
	r.Header.Set("Authorization", "Bearer ")
	open.ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("an empty token fits nobody: %d", w.Code)
	}
}

func TestPagesOfOtherSitesMayNotCommand(t *testing.T) {
	s := apitest.New(t)
	s.Ask("POST", "/v1/commands/acme/tenant/prod/create", "{}", "Sec-Fetch-Site", "cross-site").Problem(t, 403, events.Denied)
	s.Ask("POST", "/v1/commands/acme/tenant/prod/create", "{}", "Origin", "https://evil.example").Problem(t, 403, events.Denied)
	if a := s.Ask("POST", "/v1/commands/acme/tenant/prod/create", "{}", "Sec-Fetch-Site", "same-origin"); a.StatusCode != 200 {
		t.Errorf("our own page may: %d %s", a.StatusCode, a.Body)
	}
}

func TestACommandIsHandedToTheIntake(t *testing.T) {
	s := apitest.New(t)
	s.Say = func(c api.CommandRequest) (events.Answer, error) {
		return events.Answer{CommandID: c.ID, Seq: 3, Events: []events.AnswerEvent{{Type: "requested", Seq: 3, ID: "e"}}, Entity: events.AnswerEntity{Owner: c.Owner, Kind: c.Kind, ID: c.Name, UID: "u", Phase: "Requested", Seq: 3}}, nil
	}
	a := s.Ask("POST", "/v1/commands/acme/application/prod_pg/update", `{"spec": {}}`, "Nats-Msg-Id", "c1", "Aerie-Expected-Seq", "7",
		"Aerie-Expected-Uid", "u", "Aerie-Dry-Run", "true", "traceparent", "00-x")
	want := `{"command_id":"c1","seq":3,"events":[{"type":"requested","seq":3,"id":"e"}],"entity":{"owner":"acme","kind":"application","id":"prod_pg","uid":"u","phase":"Requested","seq":3}}`
	if a.StatusCode != 200 || strings.TrimSpace(a.Body) != want {
		t.Errorf("the answer: %d %s", a.StatusCode, a.Body)
	}
	c := s.Asked[0]
	if c.ID != "c1" || c.Owner != "acme" || c.Kind != events.Application || c.Name != "prod_pg" || c.Verb != "update" || string(c.Body) != `{"spec": {}}` ||
		c.ExpectedSeq == nil || *c.ExpectedSeq != 7 || c.ExpectedUID != "u" || !c.DryRun || c.TraceParent != "00-x" || c.Caller != events.LocalAdmin() {
		t.Errorf("the command: %+v", c)
	}
	s.Ask("POST", "/v1/commands/-/plan/free/retry", "")
	if c := s.Asked[1]; c.ExpectedSeq != nil || c.DryRun || len(c.Body) != 0 || c.Owner != "-" || c.ID != "" {
		t.Errorf("a command without anything: %+v", c)
	}
	s.Ask("POST", "/v1/commands/-/plan/free/retry", "", "Idempotency-Key", "k1")
	if c := s.Asked[2]; c.ID != "k1" {
		t.Errorf("the key is the command's id: %+v", c)
	}
	if p := s.Ask("POST", "/v1/commands/-/plan/free/retry", "", "Idempotency-Key", "k1", "Nats-Msg-Id", "k2").Problem(t, 400, events.Invalid); p.Details[0].Field != "Idempotency-Key" {
		t.Errorf("two ids: %+v", p)
	}
	if a := s.Ask("POST", "/v1/commands/acme/tenant/x/create", strings.Repeat(" ", events.MaxBody)); a.StatusCode != 200 {
		t.Errorf("the largest body: %d %s", a.StatusCode, a.Body)
	}
}

func TestACommandThatIsNoneIsInvalidByName(t *testing.T) {
	s := apitest.New(t)
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
		p := s.Ask("POST", target, "{}").Problem(t, 400, events.Invalid)
		if len(p.Details) != 1 || p.Details[0].Field != field || p.Details[0].Message == "" {
			t.Errorf("POST %s: want a fault of %s, got %+v", target, field, p)
		}
	}
	for name, value := range map[string]string{"Aerie-Expected-Seq": "-1", "Aerie-Dry-Run": "perhaps", "Nats-Msg-Id": strings.Repeat("x", 101)} {
		p := s.Ask("POST", "/v1/commands/acme/tenant/x/create", "{}", name, value).Problem(t, 400, events.Invalid)
		if p.Details[0].Field != name {
			t.Errorf("%s: %+v", name, p)
		}
	}
	p := s.Ask("POST", "/v1/commands/acme/tenant/x/create", strings.Repeat(" ", events.MaxBody+1)).Problem(t, 400, events.Invalid)
	if p.Details[0].Field != "body" {
		t.Errorf("too large a body: %+v", p)
	}
	r := httptest.NewRequest("POST", "/v1/commands/acme/tenant/x/create", io.MultiReader(strings.NewReader("{"), broken{}))
	r.Header.Set("Authorization", "Bearer "+apitest.Token)
	s.Serve(r).Problem(t, 400, events.Invalid)
	if len(s.Asked) > 0 {
		t.Errorf("none of them may get to the intake: %+v", s.Asked)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestEveryErrorHasItsStatus(t *testing.T) {
	s := apitest.New(t)
	for code, status := range map[events.Code]int{
		events.Invalid: 400, events.NotFound: 404, events.Conflict: 409, events.Refused: 422,
		events.Denied: 403, events.Unavailable: 503, events.TooMany: 429, events.Internal: 500,
	} {
		s.Say = func(api.CommandRequest) (events.Answer, error) {
			r := events.Refuse(code, "because")
			r.Details = []events.FieldError{{Field: "spec.plan", Message: "no"}}
			return events.Answer{}, r
		}
		p := s.Ask("POST", "/v1/commands/acme/tenant/x/create", "{}").Problem(t, status, code)
		if p.Detail != "because" || len(p.Details) != 1 || p.Retryable != (code == events.Unavailable || code == events.TooMany) {
			t.Errorf("%s: %+v", code, p)
		}
	}
	s.Say = func(api.CommandRequest) (events.Answer, error) { return events.Answer{}, errCloud }
	a := s.Ask("POST", "/v1/commands/acme/tenant/x/create", "{}")
	if p := a.Problem(t, 500, events.Internal); p.Detail != "internal error" || strings.Contains(a.Body, "secret") {
		t.Errorf("the cause stays in the log: %s", a.Body)
	}
	s.Say = func(api.CommandRequest) (events.Answer, error) { panic("on the street") }
	s.Ask("POST", "/v1/commands/acme/tenant/x/create", "{}").Problem(t, 500, events.Internal)
	s.Customer("acme", nil)
	s.Views.ReadEvent = func(context.Context, uint64) (events.Recorded, error) { return events.Recorded{}, errCloud }
	s.Ask("GET", "/v1/events", "").Problem(t, 500, events.Internal)
	s.Ask("GET", "/v1/customers/acme/history", "").Problem(t, 500, events.Internal)
}

func TestAWrongMethodIsInvalid(t *testing.T) {
	s := apitest.New(t)
	for method, target := range map[string]string{"DELETE": "/v1/tenants", "POST": "/v1/tenants/acme/x", "GET": "/v1/commands/acme/tenant/x/create", "PUT": "/healthz"} {
		a := s.Ask(method, target, "")
		p := a.Problem(t, http.StatusMethodNotAllowed, events.Invalid)
		if a.Header.Get("Allow") == "" || p.Details[0].Field != "method" {
			t.Errorf("%s %s: %+v", method, target, p)
		}
	}
}

func TestReadinessTellsWhatTheLogPromises(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)
	if a := s.Ask("GET", "/readyz", ""); a.StatusCode != 200 || strings.TrimSpace(a.Body) != `{"ready":true,"log":"every answered command is fsynced","seq":1,"reason":""}` {
		t.Errorf("ready: %d %s", a.StatusCode, a.Body)
	}
	s.Ready = errors.New("the log is away")
	if a := s.Ask("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.Body, `"ready":false`) || !strings.Contains(a.Body, "the log is away") {
		t.Errorf("not ready: %d %s", a.StatusCode, a.Body)
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
	s := apitest.New(f)
	f.Fuzz(func(t *testing.T, method, target string) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // for min_seq
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", "/", strings.NewReader("{}"))
		if err := apitest.SetTarget(r, target); err != nil {
			t.Skip(err)
		}
		r.Method = method
		r.Header.Set("Authorization", "Bearer "+apitest.Token)
		a := s.Serve(r)
		if a.StatusCode >= 300 && a.StatusCode < 400 || a.StatusCode == 500 ||
			a.StatusCode >= 400 && a.Header.Get("Content-Type") != api.ProblemJSON {
			t.Errorf("%s %q: %d %s %s", method, target, a.StatusCode, a.Header.Get("Content-Type"), a.Body)
		}
	})
}

var errCloud = errors.New("the secret cause")

// TestTheFrontPage tells a person where they are, and whether it works.
func TestTheFrontPage(t *testing.T) {
	s := apitest.New(t)
	a := s.Serve(httptest.NewRequest("GET", "/", nil))
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatal(a.StatusCode, a.Header)
	}
	for _, want := range []string{"<strong>ready</strong>", "AERIE_TOKEN", "AERIE_API_URL", `href="/docs"`, `href="/openapi.json"`, "name=viewport"} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("it lacks %s:\n%s", want, a.Body)
		}
	}
	s.Ready = errors.New("the disk is <full>")
	if a := s.Serve(httptest.NewRequest("GET", "/", nil)); a.StatusCode != 200 || !strings.Contains(a.Body, "<strong>not ready</strong>: the disk is &lt;full&gt;") {
		t.Errorf("not ready: %d %s", a.StatusCode, a.Body)
	}
}

// TestWhatTheClientHasIsNotSentAgain as long as it is the same.
func TestWhatTheClientHasIsNotSentAgain(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)
	a := s.Ask("GET", "/v1/customers/acme", "")
	tag := a.Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	s.Customer("beta", nil)
	for _, known := range []string{tag, `"other", ` + tag, "*"} {
		if a := s.Ask("GET", "/v1/customers/acme", "", "If-None-Match", known); a.StatusCode != 304 || a.Body != "" || a.Header.Get("Aerie-As-Of-Seq") != "2" {
			t.Errorf("%s: %d %v %q", known, a.StatusCode, a.Header, a.Body)
		}
	}
	s.Happen(apitest.Ref(events.Customer, "acme"), events.Updated[events.CustomerSpec]{})
	if a := s.Ask("GET", "/v1/customers/acme", "", "If-None-Match", tag); a.StatusCode != 200 || a.Header.Get("ETag") == tag {
		t.Errorf("it has changed: %d", a.StatusCode)
	}
	if a := s.Ask("POST", "/v1/commands/acme/customer/acme/retry", "", "If-None-Match", "*"); a.StatusCode != 200 || a.Header.Get("ETag") != "" {
		t.Errorf("a command is no reading: %d %v", a.StatusCode, a.Header)
	}
}

// TestLongAnswersAreCompressed for who takes gzip.
func TestLongAnswersAreCompressed(t *testing.T) {
	s := apitest.New(t)
	plain, short := s.Ask("GET", "/openapi.json", ""), s.Ask("GET", "/livez", "", "Accept-Encoding", "gzip")
	if plain.Header.Get("Content-Encoding") != "" || short.Header.Get("Content-Encoding") != "" {
		t.Error("nobody asked for gzip, or it is too short for it")
	}
	a := s.Ask("GET", "/openapi.json", "", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(strings.NewReader(a.Body))
	if err != nil || a.Header.Get("Content-Encoding") != "gzip" || a.Header.Get("ETag") != plain.Header.Get("ETag") {
		t.Fatal(err, a.Header)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain.Body || len(a.Body) > len(plain.Body)/3 {
		t.Errorf("%v: %d bytes for %d", err, len(a.Body), len(plain.Body))
	}
}
