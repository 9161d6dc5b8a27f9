package sim

import (
	"fmt"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Every pair of whose account it is and how tenants share goes from the command to its end, by the same manifests but for the
// words that say so. Nothing is left of the tenants, and slots are what tenants say.
func TestEachPairOfHostingAndDeployment(t *testing.T) {
	for _, hosting := range []string{"provider", "customer", "platform"} {
		for _, deployment := range []string{"dedicated", "resource-shared", ev.MultiTenant} {
			t.Run(hosting+" "+deployment, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.pair(hosting, deployment)
			})
		}
	}
}

func (r *rig) pair(hosting, deployment string) {
	r.t.Helper()
	typ, cells, more, own := "shared", "", "", deployment != ev.MultiTenant
	if deployment == "dedicated" {
		typ = "dedicated"
	}
	if !own {
		cells = `,"cells":{"tenants":2}`
		more = `,"applications":[{"name":"web","manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"}}]}],"tenants":{"join":{"image":"example.test/join:1"},"leave":{"image":"example.test/leave:1"}}`
	}
	owner := "-"
	if hosting == "customer" {
		owner = "acme"
	}
	create := func(kind ev.Kind, path, spec string) {
		r.t.Helper()
		if _, err := r.ask(kind, path, ev.VerbCreate, `{"spec":`+spec+`}`); err != nil {
			r.t.Fatal(err)
		}
	}
	create(ev.Customer, "acme", fmt.Sprintf(`{"hosting":%q}`, hosting))
	role := ""
	if hosting == "customer" {
		role = `,"role":"aerie","externalId":"acme-4711"`
	}
	create(ev.Account, owner+"/main", fmt.Sprintf(`{"cloud":"sim","number":"4711","hosting":%q%s}`, hosting, role))
	create(ev.Plan, "-/p", fmt.Sprintf(`{"deployment":%q,"hosting":"any","apps":[{"type":"shop","size":"small"}]%s}`, deployment, more))
	create(ev.Dataplane, owner+"/eu", fmt.Sprintf(`{"account":"%s/main","region":"eu-central","type":%q}`, owner, typ))
	create(ev.TenantInfra, owner+"/eu_shop", `{"app":"shop","size":"small","pools":[{"name":"data","machine":"s4","min":1}]`+cells+`}`)
	create(ev.Tenant, "acme/prod", `{"plan":"p"}`)
	r.phase(ev.Tenant, "acme/prod", 30*time.Second, fsm.Active)
	if own {
		create(ev.Application, "acme/prod_web", `{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"}}]}`)
		r.phase(ev.Application, "acme/prod_web", 30*time.Second, fsm.Deployed)
	}
	if _, err := r.ask(ev.Tenant, "acme/prod", ev.VerbDelete, `{"cascade":true}`); err != nil {
		r.t.Fatal(err)
	}
	r.phase(ev.Tenant, "acme/prod", 30*time.Second, fsm.Gone)
	r.verify()
}
