package events_test

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// A name is a reference: a kind, an owner and an id. What belongs to nobody belongs to the platform.
func ExampleParseRef() {
	prod, _ := ev.ParseRef(ev.Tenant, "acme/prod")
	fmt.Println(prod, "is commanded on", "aerie.cmd."+prod.Tokens()+".update")
	eu, _ := ev.ParseRef(ev.Dataplane, "-/eu")
	fmt.Println(eu, "has", eu.Child(ev.TenantInfra, "pg-small"))
	_, faults := ev.ParseRef(ev.Tenant, "acme/Prod")
	fmt.Println(faults[0].Field)
	// Output:
	// tenant acme/prod is commanded on aerie.cmd.acme.tenant.prod.update
	// dataplane -/eu has tenantinfra -/eu_pg-small
	// name
}

// What there is to know of a kind stands in its descriptor. The command line, HTTP and the reference are made of it.
func ExampleRegistry() {
	for _, d := range ev.Builtin.All()[:3] {
		fmt.Println(d.Kind, "in lists", d.Plural+":", d.Doc)
	}
	tenant, _ := ev.Builtin.Find("tenants")
	fmt.Println(tenant.VerbNames())
	// Output:
	// customer in lists customers: a company that subscribes to plans
	// account in lists accounts: a cloud account to work in
	// plan in lists plans: a tier: what a tenant of it gets and where it may be put
	// [create update retry delete suspend resume move pause continue abort confirm adopt disown]
}

// The body of a command is decoded strictly, and all of its faults are told at once.
func ExampleRegistry_DecodeAsk() {
	payload, err := ev.Builtin.DecodeAsk(ev.Tenant, ev.VerbCreate, []byte(`{"spec":{"plan":"free"}}`))
	fmt.Println(payload.(ev.Create).Spec.(ev.TenantSpec).Plan, err)
	_, err = ev.Builtin.DecodeAsk(ev.Tenant, ev.VerbCreate, []byte(`{"spec":{"plam":"free","region":"EU!"}}`))
	fmt.Println(err)
	// Output:
	// -/free <nil>
	// invalid: create tenant: 3 faults (spec.plam: no such field; did you mean "plan"?; spec.plan: is missing: The plan, such as free; spec.region: "EU!": the region it must run in; empty: any)
}
