package views_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

func TestListsAreFilteredByWhatWasAsked(t *testing.T) {
	s := apitest.New(t)
	s.Platform()
	s.Customer("acme", map[string]string{"tier": "Gold", "env": "prod"})
	s.Customer("beta", map[string]string{"tier": "silver"})
	s.Tenant("acme/one", "free", map[string]string{"team": "Blue"})
	s.Tenant("acme/two", "-/free", map[string]string{"size": "7"})
	s.Tenant("beta/one", "free", map[string]string{"size": "10"})
	s.Place("acme/one", "-/eu")
	s.Happen(apitest.Ref(events.TenantInfra, "-/eu/pg"), events.Requested[events.TenantInfraSpec]{UID: "i", Spec: apitest.Decode[events.TenantInfraSpec](`{"app":"pg","size":"small","pools":[{"name":"a","machine":"m"}]}`)})
	s.Happen(apitest.Ref(events.Application, "acme/one/db"), events.Requested[events.ApplicationSpec]{UID: "x", Spec: apitest.Decode[events.ApplicationSpec](`{"manifests":[{"kind":"ConfigMap"}]}`)})
	for query, want := range map[string]string{
		"customers":                             "acme/acme beta/beta",
		"customers?owner=acme":                  "acme/acme",
		"customers?label=tier":                  "acme/acme beta/beta",
		"customers?label=tier=Gold":             "acme/acme",
		"customers?label=tier&label=env=prod":   "acme/acme",
		"customers?label=tier=":                 "",
		"customers?q=GOLD":                      "acme/acme",
		"customers?q=et":                        "beta/beta",
		"customers?phase=Active":                "acme/acme beta/beta",
		"plans?phase=Released":                  "-/free",
		"plans?phase=Draft":                     "",
		"accounts?owner=-":                      "-/main",
		"dataplanes?dataplane=eu":               "-/eu",
		"tenantinfras?dataplane=-/eu":           "-/eu_pg",
		"tenants":                               "acme/one acme/two beta/one",
		"tenants?phase=Requested":               "acme/two beta/one",
		"tenants?owner=acme&phase=Requested":    "acme/two",
		"tenants?dataplane=eu":                  "acme/one",
		"tenants?plan=free":                     "acme/one acme/two beta/one",
		"tenants?plan=-/free&owner=beta":        "beta/one",
		"tenants?q=blue":                        "acme/one",
		"applications":                          "acme/one_db",
		"applications?dataplane=eu&plan=-/free": "acme/one_db",
		"tenants?label=team!=Blue":              "acme/two beta/one",
		"tenants?label=team+in+(Blue,Red)":      "acme/one",
		"tenants?label=team+notin+(Blue)":       "acme/two beta/one",
		"tenants?label=!team":                   "acme/two beta/one",
		"customers?label=tier,env":              "acme/acme",
		"customers?label=tier+in+(Gold,silver)": "acme/acme beta/beta",
		"customers?label=tier,tier!=Gold":       "beta/beta",
		"customers?label=tier&label=!env":       "beta/beta",
		"customers?label=tier==silver":          "beta/beta",
		"customers?label=no%2fsuch%2fkey":       "",
		"customers?label=no%2fsuch%2fkey=a":     "",
		"tenants?label=size>9":                  "beta/one",
		"tenants?label=size<9,size":             "acme/two",
		"tenants?label=nosuch+notin+(x)":        "acme/one acme/two beta/one",
	} {
		if got := s.Names("/v1/" + query); got != want {
			t.Errorf("GET /v1/%s: want %q, got %q", query, want, got)
		}
	}
}

