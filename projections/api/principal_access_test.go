package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
)

// callers are who is let in in these tests, by what they show.
var callers = map[string]events.Caller{
	"acme-admin":  {Actor: "token:a", Role: events.RoleCustomerAdmin, Owner: "acme"},
	"acme-viewer": {Actor: "token:b", Role: events.RoleCustomerViewer, Owner: "acme"},
	"viewer":      {Actor: "token:c", Role: events.RoleViewer, Owner: "-"},
	"auditor":     {Actor: "token:d", Role: events.RoleAuditor, Owner: "-"},
	"operator":    {Actor: "token:e", Role: events.RoleOperator, Owner: "-"},
}

// withRoles has two customers on one dataplane, and callers of all roles.
func withRoles(t *testing.T) *apitest.System {
	t.Helper()
	s := apitest.New(t)
	s.Config.Authenticate = func(token string) (events.Caller, <-chan struct{}, error) {
		c, ok := callers[token]
		switch {
		case token == "later":
			return c, nil, events.Refuse(events.Unavailable, "show it again")
		case !ok:
			return c, nil, events.ErrNobody
		}
		return c, nil, nil
	}
	s.HTTP = api.NewHandler(s.Config)
	plan := func(id, spec string, more ...events.Event) {
		s.Happen(apitest.Ref(events.Plan, id), append([]events.Event{events.Created[events.PlanSpec]{UID: "p", Spec: apitest.Decode[events.PlanSpec](spec)}}, more...)...)
	}
	offer := `{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}],"egress":{"ranges":["203.0.113.0/24"]}}`
	plan("free", offer, events.Released{})
	plan("secret-draft", strings.Replace(offer, "{", `{"draft":true,`, 1))
	for _, dp := range []string{"eu", "us"} {
		s.Happen(apitest.Ref(events.Dataplane, dp), events.Requested[events.DataplaneSpec]{UID: "d", Spec: apitest.Decode[events.DataplaneSpec](`{"account":"-/main","region":"eu-central"}`)})
	}
	for _, owner := range []string{"acme", "birch"} {
		s.Happen(apitest.Ref(events.Customer, owner), events.Created[events.CustomerSpec]{UID: "c", Spec: events.CustomerSpec{Hosting: "provider"}})
		s.Happen(apitest.Ref(events.Tenant, owner+"/prod"), events.Requested[events.TenantSpec]{UID: "t", Spec: events.TenantSpec{Plan: "-/free"}}, events.PlacingStarted{},
			events.Placed{Placement: events.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Namespace: owner + "--prod", Plan: "-/free"}})
		s.Happen(apitest.Ref(events.Token, owner+"/ci"), events.Created[events.TokenSpec]{UID: "k", Spec: events.TokenSpec{Role: events.RoleCustomerViewer, Expires: "2040-01-01T00:00:00Z"}})
	}
	s.Say = func(c api.CommandRequest) (events.Answer, error) {
		return events.Answer{Events: []events.AnswerEvent{}}, c.Caller.Deny(events.Builtin, c.Owner, c.Kind, c.Verb)
	}
	return s
}

func as(s *apitest.System, who, method, path string) (int, string) {
	a := s.Ask(method, path, "", "Authorization", "Bearer "+who)
	return a.StatusCode, a.Body
}

