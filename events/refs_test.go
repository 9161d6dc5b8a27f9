package events_test

import (
	"slices"
	"testing"

	"github.com/aeriehq/aerie/events"
)

func TestRefsOf(t *testing.T) {
	rows := []struct {
		name string
		ref  events.Ref
		spec events.Spec
		want []string
	}{
		{"a customer refers to nothing", events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}, events.CustomerSpec{}, nil},
		{"the platform's account refers to nothing", events.Ref{Kind: events.Account, Owner: "-", ID: "main"}, events.AccountSpec{}, nil},
		{"a customer's account refers to its owner", events.Ref{Kind: events.Account, Owner: "acme", ID: "own"}, events.AccountSpec{},
			[]string{"owner: customer acme"}},
		{"a dataplane refers to its account", events.Ref{Kind: events.Dataplane, Owner: "-", ID: "eu"}, events.DataplaneSpec{Account: "main"},
			[]string{"spec.account: account -/main"}},
		{"a tenant infra refers to the dataplane in its name", events.Ref{Kind: events.TenantInfra, Owner: "-", ID: "eu_pg"}, events.TenantInfraSpec{},
			[]string{"name: dataplane -/eu"}},
		{"a tenant refers to its owner and its plan", events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}, events.TenantSpec{Plan: "free"},
			[]string{"owner: customer acme", "spec.plan: plan -/free"}},
		{"an application refers to its owner and the tenant in its name", events.Ref{Kind: events.Application, Owner: "acme", ID: "prod_pg"}, events.ApplicationSpec{},
			[]string{"owner: customer acme", "name: tenant acme/prod"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, r := range events.RefsOf(row.ref, row.spec) {
				got = append(got, r.Field+": "+r.Ref.String())
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
