package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

const offer = `kind: tenant
name: prod
owner: acme
spec: {plan: free}
---
kind: plan
name: free
spec: {deployment: dedicated, apps: [{type: a, size: b}]}
---
kind: customer
name: acme
labels: {tier: gold}
`

func TestApplyTwiceSendsNothing(t *testing.T) {
	s := newStandIn(t)
	code, out, errs := s.run(offer, "apply", "-f", "-")
	want := "customer acme created\nplan -/free created\ntenant acme/prod created\n"
	if code != 0 || out != want {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	sent := []string{"create customer acme/acme", "create plan -/free", "create tenant acme/prod"}
	if got := s.commands(); !slices.Equal(got, sent) {
		t.Fatalf("sent %q, want %q", got, sent)
	}
	code, out, _ = s.run(offer, "apply", "-f", "-")
	if want := strings.ReplaceAll(want, "created", "unchanged"); code != 0 || out != want || len(s.commands()) != 3 {
		t.Errorf("again: exit %d, %s, sent %q", code, out, s.commands())
	}
}

func TestApplyUpdatesWhatDiffers(t *testing.T) {
	s := newStandIn(t)
	s.run(offer, "apply", "-f", "-")
	changed := strings.Replace(strings.Replace(offer, "labels: {tier: gold}", "", 1), "size: b", "size: c", 1)
	code, out, errs := s.run(changed, "diff", "-f", "-")
	if want := "update customer acme\n- labels:\n-   tier: gold\n  spec:\n    displayName: \"\"\n  ...\nupdate plan -/free\n  spec:\n    apps:\n-   - size: b\n+   - size: c\n      type: a\n    deployment: dedicated\n  ...\n"; code != 1 || out != want || errs != "" {
		t.Errorf("diff: exit %d, %s%s", code, out, errs)
	}
	code, out, _ = s.run(changed, "apply", "-f", "-")
	if want := "customer acme updated\nplan -/free updated\ntenant acme/prod unchanged\n"; code != 0 || out != want {
		t.Errorf("exit %d, %s", code, out)
	}
	if code, out, _ = s.run(changed, "diff", "-f", "-"); code != 0 || out != "" {
		t.Errorf("diff afterwards: exit %d, %s", code, out)
	}
}

func TestApplyTellsAllFaultsAndSendsNothing(t *testing.T) {
	s := newStandIn(t)
	dir := t.TempDir()
	files := map[string]string{"b.yml": "kind: tenant\nname: a\nowner: nobody\nspec: {plan: gone}\n", "a.yaml": offer + "---\nkind: customer\nname: acme\n---\nkind: plan\nname: P\n", "c.txt": "kind: nonsense"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := s.run("", "apply", "-f", dir)
	errs = strings.ReplaceAll(errs, dir+"/", "")
	for _, want := range []string{
		"error: invalid: manifests: faults: 6; nothing was sent\n",
		"\n  a.yaml:document 4 (customer acme/acme): name: is already in ", "\n  a.yaml:document 5 (plan -/P): name: ",
		"\n  a.yaml:document 5 (plan -/P): spec.deployment: is missing", "\n  b.yml:document 1 (tenant nobody/a): owner: there is no customer nobody, neither here nor on the server (line 3)\n",
		"\n  b.yml:document 1 (tenant nobody/a): spec.plan: there is no plan -/gone",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is missing in\n%s", want, errs)
		}
	}
	if code != 2 || out != "" || len(s.commands()) > 0 {
		t.Errorf("exit %d, %q, sent %q", code, out, s.commands())
	}
}

func TestDryRunSendsWhatCanBeDecided(t *testing.T) {
	s := newStandIn(t)
	code, out, _ := s.run(offer, "apply", "-f", "-", "--dry-run")
	want := "customer acme would be created\nplan -/free would be created\ntenant acme/prod would be created (checked here: it refers to what is not there yet)\n"
	if code != 0 || out != want || s.holds() > 0 {
		t.Errorf("exit %d, %s", code, out)
	}
	for _, m := range s.messages() {
		if m.Header.Get("Aerie-Dry-Run") != "true" {
			t.Errorf("%s is no dry run", m.Subject)
		}
	}
}

func TestCommandIsRepeatedUnderOneID(t *testing.T) {
	s := newStandIn(t)
	s.deaf = 1
	code, out, errs := s.run("", "customer", "create", "acme", "--label", "a=b", "--timeout", "20s")
	if code != 0 || out != "customer acme: requested; Active at sequence 2\n" || !strings.HasPrefix(errs, "waiting for the server") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	heard := s.messages()
	id := heard[0].Header.Get(nats.MsgIdHdr)
	if len(heard) != 2 || len(id) != 26 || id != heard[1].Header.Get(nats.MsgIdHdr) {
		t.Errorf("heard %v", heard)
	}
}

func TestWait(t *testing.T) {
	failed := &client.Reason{Reason: events.Reason{Code: events.ConfigProblem, Message: "no such region", Fault: events.ByUser}}
	waits := &client.Reason{Reason: events.Reason{Code: events.Dependency, Message: "waits for plan -/free"}, Retried: true}
	for _, c := range []struct {
		name      string
		later     func(e *client.Entity, read int)
		code      int
		out, errs string
	}{
		{"until it rests", func(e *client.Entity, read int) {
			if e.Phase, e.Status.Reason = "Waiting", waits; read > 4 {
				e.Phase, e.Status.Reason = "Active", nil
			}
		}, 0, "tenant acme/prod: Waiting (dependency: waits for plan -/free)\ntenant acme/prod: Active\n", ""},
		{"until it fails for good", func(e *client.Entity, _ int) { e.Phase, e.Status.Reason = "Failed", failed }, 1,
			"tenant acme/prod: Failed (config_problem: no such region)\n", "error: config_problem: tenant acme/prod is Failed: no such region\n"},
		{"until time is over", func(e *client.Entity, _ int) { e.Phase, e.Status.Reason = "Waiting", waits }, 5,
			"tenant acme/prod: Waiting (dependency: waits for plan -/free)\n", "error: timeout: 1 not as wanted in time; they go on without being waited for\n  tenant acme/prod: Waiting (dependency: waits for plan -/free)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandIn(t)
			s.put(client.Entity{Kind: events.Tenant, Owner: "acme", ID: "prod", Spec: []byte(`{"plan":"free"}`)})
			s.later = func(all map[events.Ref]client.Entity, read int) {
				ref := events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
				e := all[ref]
				c.later(&e, read)
				all[ref] = e
			}
			code, out, errs := s.run("", "tenant", "retry", "acme/prod", "--wait", "--timeout", "2s")
			if code != c.code || !strings.HasSuffix(out, c.out) || errs != c.errs {
				t.Errorf("exit %d, %s%s", code, out, errs)
			}
		})
	}
}