// TestWhoReadsWhat asks each route with each role, and looks for the other customer in all that a customer is told.
func TestWhoReadsWhat(t *testing.T) {
	s := withRoles(t)
	roles := []string{"acme-admin", "acme-viewer", "viewer", "auditor", "operator"}
	for _, row := range []struct {
		path   string
		status [5]int
	}{
		{"/v1/tenants", [5]int{200, 200, 200, 200, 200}},
		{"/v1/tenants?owner=acme", [5]int{200, 200, 200, 200, 200}},
		{"/v1/tenants?owner=birch", [5]int{403, 403, 200, 200, 200}},
		{"/v1/tenants?owner=absent", [5]int{403, 403, 400, 400, 400}},
		{"/v1/tenants?owner=-", [5]int{403, 403, 200, 200, 200}},
		{"/v1/tenants?dataplane=-/eu", [5]int{200, 200, 200, 200, 200}},
		{"/v1/tenants?dataplane=-/us", [5]int{400, 400, 200, 200, 200}},
		{"/v1/tenants?dataplane=-/absent", [5]int{400, 400, 400, 400, 400}},
		{"/v1/operations", [5]int{200, 200, 200, 200, 200}},
		{"/v1/operations?owner=birch", [5]int{403, 403, 200, 200, 200}},
		{"/v1/tenants/acme/prod", [5]int{200, 200, 200, 200, 200}},
		{"/v1/tenants/birch/prod", [5]int{404, 404, 200, 200, 200}},
		{"/v1/tenants/birch/absent", [5]int{404, 404, 404, 404, 404}},
		{"/v1/tenants/acme/absent", [5]int{404, 404, 404, 404, 404}},
		{"/v1/tenants/acme/prod/history", [5]int{200, 200, 200, 200, 200}},
		{"/v1/tenants/birch/prod/history", [5]int{404, 404, 200, 200, 200}},
		{"/v1/customers", [5]int{200, 200, 200, 200, 200}},
		{"/v1/customers/acme", [5]int{200, 200, 200, 200, 200}},
		{"/v1/customers/birch", [5]int{404, 404, 200, 200, 200}},
		{"/v1/customers/birch/history", [5]int{404, 404, 200, 200, 200}},
		{"/v1/plans", [5]int{200, 200, 200, 200, 200}},
		{"/v1/plans/-/free", [5]int{200, 200, 200, 200, 200}},
		{"/v1/plans/-/free/versions", [5]int{200, 200, 200, 200, 200}},
		{"/v1/plans/-/free/history", [5]int{404, 404, 200, 200, 200}},
		{"/v1/plans/-/secret-draft", [5]int{404, 404, 200, 200, 200}},
		{"/v1/plans/-/secret-draft/versions", [5]int{404, 404, 200, 200, 200}},
		{"/v1/dataplanes", [5]int{200, 200, 200, 200, 200}},
		{"/v1/dataplanes?owner=-", [5]int{403, 403, 200, 200, 200}},
		{"/v1/dataplanes/-/eu", [5]int{200, 200, 200, 200, 200}},
		{"/v1/dataplanes/-/us", [5]int{404, 404, 200, 200, 200}},
		{"/v1/dataplanes/-/eu/history", [5]int{404, 404, 200, 200, 200}},
		{"/v1/accounts/-/main", [5]int{404, 404, 404, 404, 404}},
		{"/v1/tokens", [5]int{200, 403, 403, 200, 200}},
		{"/v1/tokens/acme/ci", [5]int{200, 404, 403, 200, 200}},
		{"/v1/tokens/birch/ci", [5]int{404, 404, 403, 200, 200}},
		{"/v1/principals", [5]int{200, 403, 403, 200, 200}},
		{"/v1/events", [5]int{200, 200, 200, 200, 200}},
		{"/v1/events?owner=birch", [5]int{403, 403, 200, 200, 200}},
		{"/v1/events?owner=-", [5]int{403, 403, 200, 200, 200}},
		{"/v1/whoami", [5]int{200, 200, 200, 200, 200}},
		{"/v1/can-i?verb=update&kind=tenant", [5]int{200, 200, 200, 200, 200}},
	} {
		for i, who := range roles {
			status, body := as(s, who, http.MethodGet, row.path)
			if status != row.status[i] {
				t.Errorf("%s asks %s: %d, want %d: %.200s", who, row.path, status, row.status[i], body)
			}
			asked := strings.Contains(row.path, "birch") && status != http.StatusOK // the refusal says what was asked
			if strings.HasPrefix(who, "acme") && !asked && (strings.Contains(body, "birch") || strings.Contains(body, "secret-draft") && !strings.Contains(row.path, "secret-draft") || strings.Contains(body, "203.0.113")) {
				t.Errorf("%s asks %s and is told of others: %s", who, row.path, body)
			}
			if who == "acme-viewer" && strings.Contains(body, `"kind":"token"`) || who == "viewer" && strings.Contains(body, `"kind":"token"`) {
				t.Errorf("%s asks %s and is told of tokens: %s", who, row.path, body)
			}
		}
	}
}

