package command

import (
	"errors"
	"slices"
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
		{"a password by its key", chart(`{"auth":{"adminPassword":"hunter2"}}`), "spec.values.auth.adminPassword", "hunter2"},
		{"a token that is a number", chart(`{"api-token":271828}`), "spec.values.api-token", "271828"},
		{"a secret beside a reference, under such a key", chart(`{"API_KEY":"hunter2${secret:files/acme/db#k}"}`), "spec.values.API_KEY", "hunter2"},
		{"a variable", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"s"},"spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"hunter2"}]}]}}]}}`, "spec.manifests[0].spec.containers[0].env[0].value", "hunter2"},
		{"a ConfigMap", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"s"},"data":{"secret":"hunter2"}}]}}`, "spec.manifests[0].data.secret", "hunter2"},
		{"beside a reference in a Secret", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"hunter2${secret:files/acme/db#k}"}}]}}`, "spec.manifests[0].stringData.a", "hunter2"},
		{"in the data of it", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"${secret:files/acme/db#k}","b":"aHVudGVyMg=="}}]}}`, "spec.manifests[0].data.b", "aHVudGVyMg"},
		{"beside a reference in the password of a URL", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"db://me:hunter2${secret:files/acme/db#k}@db"}}]}}`, "spec.manifests[0].stringData.a", "hunter2"},
		{"beside a reference in the query of a URL", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"db://db/${secret:files/acme/db#k}?password=hunter2"}}]}}`, "spec.manifests[0].stringData.a", "hunter2"},
		{"what is no text in a Secret", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"pin":271828}}]}}`, "spec.manifests[0].stringData.pin", "271828"},
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
	if _, err := r.ask(ev.Plan, "-/joins", ev.VerbCreate, `{"spec":{"deployment":"multi-tenant","apps":[{"type":"web","size":"small"}],
		"applications":[{"name":"web","chart":{"name":"web","version":"1.0.0"}}],
		"tenants":{"join":{"image":"busybox","env":{"PGPASSWORD":"hunter2","PGUSER":"web"}}}}}`); err == nil ||
		strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "spec.tenants.join.env.PGPASSWORD") || strings.Contains(err.Error(), "PGUSER") {
		t.Errorf("the environment of a program: %v", err)
	}
	for _, fine := range []string{
		`{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"type":"kubernetes.io/service-account-token"}]}}`,
		`{"spec":{"manifests":[{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","metadata":{"name":"s"},"spec":{"encryptedData":{"password":"AgBy3i4OJSWK"}}}]}}`,
		`{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"url":"db://me:${secret:files/acme/db#k}@db/shop?token=${secret:files/acme/db#t}","all":"${secret:files/acme/db#k}"}}]}}`,
		`{"spec":{"manifests":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"conf":"password=${secret:files/acme/db#k}\nhost=db"}}],"plain":["spec.manifests[0].stringData.conf"]}}`,
		chart(`{"password":"","token":null,"usePassword":true,"existingSecret":"shop","secret":{"name":"shop"},"passwordKey":"password","adminPassword":"{{ .Values.global.password }}","apiKey":"${secret:files/acme/db#k}"}`),
		chart(`{"auth":{"password":"changeme"},"list":[{"token":"none"}]},"plain":["values.auth.password","values.list[0].token"`),
		chart(`{"dsn":"postgres://shop:$(PASSWORD)@db/shop","url":"https://example.com:8080/a@b","existingSecret":"shop"}`),
	} {
		var refusal *ev.Refusal
		if _, err := r.ask(ev.Application, "acme/prod_web", ev.VerbCreate, fine); errors.As(err, &refusal) && strings.Contains(err.Error(), "SealedSecret") {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// What plain excuses is a text by its path, and no more: neither what is known by its form, nor the data of a Secret, nor what is
// not there.
func TestPlainExcusesWhatItNames(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	for field, body := range map[string]string{
		"spec.values.b.password": `{"spec":{"chart":{"name":"web","version":"1.0.0"},"values":{"a":{"password":"one"},"b":{"password":"two"}},"plain":["values.a.password"]}}`,
		"spec.plain[0]":          `{"spec":{"chart":{"name":"web","version":"1.0.0"},"values":{"a":{}},"plain":["values.a.password"]}}`,
		"spec.values.password":   `{"spec":{"chart":{"name":"web","version":"1.0.0"},"values":{"password":"ghp_0123456789abcdefghijABCDEFGHIJ012345"},"plain":["values.password"]}}`,
		"spec.plain[1]":          `{"spec":{"manifests":[` + plainSecret + `,{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"password":"one"}}],"plain":["manifests[1].data.password","manifests[0].stringData.password"]}}`,
	} {
		_, err := r.ask(ev.Application, "acme/prod_web", ev.VerbCreate, body)
		var refusal *ev.Refusal
		named := func(d ev.FieldError) bool { return d.Field == field }
		if !errors.As(err, &refusal) || refusal.Code != ev.Invalid || !slices.ContainsFunc(refusal.Details, named) {
			t.Errorf("%s: %v", field, err)
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
	word := strings.Replace(config, `"metadata"`, `"data":{"password":"hunter2"},"metadata"`, 1)
	if err := r.intake.refuseSecrets(t.Context(), ev.Command{ID: "c3", Ref: at, Payload: ev.Update{Spec: spec(word)}}); err != nil {
		t.Errorf("it has that one already, elsewhere: %v", err)
	}
	if err := r.intake.refuseSecrets(t.Context(), ev.Command{ID: "c2", Ref: at, Payload: ev.Update{Spec: spec(other)}}); err == nil {
		t.Error("another secret is taken")
	}
}

// Few specs have a sign of a secret; the others are not looked through, which is most of what such a look costs.
func TestASpecWithoutASignIsNotLookedThrough(t *testing.T) {
	var spec ev.Spec = ev.CustomerSpec{DisplayName: "Customer c1-1, renamed 12 times"}
	if n := testing.AllocsPerRun(100, func() { ev.LiteralSecrets(spec) }); n > 5 {
		t.Errorf("a look for secrets makes %v allocations", n)
	}
	for _, sign := range []string{"-----BEGIN PGP PRIVATE KEY BLOCK-----", "ASIAIOSFODNN7EXAMPLE", "github_pat_0123456789abcdefghijAB", "gho_0123456789abcdefghijABCDEFGHIJ012345"} {
		spec = ev.CustomerSpec{DisplayName: sign}
		if len(ev.LiteralSecrets(spec)) != 1 {
			t.Errorf("%q is not found", sign)
		}
	}
}