func TestRefusedApplyNamesTheDocument(t *testing.T) {
	s := newStandIn(t)
	s.refuse["create"] = events.Refuse(events.Refused, "not today")
	code, out, errs := s.run("kind: customer\nname: acme\n", "apply", "-f", "-")
	if want := "error: refused: -:document 1 (customer acme/acme): not today\n"; code != 3 || errs != want || out != "" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

// The server is asked about every document before anything is sent, and all that it would refuse is told. Of two that are
// refused for one reason the reason's code stays.
func TestNothingIsSentIfAnythingWouldBeRefused(t *testing.T) {
	s := newStandIn(t)
	s.put(client.Entity{Kind: events.Customer, Owner: "acme", ID: "acme", Spec: []byte("{}"), Phase: "Active"})
	s.put(client.Entity{Kind: events.Plan, Owner: "-", ID: "free", Spec: []byte("{}"), Phase: "Released"})
	s.refuse["update"] = events.Refuse(events.Refused, "not today")
	code, out, errs := s.run(offer+"---\nkind: customer\nname: other\n", "apply", "-f", "-")
	want := "error: refused: manifests: faults: 2; nothing was sent\n  -:document 2 (plan -/free): refused: not today (line 6)\n  -:document 3 (customer acme/acme): refused: not today (line 10)\n"
	if code != 3 || errs != want || out != "" || len(s.commands()) > 0 {
		t.Errorf("exit %d, %s%s, sent %q", code, out, errs, s.commands())
	}
	s.refuse["update"] = events.RefuseFaults("plan", []events.FieldError{{Field: "spec.apps[0].size", Message: "no such size"}}).(*events.Refusal)
	code, _, errs = s.run(offer, "apply", "-f", "-")
	if want := "  -:document 2 (plan -/free): spec.apps[0].size: no such size (line 8)\n"; code != 2 || !strings.Contains(errs, want) || len(s.commands()) > 0 {
		t.Errorf("exit %d, %s, sent %q", code, errs, s.commands())
	}
}

// TestASecretInANewFileIsToldBeforehand: what a document refers to is not there yet, so that the server can't be asked about it. What
// would be refused for what looks like a secret is refused before anything is sent all the same; what the server has already is not.
func TestASecretInANewFileIsToldBeforehand(t *testing.T) {
	s := newStandIn(t)
	app := "kind: application\nname: live_a\nowner: hazel\nspec:\n  chart: {name: a, version: 1.0.0}\n  values:\n    password: hunter2\n"
	file := "kind: customer\nname: hazel\n---\nkind: plan\nname: small\nspec: {deployment: resource-shared, apps: [{type: a, size: small}]}\n---\n" +
		"kind: tenant\nname: live\nowner: hazel\nspec: {plan: small}\n---\n" + app
	code, out, errs := s.run(file, "apply", "-f", "-")
	if code != 2 || out != "" || len(s.commands()) > 0 || !strings.Contains(errs, "spec.values.password") || strings.Contains(errs, "hunter2") {
		t.Errorf("exit %d, %q, %s, sent %q", code, out, errs, s.commands())
	}
	s.put(client.Entity{Kind: events.Application, Owner: "hazel", ID: "live_a", Phase: "Deployed", Spec: []byte(`{"chart":{"name":"a","version":"0.9.0"},"values":{"password":"hunter2"}}`)})
	if code, _, errs := s.run(file, "apply", "-f", "-"); code != 0 {
		t.Errorf("what is in the log already is refused: exit %d, %s", code, errs)
	}
}

// What kube refuses of manifests is a fault of the file, before the server is asked at all.
func TestManifestsOfApplicationsAreCheckedBeforehand(t *testing.T) {
	s := newStandIn(t)
	file := "kind: customer\nname: hazel\n---\nkind: application\nname: live_a\nowner: acme\nspec:\n  manifests:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n" +
		"  - {apiVersion: v1, kind: ResourceQuota, metadata: {name: B_c}}\n---\nkind: addon\nname: eu_a\nspec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: C_d}}]}\n"
	code, out, errs := s.run(file, "apply", "-f", "-", "--dry-run")
	for _, want := range []string{
		"-:document 2 (application acme/live_a): spec.manifests[1].kind: ResourceQuota is not allowed: the plan sets the tenant's quota (line 10)\n",
		"-:document 2 (application acme/live_a): spec.manifests[1].metadata.name: \"B_c\" is no RFC 1123 subdomain (line 10)\n",
		"-:document 3 (addon -/eu_a): spec.manifests[0].metadata.name: \"C_d\" is no RFC 1123 subdomain",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is missing in\n%s", want, errs)
		}
	}
	if code != 2 || out != "" || len(s.messages()) > 0 {
		t.Errorf("exit %d, %q, sent %d messages", code, out, len(s.messages()))
	}
}

func TestNoServer(t *testing.T) {
	start := time.Now()
	code, _, errs := runCLI(t.Context(), offer, "apply", "-f", "-", "--timeout", "1s", "--api-url", "http://127.0.0.1:1", "--nats-url", "127.0.0.1:1", "--token", "x")
	if code != 5 || !strings.Contains(errs, "error: timeout: read tenant acme/prod: no answer from http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused") || time.Since(start) > 10*time.Second {
		t.Errorf("exit %d, %s", code, errs)
	}
	code, _, errs = runCLI(t.Context(), "", "get", "tenants", "--api-url", "http://127.0.0.1:1", "--token", "x")
	if code != 1 || !strings.HasPrefix(errs, "error: unavailable: ") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
