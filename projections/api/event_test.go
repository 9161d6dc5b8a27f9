package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/views"
)

func TestHistoryIsTheEventsOfOneEntityOldestFirst(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)
	s.Customer("beta", nil)
	for i := range 3 {
		s.Happen(apitest.Ref(events.Customer, "acme"), events.LabelsChanged{Labels: map[string]string{"n": fmt.Sprint(i)}})
	}
	if got := s.Seqs("/v1/customers/acme/history"); got != "1 3 4 5" {
		t.Errorf("history: %s", got)
	}
	first := apitest.Fetch[views.List[views.Event]](s, "/v1/customers/acme/history?limit=3")
	if first.Next == nil || first.AsOf.Seq != 5 || len(first.Items) != 3 {
		t.Fatalf("the first page: %+v", first)
	}
	if got := s.Seqs("/v1/customers/acme/history?limit=3&cursor=" + *first.Next); got != "5" {
		t.Errorf("the second page: %s", got)
	}
	p := s.Ask("GET", "/v1/customers/beta/history?cursor="+*first.Next, "").Problem(t, 400, events.Invalid)
	if p.Details[0].Field != "cursor" {
		t.Errorf("a cursor of another history: %+v", p)
	}
	s.Tenant("acme/one", "free", nil)
	if got := s.Seqs("/v1/tenants/acme/one/history"); got != "6" {
		t.Errorf("history of a tenant: %s", got)
	}
}

func TestTheLogIsFiltered(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)                                                                                         // 1, minute 0
	s.Customer("beta", nil)                                                                                         // 2, minute 1
	s.Tenant("acme/one", "free", nil)                                                                               // 3, minute 2
	s.Tenant("beta/one", "free", nil)                                                                               // 4, minute 3
	s.Place("acme/one", "-/eu")                                                                                     // 5, 6
	if _, err := s.Log.Append(t.Context(), apitest.DecisionOf(apitest.Ref(events.Customer, "gamma"))); err != nil { // 7, minute 0
		t.Fatal(err)
	}
	if err := s.Views.Await(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                            "1 2 3 4 5 6 7",
		"?owner=acme":                 "1 3 5 6",
		"?kind=tenant":                "3 4 5 6",
		"?kind=tenants&id=one":        "3 4 5 6",
		"?owner=beta&kind=tenant":     "4",
		"?type=placed":                "6",
		"?actor=someone":              "7",
		"?after=4":                    "5 6 7",
		"?after=99":                   "",
		"?since=2026-01-01T00:02:00Z": "3 4 5 6",
		"?until=2026-01-01T00:02:00Z": "1 2 7",
		"?since=2026-01-01T01:02:00%2B01:00&until=2026-01-01T00:03:00Z": "3",
		"?limit=2&after=1": "2 3",
	} {
		if got := s.Seqs("/v1/events" + query); got != want {
			t.Errorf("GET /v1/events%s: want %q, got %q", query, want, got)
		}
	}
	page := apitest.Fetch[views.List[views.Event]](s, "/v1/events?limit=2&owner=acme")
	if page.Next == nil || *page.Next != "3" {
		t.Errorf("next is the after of the next page: %+v", page.Next)
	}
	e := page.Items[1]
	if e.Type != "requested" || e.CEType != "io.aerie.tenant.requested.v1" || e.Owner != "acme" || e.Kind != events.Tenant || e.Entity != "one" ||
		e.Actor != "admin" || e.CommandID == "" || e.CausationID != "cause" || e.CorrelationID != "thread" || e.ID == "" || !strings.Contains(string(e.Data), `"plan":"-/free"`) {
		t.Errorf("an event reads as %+v", e)
	}
}

// listener is a client of the stream.
type listener struct {
	t     testing.TB
	lines *bufio.Scanner
	resp  *http.Response
}

func listen(s *apitest.System, ctx context.Context, base, query string, headers ...string) *listener {
	s.T.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", base+"/v1/events"+query, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apitest.Token)
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != api.EventStream {
		s.T.Fatalf("listen: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return &listener{s.T, bufio.NewScanner(resp.Body), resp}
}

// next is the next event of the stream; false at its end.
func (l *listener) next() (id string, e views.Event, ok bool) {
	l.t.Helper()
	var typ string
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			typ = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e); err != nil || e.Type != typ || id != strconv.FormatUint(e.Seq, 10) {
				l.t.Fatalf("id %s, event %s, data %s: %v", id, typ, value, err)
			}
			return id, e, true
		}
	}
	return "", e, false
}

func listening(s *apitest.System, t *testing.T) string {
	srv := httptest.NewUnstartedServer(s.HTTP)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestAStreamTellsWhatHappensAndGoesOnWhereItWas(t *testing.T) {
	s := apitest.New(t)
	base := listening(s, t)
	s.Customer("acme", nil)
	l := listen(s, t.Context(), base, "?kind=customer")
	s.Tenant("acme/one", "free", nil)
	s.Customer("beta", nil)
	id, e, ok := l.next()
	if !ok || id != "3" || e.Entity != "beta" {
		t.Fatalf("from now on, customers only: %s %+v", id, e)
	}
	_ = l.resp.Body.Close()
	s.Customer("gamma", nil)
	l = listen(s, t.Context(), base, "?kind=customer", "Last-Event-ID", id)
	if id, e, _ := l.next(); id != "4" || e.Entity != "gamma" {
		t.Errorf("what was missed is told: %s %+v", id, e)
	}
	l = listen(s, t.Context(), base, "?after=0&limit=2")
	var ids []string
	for id, _, ok := l.next(); ok; id, _, ok = l.next() {
		ids = append(ids, id)
	}
	if !slices.Equal(ids, []string{"1", "2"}) {
		t.Errorf("from the beginning, two of them: %v", ids)
	}
	s.Ask("GET", "/v1/events", "", "Accept", api.EventStream, "Last-Event-ID", "x").Problem(t, 400, events.Invalid)
}

func TestAStreamOutlivesTheServersTimeoutsAndEndsWithIt(t *testing.T) {
	s := apitest.New(t)
	api.SetHeartbeat(s.HTTP, 50*time.Millisecond)
	l := listen(s, t.Context(), listening(s, t), "")
	beats := 0
	for beats < 20 && l.lines.Scan() { // a second: thrice the server's timeouts
		if l.lines.Text() == ": still here" {
			beats++
		}
	}
	s.Customer("acme", nil)
	if id, _, ok := l.next(); beats != 20 || !ok || id != "1" {
		t.Errorf("after %d heartbeats: %v %s", beats, ok, id)
	}
	close(s.Done)
	if _, _, ok := l.next(); ok || l.lines.Err() != nil {
		t.Errorf("the stream ends cleanly when the server does: %v", l.lines.Err())
	}
}

func TestAStreamEndsWhenItsClientGoes(t *testing.T) {
	s := apitest.New(t)
	ended := make(chan struct{})
	inner := s.HTTP
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		close(ended)
	}))
	defer srv.Close()
	ctx, leave := context.WithCancel(t.Context())
	listen(s, ctx, srv.URL, "")
	leave()
	<-ended
}