// Another customer's thing and one that is nowhere are told apart by nothing.
func TestNothingTellsWhatOthersHave(t *testing.T) {
	s := withRoles(t)
	for _, path := range []string{"/v1/tenants/birch/%s", "/v1/tenants/birch/%s/history", "/v1/tokens/birch/%s", "/v1/plans/-/%s"} {
		there := map[string]string{"/v1/tokens/birch/%s": "ci", "/v1/plans/-/%s": "secret-draft"}[path]
		if there == "" {
			there = "prod"
		}
		one, is := as(s, "acme-admin", http.MethodGet, strings.Replace(path, "%s", there, 1))
		two, not := as(s, "acme-admin", http.MethodGet, strings.Replace(path, "%s", "absent", 1))
		if one != two || is != strings.ReplaceAll(not, "absent", there) {
			t.Errorf("%s: %d %s and %d %s", path, one, is, two, not)
		}
	}
}

// TestWhatCustomersSeeOfThePlatform holds the fields of a plan and of a dataplane that customers are told.
func TestWhatCustomersSeeOfThePlatform(t *testing.T) {
	s := withRoles(t)
	s.Happen(apitest.Ref(events.Dataplane, "eu"), events.NetworkingStarted{Account: events.CloudAccount{Cloud: "aws", Number: "123456789012", Role: "theirs"}},
		events.NetworkReady{Network: "n-1", Range: "10.0.0.0/16"})
	for path, want := range map[string][]string{"/v1/plans/-/free": {"apps", "price", "quota", "version"}, "/v1/dataplanes/-/eu": {"region", "cloud"}} {
		for _, accept := range []string{"", api.EventStream} { // who asks for a stream where there is none is told no more
			body := s.Ask(http.MethodGet, path, "", "Authorization", "Bearer acme-viewer", "Accept", accept).Body
			var e struct {
				Spec   map[string]any
				Status struct{ Observed map[string]any }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatal(err, body)
			}
			if got := append(slices.Sorted(maps.Keys(e.Spec)), slices.Sorted(maps.Keys(e.Status.Observed))...); !slices.Equal(got, want) {
				t.Errorf("%s, accepting %q: %v, want %v", path, accept, got, want)
			}
		}
	}
}

// TestPlansForOthersAreNotShown: neither in lists nor by name, in the words of what is not there; but to who has a tenant on one.
func TestPlansForOthersAreNotShown(t *testing.T) {
	s := withRoles(t)
	for id, customers := range map[string]string{"ours": `["acme"]`, "theirs": `["birch"]`, "left": `["birch"]`} {
		spec := `{"customers":` + customers + `,"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}`
		s.Happen(apitest.Ref(events.Plan, id), events.Created[events.PlanSpec]{UID: "p", Spec: apitest.Decode[events.PlanSpec](spec)}, events.Released{})
	}
	s.Happen(apitest.Ref(events.Tenant, "acme/old"), events.Requested[events.TenantSpec]{UID: "t2", Spec: events.TenantSpec{Plan: "-/left"}})
	list := func(who string) (names []string) {
		t.Helper()
		var l struct{ Items []struct{ ID string } }
		if _, body := as(s, who, http.MethodGet, "/v1/plans"); json.Unmarshal([]byte(body), &l) != nil {
			t.Fatal(body)
		}
		for _, i := range l.Items {
			names = append(names, i.ID)
		}
		slices.Sort(names)
		return names
	}
	if got := list("acme-viewer"); !slices.Equal(got, []string{"free", "left", "ours"}) {
		t.Error("acme sees", got)
	}
	if got := list("viewer"); !slices.Equal(got, []string{"free", "left", "ours", "secret-draft", "theirs"}) {
		t.Error("the staff sees", got)
	}
	for _, path := range []string{"/v1/plans/-/NAME", "/v1/plans/-/NAME/versions", "/v1/plans/-/NAME/history", "/v1/tenants?plan=NAME"} {
		there, body := as(s, "acme-admin", http.MethodGet, strings.Replace(path, "NAME", "theirs", 1))
		absent, other := as(s, "acme-admin", http.MethodGet, strings.Replace(path, "NAME", "absent", 1))
		if there != absent || there < 400 || strings.ReplaceAll(body, "theirs", "absent") != other {
			t.Errorf("%s: %d %s, and of what is not there %d %s", path, there, body, absent, other)
		}
	}
	if status, body := as(s, "acme-admin", http.MethodGet, "/v1/plans/-/ours"); status != http.StatusOK || strings.Contains(body, "customers") {
		t.Error(status, body)
	}
}

