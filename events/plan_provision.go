package events

import (
	"fmt"
	"time"
)

// Provision is a template of places: what is made when a tenant of the plan finds none.
type Provision struct {
	Name        string              `json:"name" required:"true" pattern:"^[a-z]([a-z0-9]|-[a-z0-9]){0,29}$" doc:"the template's name, which the names of what it makes begin with"`
	Account     string              `json:"account" required:"true" maxLength:"100" doc:"Where it is made: an account of the platform, such as -/main, or customer: the customer's own, which must be Ready"`
	Dataplane   DataplaneTemplate   `json:"dataplane" doc:"The dataplane that is made; shared or dedicated, as the plan's deployment says"`
	TenantInfra TenantInfraTemplate `json:"tenantinfra" doc:"The tenant infra on it; of the type and size that the tenant is of"`
	KeepEmpty   string              `json:"keepEmpty" default:"24h" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long what was made stays when nobody is on it, such as 30m or 24h"`
	Warm        int                 `json:"warm" default:"0" minimum:"0" maximum:"20" doc:"How many empty dataplanes are kept ready for new tenants"`
	Max         int                 `json:"max" default:"3" minimum:"1" maximum:"1000" doc:"Most dataplanes at once of the template; of a dedicated plan: for each customer"`
}

// CustomersAccount, as the account of a template, is the customer's own.
const CustomersAccount = "customer"

// DataplaneTemplate is a dataplane that may be made.
type DataplaneTemplate struct {
	Region      string           `json:"region" required:"true" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"the cloud's name of the region, such as eu-central"`
	Version     string           `json:"version" pattern:"^1\\.[0-9]{2}$" default:"1.36" doc:"Kubernetes minor version, such as 1.36"`
	Network     DataplaneNetwork `json:"network" doc:"The network it is built in"`
	Cluster     DataplaneCluster `json:"cluster,omitzero" doc:"Further settings of its Kubernetes cluster"`
	SystemPool  SystemPool       `json:"systemPool" doc:"The machines for what the dataplane itself needs"`
	CloudAddons CloudAddons      `json:"cloudAddons,omitzero" doc:"The versions of the cloud's add-ons; empty: the cloud's choice"`
	Drift       string           `json:"drift" enum:"repair,report" default:"repair" doc:"What is done when somebody else has changed or deleted what was made"`
}

// TenantInfraTemplate is a tenant infra that may be made.
type TenantInfraTemplate struct {
	Scheduling string `json:"scheduling" enum:"strict,preferred" default:"strict" doc:"strict: pods of others are kept off these pools; preferred: the scheduler puts them elsewhere if it can"`
	Pools      []Pool `json:"pools" required:"true" minItems:"1" maxItems:"10" doc:"The node pools"`
	Cells      *Cells `json:"cells,omitempty" doc:"How its tenants are grouped into cells; left out: there are no cells"`
}

// DataplaneFor is the dataplane that the template makes in an account, which an agent alone may enter, for a plan.
func (p Provision) DataplaneFor(account string, agent, dedicated bool) DataplaneSpec {
	t := p.Dataplane
	s := DataplaneSpec{Account: account, Region: t.Region, Type: "shared", Version: t.Version, Network: t.Network, Cluster: t.Cluster,
		SystemPool: t.SystemPool, CloudAddons: t.CloudAddons, Drift: t.Drift}
	if dedicated {
		s.Type = "dedicated"
	}
	if agent {
		s.Mode = ModePull
	}
	return s
}

// TenantInfraFor is the tenant infra that the template makes for an application type and size.
func (p Provision) TenantInfraFor(app, size string) TenantInfraSpec {
	t := p.TenantInfra
	return TenantInfraSpec{App: app, Size: size, Scheduling: t.Scheduling, Pools: t.Pools, Cells: t.Cells}
}

// Kept is how long what was made stays when nobody is on it.
func (p Provision) Kept() time.Duration {
	d, _ := time.ParseDuration(p.KeepEmpty) // its pattern is checked
	return d
}

// Refers lists the accounts that the templates name.
func (s PlanSpec) Refers() (refs []SpecRef) {
	for i, p := range s.Provision {
		if to, wrong := ParseRef(Account, p.Account); p.Account != CustomersAccount && len(wrong) == 0 {
			refs = append(refs, SpecRef{fmt.Sprintf("spec.provision[%d].account", i), to})
		}
	}
	return refs
}

// TemplateOf is the template of a name; false if the plan has none of it.
func (s PlanSpec) TemplateOf(name string) (Provision, bool) {
	for _, p := range s.Provision {
		if p.Name == name {
			return p, true
		}
	}
	return Provision{}, false
}