func TestPagesGoOnBehindTheLastEntityWhateverIsAdded(t *testing.T) {
	s := apitest.New(t)
	for _, id := range []string{"b", "d", "f", "h"} {
		s.Customer(id, nil)
	}
	first := apitest.Fetch[views.List[plain]](s, "/v1/customers?limit=2")
	if len(first.Items) != 2 || first.Next == nil || first.AsOf.Seq != 4 {
		t.Fatalf("want two customers, a next, and sequence 4: %+v", first)
	}
	for _, id := range []string{"a", "c", "e", "i"} {
		s.Customer(id, nil)
	}
	if got := s.Names("/v1/customers?limit=3&cursor=" + *first.Next); got != "e/e f/f h/h" {
		t.Errorf("the second page: %q", got)
	}
	last := apitest.Fetch[views.List[plain]](s, "/v1/customers?limit=4&cursor="+*first.Next)
	if last.Next != nil || len(last.Items) != 4 {
		t.Errorf("the last page has no next: %+v", last)
	}
	full := apitest.Fetch[views.List[plain]](s, "/v1/customers?limit=8")
	if full.Next != nil || len(full.Items) != 8 {
		t.Errorf("a page that holds all has no next: %+v", full)
	}
}

// plain is an entity as a client without our types reads it.
type plain = views.Entity[map[string]any, map[string]any]

func TestQueriesAreRefusedByName(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)
	other := views.CursorByName(apitest.Ref(events.Tenant, "acme/prod"))
	mine := views.CursorByName(apitest.Ref(events.Customer, "acme"))
	for query, want := range map[string][2]string{
		"customers?phse=Active":             {"phse", `did you mean "phase"`},
		"customers?sort=nam":                {"sort", `did you mean "name"`},
		"customers?sort=--name":             {"sort", "is not an order"},
		"customers?at=3":                    {"at", "in the future: the log ends with 1"},
		"customers?at=2100-01-01T00:00:00Z": {"at", "in the future"},
		"customers?at=yesterday":            {"at", "neither a sequence nor a time"},
		"customers?at=0&min_seq=1":          {"min_seq", "not included"},
		"customers?sort=seq&cursor=" + mine: {"cursor", "not a cursor"},
		"customers?dataplane=eu":            {"dataplane", "no such parameter"},
		"accounts?plan=free":                {"plan", "no such parameter"},
		"tenants?phase=active":              {"phase", `did you mean "Active"`},
		"tenants?owner=A%20b":               {"owner", "want a customer's id"},
		"tenants?label==x":                  {"label", "want key=value"},
		"tenants?label=a+in+b":              {"label", "key in (a,b)"},
		"tenants?label=a+inn+(b)":           {"label", "key in (a,b)"},
		"tenants?label=a>b":                 {"label", "key>1"},
		"tenants?label=a=b!":                {"label", "want key=value"},
		"tenants?plan=gold":                 {"plan", "there is no plan -/gold; there are no plans yet"},
		"tenants?owner=acne":                {"owner", `there is no customer acne; did you mean "acme"?`},
		"tenants?dataplane=us":              {"dataplane", "there is no dataplane -/us"},
		"applications?dataplane=us":         {"dataplane", "there is no dataplane -/us"},
		"tenants?owner=acme&at=0":           {"owner", "there is no customer acme"},
		"tenants?plan=a/b":                  {"plan", "belongs to the platform"},
		"tenants?dataplane=E!":              {"dataplane", "not a name"},
		"tenants?limit=x":                   {"limit", "want a whole number"},
		"tenants?limit=0":                   {"limit", "1"},
		"tenants?limit=1001":                {"limit", "1000"},
		"tenants?limit=":                    {"limit", "is empty"},
		"tenants?limit=1&limit=2":           {"limit", "is there 2 times"},
		"tenants?min_seq=-1":                {"min_seq", "want a whole number"},
		"tenants?cursor=xx":                 {"cursor", "not a cursor"},
		"customers?cursor=" + other:         {"cursor", "not a cursor"},
		"tenants?owner=b&cursor=" + other:   {"cursor", "not a cursor"},
		"tenants?q=%zz":                     {"query", "can't be read"},
		"tenants?a;b":                       {"query", "can't be read"},
		"events?kind=tenat":                 {"kind", `did you mean "tenant"`},
		"events?type=activatd":              {"type", `did you mean "activated"`},
		"events?since=yesterday":            {"since", "RFC 3339"},
		"events?until=0001-01-01T00:00:00Z": {"until", "RFC 3339"},
		"events?after=x":                    {"after", "want a whole number"},
		"customers/acme?limit=3":            {"limit", "known: min_seq, at"},
	} {
		p := s.Ask("GET", "/v1/"+query, "").Problem(t, 400, events.Invalid)
		found := false
		for _, d := range p.Details {
			found = found || d.Field == want[0] && strings.Contains(d.Message, want[1])
		}
		if !found {
			t.Errorf("GET /v1/%s: want %v, got %+v", query, want, p.Details)
		}
	}
}