// TestWhatIsNotShownLeavesNoTrace: pages are as full as if it were not there, no cursor names it, and of a plan that is shown what it was as
// a draft is not.
func TestWhatIsNotShownLeavesNoTrace(t *testing.T) {
	s := withRoles(t)
	offer := `{"deployment":"resource-shared","apps":[{"type":"pg","size":"SIZE"}]}`
	spec := func(size, more string) events.PlanSpec {
		return apitest.Decode[events.PlanSpec](strings.Replace(strings.Replace(offer, "{", "{"+more, 1), "SIZE", size, 1))
	}
	for _, id := range []string{"hidden-a", "hidden-b", "hidden-z"} {
		s.Happen(apitest.Ref(events.Plan, id), events.Created[events.PlanSpec]{UID: "p", Spec: spec("small", `"draft":true,`)})
	}
	s.Happen(apitest.Ref(events.Plan, "grown"), events.Created[events.PlanSpec]{UID: "p", Spec: spec("secret", `"draft":true,`)}, events.Updated[events.PlanSpec]{Spec: spec("large", `"draft":true,`)},
		events.Updated[events.PlanSpec]{Spec: spec("large", "")}, events.Released{}, events.Updated[events.PlanSpec]{Spec: spec("huge", "")}, events.Retired{}, events.Released{})
	for _, sort := range []string{"name", "-name", "created", "-created", "seq", "-seq", "phase"} {
		var seen []string
		for path, next := "/v1/plans?limit=1&sort="+sort, ""; ; {
			var l struct {
				Items []struct{ ID string }
				Next  *string
			}
			if _, body := as(s, "acme-viewer", http.MethodGet, path+next); json.Unmarshal([]byte(body), &l) != nil || len(l.Items) != 1 {
				t.Fatalf("%s: a page of %s", path+next, body)
			}
			seen = append(seen, l.Items[0].ID)
			if l.Next == nil {
				break
			}
			if said, _ := base64.RawURLEncoding.DecodeString(*l.Next); !strings.Contains(string(said), l.Items[0].ID) {
				t.Fatalf("%s: a cursor says %s behind %s", path+next, said, l.Items[0].ID)
			}
			next = "&cursor=" + *l.Next
		}
		if slices.Sort(seen); !slices.Equal(seen, []string{"free", "grown"}) {
			t.Errorf("sorted by %s acme sees %v", sort, seen)
		}
	}
	for at := range 40 { // as it was before what is asked for was there
		for _, path := range []string{"/v1/tenants?plan=grown", "/v1/tenants?dataplane=-/eu", "/v1/customers?", "/v1/plans?"} {
			asked := fmt.Sprint(path, "&at=", at)
			if _, body := as(s, "acme-viewer", http.MethodGet, asked); strings.Contains(body, "hidden") || strings.Contains(body, "birch") || strings.Contains(body, "secret-draft") || strings.Contains(body, "-/us") {
				t.Errorf("%s: %s", asked, body)
			}
		}
	}
	for who, want := range map[string][]int{"acme-viewer": {3, 4}, "viewer": {1, 2, 3, 4}} {
		var l struct{ Items []struct{ Version int } }
		_, body := as(s, who, http.MethodGet, "/v1/plans/-/grown/versions")
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err, body)
		}
		var got []int
		for _, v := range l.Items {
			got = append(got, v.Version)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is told of the versions %v, want %v", who, got, want)
		}
	}
}

