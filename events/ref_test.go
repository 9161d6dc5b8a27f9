package events_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aeriehq/aerie/events"
)

// encodeAsk writes a decoded body the way a client would send it.
func encodeAsk(t *testing.T, ask events.Payload) []byte {
	t.Helper()
	body := map[string]any{}
	switch a := ask.(type) {
	case events.Create:
		body["labels"], body["spec"] = a.Labels, a.Spec
	case events.Update:
		body["labels"], body["spec"] = a.Labels, a.Spec
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseRef(t *testing.T) {
	rows := []struct {
		name  string
		kind  events.Kind
		typed string
		want  string // Tokens, or the field of the fault
	}{
		{"a customer is typed by its name", events.Customer, "acme", "acme.customer.acme"},
		{"a customer's tenant", events.Tenant, "acme/prod", "acme.tenant.prod"},
		{"an application by three parts", events.Application, "acme/prod/pg", "acme.application.prod_pg"},
		{"an application by its id", events.Application, "acme/prod_pg", "acme.application.prod_pg"},
		{"the platform's plan", events.Plan, "-/free", "-.plan.free"},
		{"the platform's plan, shorter", events.Plan, "free", "-.plan.free"},
		{"the platform's tenant infra, shorter", events.TenantInfra, "eu_pg-small", "-.tenantinfra.eu_pg-small"},
		{"the platform's tenant infra, by two parts", events.TenantInfra, "eu/pg-small", "-.tenantinfra.eu_pg-small"},
		{"the platform's cell, shorter", events.Cell, "eu_pg_c1", "-.cell.eu_pg_c1"},
		{"the platform's cell, by three parts", events.Cell, "eu/pg/c1", "-.cell.eu_pg_c1"},
		{"a customer's cell", events.Cell, "acme/own/pg/c1", "acme.cell.own_pg_c1"},
		{"an application of a cell, by four parts", events.CellApplication, "eu/pg/c1/web", "-.cellapplication.eu_pg_c1_web"},
		{"an application of a customer's cell", events.CellApplication, "acme/own/pg/c1/web", "acme.cellapplication.own_pg_c1_web"},
		{"three parts of an application of a cell", events.CellApplication, "-/eu/pg/c1", "name"},
		{"two parts of a cell", events.Cell, "-/eu/pg", "name"},
		{"a customer's tenant infra", events.TenantInfra, "acme/own/pg", "acme.tenantinfra.own_pg"},
		{"the platform's addon, by three parts", events.Addon, "-/eu/db", "-.addon.eu_db"},
		{"one part of the platform's", events.Addon, "-/eu", "name"},
		{"a customer's dataplane", events.Dataplane, "acme/own", "acme.dataplane.own"},

		{"a tenant belongs to somebody", events.Tenant, "prod", "owner"},
		{"a plan belongs to nobody", events.Plan, "acme/free", "owner"},
		{"a customer belongs to itself", events.Customer, "acme/other", "owner"},
		{"an application has two parts", events.Application, "acme/pg", "name"},
		{"a tenant has one part", events.Tenant, "acme/prod_pg", "name"},
		{"no capitals", events.Plan, "Free", "name"},
		{"no double dash", events.Plan, "fr--ee", "name"},
		{"no dash at the end", events.Plan, "free-", "name"},
		{"no digit in front", events.Plan, "1free", "name"},
		{"no wildcard", events.Tenant, "acme/*", "name"},
		{"no subject token break", events.Tenant, "acme/a.b", "name"},
		{"at most forty characters", events.Plan, strings.Repeat("a", 41), "name"},
		{"forty are allowed", events.Plan, strings.Repeat("a", 40), "-.plan." + strings.Repeat("a", 40)},
		{"nothing is no name", events.Plan, "", "name"},
		{"no such kind", "tenent", "acme/prod", "kind"},
		{"a kind is said in the singular", "tenants", "acme/prod", "kind"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r, faults := events.ParseRef(row.kind, row.typed)
			got := r.Tokens()
			if len(faults) > 0 {
				got = faults[0].Field
			}
			if got != row.want {
				t.Errorf("%q: got %s %v, want %s", row.typed, got, faults, row.want)
			}
		})
	}
}

func TestKindsHaveNames(t *testing.T) {
	for _, k := range events.Kinds {
		for _, name := range []string{string(k), k.Plural()} {
			if got, ok := events.KindOf(name); !ok || got != k {
				t.Errorf("%s: got %q, %t", name, got, ok)
			}
		}
		if events.ZeroSpec(k) == nil || events.ZeroSpec(k).Kind() != k {
			t.Errorf("%s has no spec of its own", k)
		}
	}
}

// drawRef draws a reference that is in order.
func drawRef(t *rapid.T) events.Ref {
	label := rapid.StringMatching(`[a-z]([a-z0-9]|-[a-z0-9]){0,19}`).Filter(events.IsLabel)
	r := events.Ref{Kind: rapid.SampledFrom(events.Kinds).Draw(t, "kind"), Owner: label.Draw(t, "owner"), ID: label.Draw(t, "id")}
	switch r.Kind {
	case events.Customer:
		r.ID = r.Owner
	case events.Plan:
		r.Owner = events.Platform
	case events.TenantInfra, events.Application, events.Addon:
		r.ID += "_" + label.Draw(t, "second part")
	case events.Cell:
		r.ID += "_" + label.Draw(t, "second part") + "_" + label.Draw(t, "third part")
	case events.CellApplication:
		r.ID += "_" + label.Draw(t, "second part") + "_" + label.Draw(t, "third part") + "_" + label.Draw(t, "fourth part")
	}
	return r
}

func TestReferencesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRef(t)
		if faults := r.Check(); len(faults) > 0 {
			t.Fatalf("%s: %v", r, faults)
		}
		typed := []string{r.Path()}
		if strings.Contains(r.ID, "_") {
			typed = append(typed, r.Owner+"/"+r.Parent()+"/"+r.Local())
		}
		for _, s := range typed {
			if back, faults := events.ParseRef(r.Kind, s); back != r || len(faults) > 0 {
				t.Fatalf("%s typed as %q came back as %s %v", r, s, back, faults)
			}
		}
	})
}

// FuzzParseRef asks that whatever is accepted can stand in a subject and reads
// back as the same.
func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"", "acme", "acme/prod", "acme/prod/pg", "-/free", "a/b_c", "a//b", "/", "_", "a.b", "*", "\xff"} {
		for _, k := range events.Kinds {
			f.Add(string(k), seed)
		}
	}
	f.Fuzz(func(t *testing.T, kind, typed string) {
		r, faults := events.ParseRef(events.Kind(kind), typed)
		if len(faults) > 0 {
			return
		}
		if strings.Count(r.Tokens(), ".") != 2 || strings.ContainsAny(r.Tokens(), "*> \t\r\n") {
			t.Errorf("%q gives the subject %q", typed, r.Tokens())
		}
		if back, faults := events.ParseRef(r.Kind, r.Path()); back != r || len(faults) > 0 {
			t.Errorf("%s came back as %s %v", r, back, faults)
		}
	})
}

func FuzzIsLabel(f *testing.F) {
	rule := regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
	for _, s := range []string{"", "a", "a-b", "a--b", "-a", "a-", "1a", "a1", "A", "ä", strings.Repeat("a", events.MaxLabel), strings.Repeat("a", events.MaxLabel+1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if want := len(s) <= events.MaxLabel && rule.MatchString(s) && !strings.Contains(s, "--"); events.IsLabel(s) != want {
			t.Errorf("%q: want %t", s, want)
		}
	})
}