func TestMinSeqWaitsForTheViews(t *testing.T) {
	s := apitest.New(t)
	go func() {
		_, _ = s.Log.Append(t.Context(), apitest.DecisionOf(apitest.Ref(events.Customer, "late")))
	}()
	if got := s.Names("/v1/customers?min_seq=1"); got != "late/late" {
		t.Errorf("a reader that waits for its own write reads %q", got)
	}
	if a := s.Ask("GET", "/v1/customers/late?min_seq=1", ""); a.StatusCode != http.StatusOK {
		t.Errorf("one of them: %d", a.StatusCode)
	}
}

func TestWhatCannotComeIsNotWaitedFor(t *testing.T) {
	v := views.New(state.NewLive(), nil)
	gone, leave := context.WithDeadline(t.Context(), apitest.Epoch)
	defer leave()
	var r *events.Refusal
	if err := v.Await(gone, 1); !errors.As(err, &r) || r.Code != events.Unavailable || !r.Retryable {
		t.Errorf("a sequence that does not come: %v", err)
	}
	if as := v.AsOf(); as.Seq != 0 || as.Time != nil {
		t.Errorf("the empty log: %+v", as)
	}
	s := apitest.New(t)
	s.Customer("acme", nil)
	defer func() {
		if recover() == nil {
			t.Error("views that are made too late would miss events")
		}
	}()
	views.New(s.Fold, s.Log)
}

func TestAnEntityReadsAsTheContractSays(t *testing.T) {
	s := apitest.New(t)
	s.Platform()
	a := s.Ask("GET", "/v1/dataplanes/-/eu", "")
	want := `{"kind":"dataplane","owner":"-","id":"eu","uid":"d","phase":"Requested","seq":4,"created":"2026-01-01T00:02:00Z","labels":{},` +
		`"spec":{"account":"-/main","region":"eu-central","type":"shared","version":"1.36","network":{"range":""},"systemPool":{"machine":"s2","min":1,"max":3},"drift":"repair"},"status":{"conditions":[`
	if !strings.HasPrefix(a.Body, want) {
		t.Errorf("want %s…\ngot  %s", want, a.Body)
	}
	for _, part := range []string{
		`{"type":"Ready","status":"False","reason":"Requested","message":"","since":"2026-01-01T00:02:00Z"}]`,
		`"reason":{"code":"dependency","message":"waits for account -/main, which is Requested","fault":"system","since":"2026-01-01T00:02:00Z","retried":true,"next_at":null}`,
		`"placement":null,"owed":{"effect":"await","attempts":0,"on":["account -/main"]}}}`,
	} {
		if !strings.Contains(a.Body, part) {
			t.Errorf("want %s\nin %s", part, a.Body)
		}
	}
	if a.Header.Get("Aerie-As-Of-Seq") != "4" || a.Header.Get("Aerie-As-Of-Time") != "2026-01-01T00:02:00Z" {
		t.Errorf("as of: %v", a.Header)
	}
}

