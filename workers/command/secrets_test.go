package command

import (
	"errors"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

const plainSecret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"password":"hunter2"}}`

// A secret does not get into the log, in whatever form it comes, and the refusal does not say it.
func TestASecretIsRefused(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	chart := func(values string) string {
		return `{"spec":{"chart":{"repository":"https://charts.example.com","name":"web","version":"1.0.0"},"values":` + values + `}}`
	}
	for _, row := range []struct{ what, body, field, secret string }{
		{"the data of a Secret", `{"spec":{"manifests":[` + plainSecret + `]}}`, "spec.manifests[0].stringData.password", "hunter2"},
		{"in base64", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"password":"aHVudGVyMg=="}}]}}`, "spec.manifests[0].data.password", "aHVudGVyMg"},
		{"a Secret in a chart's values", chart(`{"extra":[` + plainSecret + `]}`), "spec.values.extra[0].stringData.password", "hunter2"},
		{"a private key", chart(`{"tls":"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n"}`), "spec.values.tls", "MHcCAQEE"},
		{"a key of AWS", chart(`{"a":{"id":"AKIAIOSFODNN7EXAMPLE"}}`), "spec.values.a.id", "AKIAIOSFODNN7EXAMPLE"},
		{"a token of GitHub", chart(`{"a":["ghp_0123456789abcdefghijABCDEFGHIJ012345"]}`), "spec.values.a[0]", "ghp_"},
		{"a JWT", chart(`{"a":"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLWhlcmU"}`), "spec.values.a", "eyJ"},
		{"a URL with a password", chart(`{"dsn":"postgres://shop:s3cr3t@db/shop"}`), "spec.values.dsn", "s3cr3t"},
	} {
		_, err := r.ask(ev.Application, "acme/prod_web", ev.VerbCreate, row.body)
		var refusal *ev.Refusal
		if !errors.As(err, &refusal) || refusal.Code != ev.Invalid || len(refusal.Details) == 0 || refusal.Details[0].Field != row.field {
			t.Errorf("%s: %v", row.what, err)
			continue
		}
		if strings.Contains(err.Error(), row.secret) || !strings.Contains(err.Error(), "SealedSecret") {
			t.Errorf("%s: %v", row.what, err)
		}
	}
	for _, fine := range []string{
		`{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"type":"kubernetes.io/service-account-token"}]}}`,
		`{"spec":{"manifests":[{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","metadata":{"name":"s"},"spec":{"encryptedData":{"password":"AgBy3i4OJSWK"}}}]}}`,
		chart(`{"dsn":"postgres://shop:$(PASSWORD)@db/shop","url":"https://example.com:8080/a@b","existingSecret":"shop"}`),
	} {
		var refusal *ev.Refusal
		if _, err := r.ask(ev.Application, "acme/prod_web", ev.VerbCreate, fine); errors.As(err, &refusal) && strings.Contains(err.Error(), "SealedSecret") {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// An entity of before, which has a secret in its spec, can still be changed, as long as no other secret comes.
func TestWhatTheLogHasAlreadyIsNoNewSecret(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	at := ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_web"}
	spec := func(manifests string) ev.Spec {
		p, err := ev.DecodeAsk(ev.Application, ev.VerbCreate, []byte(`{"spec":{"manifests":[`+manifests+`]}}`))
		if err != nil {
			t.Fatal(err)
		}
		return p.(ev.Create).Spec
	}
	old := spec(plainSecret).(ev.ApplicationSpec)
	if _, err := r.log.Append(t.Context(), eventlog.Decision{
		Envelope: ev.Envelope{Time: time.Now(), Actor: ev.ActorAdmin, CommandID: "01OLD", CausationID: "01OLD", CorrelationID: "01OLD"},
		Changes:  []ev.Change{{Ref: at, Events: []ev.Event{ev.Requested[ev.ApplicationSpec]{UID: "01A", Spec: old}}}}}); err != nil {
		t.Fatal(err)
	}
	r.until(ev.Application, "acme/prod_web", func(e fsm.Entity[fsm.Data]) bool { return e.UID == "01A" })
	config := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}`
	if err := r.intake.refuseSecrets(t.Context(), ev.Command{ID: "c1", Ref: at, Payload: ev.Update{Spec: spec(config + "," + plainSecret)}}); err != nil {
		t.Errorf("it has that one already: %v", err)
	}
	other := strings.Replace(plainSecret, "hunter2", "hunter3", 1)
	if err := r.intake.refuseSecrets(t.Context(), ev.Command{ID: "c2", Ref: at, Payload: ev.Update{Spec: spec(other)}}); err == nil {
		t.Error("another secret is taken")
	}
}

// Few specs have a sign of a secret; the others are not looked through, which is most of what such a look costs.
func TestASpecWithoutASignIsNotLookedThrough(t *testing.T) {
	var spec ev.Spec = ev.CustomerSpec{DisplayName: "Customer c1-1, renamed 12 times"}
	if n := testing.AllocsPerRun(100, func() { literals(spec) }); n > 5 {
		t.Errorf("a look for secrets makes %v allocations", n)
	}
	for _, sign := range []string{"-----BEGIN PGP PRIVATE KEY BLOCK-----", "ASIAIOSFODNN7EXAMPLE", "github_pat_0123456789abcdefghijAB", "gho_0123456789abcdefghijABCDEFGHIJ012345"} {
		spec = ev.CustomerSpec{DisplayName: sign}
		if len(literals(spec)) != 1 {
			t.Errorf("%q is not found", sign)
		}
	}
}