// TestALengthThatIsOnlySaid costs no more than what is read of a request, and saying none does not make it free.
func TestALengthThatIsOnlySaid(t *testing.T) {
	s := withRoles(t)
	var spent []int
	s.Config.Spend = func(_ events.Caller, bytes int) error {
		spent = append(spent, bytes)
		return nil
	}
	handler := api.NewHandler(s.Config)
	for _, said := range []int64{0, 100, 1 << 62, -1} {
		r := httptest.NewRequest(http.MethodGet, "/v1/tenants", nil)
		r.Header.Set("Authorization", "Bearer acme-viewer")
		r.ContentLength = said
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if want := []int{0, 100, events.MaxBody, events.MaxBody}; !slices.Equal(spent, want) {
		t.Errorf("spent %v, want %v", spent, want)
	}
}

// Commands are denied by their address, and what changes something is closed to who commands nothing.
func TestWhoCommandsOverHTTP(t *testing.T) {
	s := withRoles(t)
	for _, row := range []struct {
		who, path string
		status    int
	}{
		{"acme-admin", "/v1/commands/acme/tenant/prod/retry", 200},
		{"acme-admin", "/v1/commands/birch/tenant/prod/retry", 403},
		{"acme-admin", "/v1/commands/-/plan/free/retry", 403},
		{"acme-viewer", "/v1/commands/acme/tenant/prod/retry", 403},
		{"viewer", "/v1/commands/acme/tenant/prod/retry", 403},
		{"auditor", "/v1/commands/acme/tenant/prod/retry", 403},
		{"operator", "/v1/commands/acme/tenant/prod/retry", 200},
		{"operator", "/v1/commands/-/token/ci/revoke", 403},
		{"nobody", "/v1/commands/acme/tenant/prod/retry", 401},
		{"later", "/v1/commands/acme/tenant/prod/retry", 503}, // of whom it can't be said now
	} {
		if status, body := as(s, row.who, http.MethodPost, row.path); status != row.status {
			t.Errorf("%s asks %s: %d, want %d: %s", row.who, row.path, status, row.status, body)
		}
	}
	for _, who := range []string{"acme-admin", "acme-viewer", "viewer", "auditor"} {
		if status, body := as(s, who, http.MethodDelete, "/v1/queue/1"); status != http.StatusForbidden {
			t.Errorf("%s takes a command off the queue: %d %s", who, status, body)
		}
	}
}

// A route that does not say that customers may ask it is closed to them.
func TestRoutesAreClosedToCustomersUnlessTheySayOtherwise(t *testing.T) {
	s := withRoles(t)
	for _, path := range []string{"/v1/queue", "/v1/orphans", "/metrics", "/v1/tenants/acme/prod/place?plan=free"} {
		if status, body := as(s, "acme-admin", http.MethodGet, path); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// A stream ends when its caller is not let in any more, and when his time is over.
func TestAStreamEndsWithItsCaller(t *testing.T) {
	for _, ends := range []string{"revoked", "over"} {
		t.Run(ends, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				c := events.Caller{Actor: "token:a", Role: events.RoleViewer, Owner: "-"}
				if ends == "over" {
					c.Until = time.Now().Add(time.Hour)
				}
				ctx, cancel := api.WhileWelcome(t.Context(), c, gone)
				defer cancel()
				if ends == "revoked" {
					close(gone)
				}
				began := time.Now()
				<-ctx.Done()
				if took := time.Since(began); ends == "over" && took != time.Hour+api.Leeway || ends == "revoked" && took != 0 {
					t.Error(took)
				}
			})
		})
	}
}