func TestWhatIsObservedIsToldPerKind(t *testing.T) {
	s := apitest.New(t)
	s.Platform()
	acc, eu := apitest.Ref(events.Account, "main"), apitest.Ref(events.Dataplane, "eu")
	s.Happen(acc, events.VerificationStarted{})
	failed := events.AttemptFailed{Effect: "verify_account", Attempt: 1, Reason: events.Reason{Code: events.Unauthorized, Message: "no", Fault: events.ByUser}}
	failed.NextAt = apitest.Epoch
	s.Happen(acc, failed)
	got := apitest.Fetch[plain](s, "/v1/accounts/-/main")
	if r := got.Status.Reason; r == nil || !r.Retried || r.NextAt != nil {
		t.Errorf("when an attempt is made whose time has come: %+v", r)
	}
	failed.EveryMS = time.Hour.Milliseconds() // what is not counted is told once, and tried again and again
	s.Happen(acc, failed)
	got = apitest.Fetch[plain](s, "/v1/accounts/-/main")
	if r := got.Status.Reason; r.NextAt == nil || !r.NextAt.After(time.Now().Add(-time.Minute)) || r.NextAt.Sub(apitest.Epoch)%time.Hour != 0 {
		t.Errorf("when an attempt is made again and again: %+v", r)
	}
	failed.EveryMS = 0
	failed.NextAt = time.Now().Add(time.Hour).UTC()
	s.Happen(acc, failed)
	got = apitest.Fetch[plain](s, "/v1/accounts/-/main")
	if r := got.Status.Reason; r == nil || r.Code != events.Unauthorized || !r.Retried || r.NextAt == nil || !r.NextAt.Equal(failed.NextAt) {
		t.Errorf("the reason of a failed attempt: %+v", r)
	}
	if o := got.Status.Owed; o == nil || o.Effect != "verify_account" || o.Attempts != 1 || o.On != nil {
		t.Errorf("what is owed: %+v", o)
	}
	s.Happen(eu, events.NetworkingStarted{})
	s.Happen(eu, events.NetworkReady{Network: "net", Range: "10.0.0.0/16"})
	s.Happen(eu, events.ClusterReady{Cluster: "c", Endpoint: "https://c", Version: "1.36.4"}, events.Claimed{Customer: "acme"})
	s.Happen(eu, events.SystemPoolReady{Nodes: 2})
	want := map[string]any{"network": "net", "range": "10.0.0.0/16", "cluster": "c", "endpoint": "https://c", "version": "1.36.4", "nodes": 2.0, "customers": []any{"acme"}}
	if got := apitest.Fetch[plain](s, "/v1/dataplanes/-/eu").Status.Observed; !reflect.DeepEqual(got, want) {
		t.Errorf("observed of a dataplane: %v", got)
	}
	if got := apitest.Fetch[plain](s, "/v1/plans/-/free").Status.Observed["version"]; got != 1.0 {
		t.Errorf("the version of a plan: %v", got)
	}
	s.Customer("acme", nil)
	s.Tenant("acme/one", "free", nil)
	s.Place("acme/one", "-/eu")
	if p := apitest.Fetch[plain](s, "/v1/tenants/acme/one").Status.Placement; p == nil || p.Why != "the only one" {
		t.Errorf("the placement: %+v", p)
	}
	if a := s.Ask("GET", "/v1/tenants/acme/one", ""); strings.Contains(a.Body, "observed") {
		t.Errorf("nothing is observed of a tenant: %s", a.Body)
	}
}

func TestWhatIsNotThereIsAnsweredWithWhatIsLikeIt(t *testing.T) {
	s := apitest.New(t)
	s.Platform()
	s.Customer("acme", nil)
	s.Tenant("acme/prod", "free", nil)
	for target, want := range map[string]string{
		"/v1/tenants/acme/prd":          `did you mean "acme/prod"`,
		"/v1/tenants/acm/prod":          `did you mean "acme/prod"`,
		"/v1/tenants/acme/prd/history":  `did you mean "acme/prod"`,
		"/v1/customers/acne":            `did you mean "acme"`,
		"/v1/customers/acne/history":    `did you mean "acme"`,
		"/v1/applications/acme/prod_x":  "there are no applications yet",
		"/v1/tenants/acme/b%20d":        "there is no tenant",
		"/v1/tenant/acme/prod":          "there is no /v1/tenant",
		"/v1/tenants//prod":             "there is no /v1/tenants",
		"/v1/tenants/":                  "there is no /v1/tenants/",
		"/docs/":                        "there is no /docs/",
		"/v1/tenants/acme/prod/../prod": "there is no",
	} {
		p := s.Ask("GET", target, "").Problem(t, 404, events.NotFound)
		if !strings.Contains(p.Detail, want) {
			t.Errorf("GET %s: want %q, got %q", target, want, p.Detail)
		}
	}
}
