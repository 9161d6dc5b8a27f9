package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/callout"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestWhoIsConnectedSinceBefore has a process die before it has thrown out whose token was revoked and whose role was changed: the
// next one does, and leaves the others alone.
func TestWhoIsConnectedSinceBefore(t *testing.T) {
	t.Parallel()
	r, err := newCalloutRig(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, r.admin, "aerie.cmd.acme.customer.acme.create", "", `{}`)
	token, id := r.token("acme", "ci", "customer-admin")
	stays := r.enter(id, nats.Token(token))
	robotID, public, signed := r.machine("acme", "robot", "customer-admin")
	ask(t, r.admin, "aerie.cmd.acme.principal.robot.update", "", `{"spec":{"role":"customer-viewer","key":"`+public+`"}}`)
	if err := r.c.Close(); err != nil {
		t.Fatal(err)
	}

	// The one that dies knows both as they were.
	key, err := callout.ReadKey(r.key)
	if err != nil {
		t.Fatal(err)
	}
	enter, err := key.Enter()
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(r.x.URL(), enter)
	if err != nil {
		t.Fatal(err)
	}
	ctx, die := context.WithCancel(t.Context())
	defer die()
	as := func(actor string) (ev.Caller, bool) {
		return ev.Caller{Actor: actor, Role: ev.RoleCustomerAdmin, Owner: "acme"}, true
	}
	if _, err := callout.Open(ctx, nc, key, embedded.Callers{Token: func(string) (ev.Caller, bool) { return as("token:REVOKED") },
		Key: func(string) (ev.Caller, bool) { return as("user:" + robotID) }, Actor: as}, callout.Handlers{}); err != nil {
		t.Fatal(err)
	}
	revoked, robot := r.enter("REVOKED", nats.Token("aerie_REVOKED_x")), r.enter(robotID, signed)
	out := map[string]chan nats.Status{"a revoked token": revoked.StatusChanged(nats.CLOSED), "who has another role": robot.StatusChanged(nats.CLOSED)}
	die()
	nc.Close()

	r.c, err = Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATSURL: r.x.URL(), CalloutKey: r.key})
	if err != nil {
		t.Fatal(err)
	}
	for who, ended := range out {
		select {
		case <-ended:
		case <-time.After(natstest.Patience):
			t.Errorf("%s is connected still", who)
		}
	}
	if answer := ask(t, stays.Conn, "aerie.from."+id+".cmd.acme.tenant.prod.create", "", `{"spec":{"plan":"free"}}`); errorCode(answer) != "invalid" {
		t.Error("who may stay is answered", answer)
	}
}

// TestAnAPIThatIsDownForAWhile has the client not learn at first which subjects are its own: it says that it can be tried again, and
// learns it then.
func TestAnAPIThatIsDownForAWhile(t *testing.T) {
	t.Parallel()
	r, err := newCalloutRig(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, r.admin, "aerie.cmd.acme.customer.acme.create", "", `{}`)
	token, _ := r.token("acme", "ci", "customer-admin")
	at, err := url.Parse(r.c.APIURL())
	if err != nil {
		t.Fatal(err)
	}
	var up atomic.Bool
	pass := httputil.NewSingleHostReverseProxy(at)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		pass.ServeHTTP(w, q)
	}))
	defer api.Close()
	cl, err := client.New(api.URL, r.x.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	create := client.Command{Ref: ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}, Verb: ev.VerbCreate, Body: []byte(`{"spec":{"plan":"free"}}`)}
	says := func() ev.Refusal {
		var refusal *ev.Refusal
		if _, err := cl.Ask(t.Context(), create.Message("by-a-client")); !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		return *refusal
	}
	if down := says(); down.Code != ev.Unavailable || !down.Retryable {
		t.Errorf("while the API is down: %+v", down)
	}
	up.Store(true)
	if then := says(); then.Code != ev.Invalid {
		t.Errorf("when it is up: %+v", then)
	}
}