// checkProvision finds what is wrong with the templates.
func (s PlanSpec) checkProvision() (faults []FieldError) {
	seen := map[string]bool{}
	for i, p := range s.Provision {
		at := fmt.Sprintf("spec.provision[%d]", i)
		fault := func(field, format string, args ...any) {
			faults = append(faults, FieldError{at + field, fmt.Sprintf(format, args...)})
		}
		if seen[p.Name] {
			fault(".name", "%q is there twice: each template needs a name of its own", p.Name)
		}
		seen[p.Name] = true
		if p.Account == CustomersAccount {
			if s.Hosting != "customer" && s.Hosting != AnyHosting {
				fault(".account", "the plan's hosting is %s: want an account of the platform, or hosting customer or any", s.Hosting)
			}
			if p.Warm > 0 {
				fault(".warm", "no use with account customer: nobody has come yet whose account it could stand in")
			}
		} else if ref, wrong := ParseRef(Account, p.Account); len(wrong) > 0 || ref.Owner != Platform {
			fault(".account", "%q is no account of the platform: want one such as -/main, or customer", Truncate(p.Account))
		}
		if p.Warm > p.Max {
			fault(".warm", "%d is more than max, %d", p.Warm, p.Max)
		}
		if p.Dataplane.Cluster.Existing != "" {
			fault(".dataplane.cluster.existing", "no use in a template: there is one cluster of that name")
			p.Dataplane.Cluster.Existing = ""
		}
		if has := p.TenantInfraFor("a", "a").Capacity(); s.Capacity != "" && has != s.Capacity {
			fault(".tenantinfra.pools", "want priority %s of each, which is the plan's capacity", s.Capacity)
		}
		faults = append(faults, within(at+".dataplane", p.DataplaneFor(p.Account, false, false).Check())...)
		if s.Deployment == MultiTenant && p.TenantInfra.Cells == nil {
			fault(".tenantinfra.cells", "are missing: tenants of a multi-tenant plan live in cells")
		}
		faults = append(faults, within(at+".tenantinfra", p.TenantInfraFor("a", "a").Check())...)
	}
	return faults
}

// within says of faults of a spec where in another one it is.
func within(at string, faults []FieldError) []FieldError {
	for i := range faults {
		faults[i].Field = at + faults[i].Field[len("spec"):]
	}
	return faults
}

// Made says for what something was made that nobody has asked for by name.
type Made struct {
	Plan      string `json:"plan" doc:"The plan whose tenants it is for"`
	Version   int    `json:"version" doc:"The version of the plan that it was made by"`
	Template  string `json:"template" doc:"The plan's template that it was made by"`
	KeepEmpty string `json:"keep_empty" doc:"How long it stays when nobody is on it"`
}

// Kept is how long it stays when nobody is on it.
func (m Made) Kept() time.Duration { return Provision{KeepEmpty: m.KeepEmpty}.Kept() }

type (
	// Kept says that a person had to do with what was made for a plan: it is theirs now, and never removed by itself.
	Kept struct{}
	// Emptied says since when nobody is on what was made for a plan.
	Emptied struct {
		Since time.Time `json:"since"`
	}
	// Occupied says that somebody is on what was made for a plan.
	Occupied struct{}
	// ProvisionFailed says that something made for the plan could not be built.
	ProvisionFailed struct {
		Template string `json:"template"`
		Made     string `json:"made"` // such as "dataplane -/eu-k3x9qa"
		Message  string `json:"message"`
	}
	// ProvisionSucceeded says that something made by a template works, after others of it had failed.
	ProvisionSucceeded struct {
		Template string `json:"template"`
		Made     string `json:"made"`
	}
	// ProvisionBlocked says that nothing more is made for the plan until somebody retries it or writes a new version.
	ProvisionBlocked struct {
		Reason
	}
	// ProvisionPaused says that so much was made lately that nothing more is for a time.
	ProvisionPaused struct {
		Since time.Time `json:"since"`
		Until time.Time `json:"until"`
	}
	// ProvisionResumed says that this time is over.
	ProvisionResumed struct{}
)

// Type names the event on the wire.
func (Kept) Type() string { return "kept" }

// Type names the event on the wire.
func (Emptied) Type() string { return "emptied" }

// Type names the event on the wire.
func (Occupied) Type() string { return "occupied" }

// Type names the event on the wire.
func (ProvisionFailed) Type() string { return "provision_failed" }

// Type names the event on the wire.
func (ProvisionSucceeded) Type() string { return "provision_succeeded" }

// Type names the event on the wire.
func (ProvisionBlocked) Type() string { return "provision_blocked" }

// Type names the event on the wire.
func (ProvisionPaused) Type() string { return "provision_paused" }

// Type names the event on the wire.
func (ProvisionResumed) Type() string { return "provision_resumed" }
