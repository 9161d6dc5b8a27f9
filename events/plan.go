package events

import (
	"fmt"
	"slices"
)

// PlanSpec is a tier that customers subscribe to: what a tenant of it gets, and
// where it may be put. Each change of it is a new version.
type PlanSpec struct {
	Draft      bool            `json:"draft" default:"false" doc:"A draft takes no tenants; clearing it releases the plan for good"`
	Hosting    string          `json:"hosting" enum:"provider,customer,platform,any" default:"provider" doc:"Whose account its tenants run in; any: what the customer's hosting says"`
	Deployment string          `json:"deployment" required:"true" enum:"dedicated,resource-shared,multi-tenant" doc:"How tenants share: each customer a dataplane of its own; machines together; or the very applications of a cell"`
	Customers  []string        `json:"customers,omitempty" maxItems:"1000" pattern:"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" doc:"Whose tenants may come to it; empty: everybody's. Nobody else sees it. Tenants that are on it stay"`
	Apps       []PlanApp       `json:"apps" required:"true" minItems:"1" maxItems:"20" doc:"The application types the plan offers, each with the size of its infrastructure"`
	Quota      PlanQuota       `json:"quota" doc:"The most that a tenant's namespace may use in total"`
	Limits     PlanLimit       `json:"limits" doc:"The limits of a container that sets none"`
	Isolation  bool            `json:"isolation" default:"true" doc:"Whether other tenants' pods are kept out of the namespace"`
	Egress     PlanEgress      `json:"egress" doc:"With isolation: where the tenants' pods may connect to"`
	Priority   int             `json:"priority,omitempty" minimum:"0" maximum:"1000000" doc:"The priority of its tenants' pods when machines are scarce: a higher one displaces a lower one. A pod can't choose another"`
	Placement  string          `json:"placement" enum:"spread,pack,cheapest,nearest" default:"spread" doc:"Among several fitting tenant infras: the one with the fewest tenants; the fullest; the one whose machines cost least, by the prices of its account; or the one nearest to the tenant's near"`
	Capacity   string          `json:"capacity,omitempty" enum:"on-demand,spot,spot-with-fallback" doc:"What machines its tenants may be on: the priority of all pools of their tenant infra; empty: any"`
	Machines   string          `json:"machines,omitempty" enum:"shared,own" doc:"Whether a tenant shares the machines of its tenant infra with others, or has its own, of the same pools, on the same dataplane; empty: shared"`
	Residency  Residency       `json:"residency,omitzero" doc:"Where in the world its tenants may be; empty: anywhere"`
	Price      PlanPrice       `json:"price" doc:"What it costs, for people"`
	Move       *PlanMove       `json:"move,omitempty" doc:"How its tenants come to another cluster, and to which plans they may go"`
	Suspension *PlanSuspension `json:"suspension,omitempty" doc:"The programs by which operators stop what they run for a suspended tenant; absent: who has something that an operator runs can't be suspended, unless its application names such programs"`
	Provision  []Provision     `json:"provision,omitempty" maxItems:"10" doc:"What is made when a tenant finds no place; the first template that suits is taken"`

	Applications []PlanApplication `json:"applications,omitempty" maxItems:"20" doc:"Of a multi-tenant plan: what each of its cells has, for all of its tenants. Of another: what a tenant gets of its own that comes to it from a multi-tenant plan"`
	CellQuota    *CellQuota        `json:"cellQuota,omitempty" doc:"Of a multi-tenant plan: the most that the namespace of each of its cells may use in total, and then limits are those of a container there that sets none; absent: as much as there is"`
	Tenants      PlanSteps         `json:"tenants,omitzero" doc:"Of a multi-tenant plan: what is run when a tenant comes into a cell, and when it goes"`
}

// PlanApp is one application type of a plan.
type PlanApp struct {
	Type string `json:"type" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the application type, such as postgres"`
	Size string `json:"size" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the size of its tenant infra, such as small"`
}

// PlanQuota bounds a tenant's namespace.
type PlanQuota struct {
	CPU     string `json:"cpu" default:"2" pattern:"^[0-9]{1,6}m?$" doc:"cores, such as 2 or 500m"`
	Memory  string `json:"memory" default:"4Gi" pattern:"^[0-9]{1,6}(Ki|Mi|Gi|Ti)$" doc:"bytes, such as 4Gi"`
	Storage string `json:"storage" default:"20Gi" pattern:"^[0-9]{1,6}(Ki|Mi|Gi|Ti)$" doc:"bytes, such as 20Gi"`
	Pods    int    `json:"pods" default:"20" minimum:"1" maximum:"5000" doc:"how many pods"`
}

// PlanLimit is the default limit of a container.
type PlanLimit struct {
	CPU    string `json:"cpu" default:"500m" pattern:"^[0-9]{1,6}m?$" doc:"cores, such as 500m"`
	Memory string `json:"memory" default:"512Mi" pattern:"^[0-9]{1,6}(Ki|Mi|Gi|Ti)$" doc:"bytes, such as 512Mi"`
}

// PlanEgress bounds where the pods of an isolated tenant may connect to.
type PlanEgress struct {
	Limited bool     `json:"limited" default:"true" doc:"Only to the tenant's own pods, DNS, the namespaces it allows and the ranges here; false: anywhere"`
	Ranges  []string `json:"ranges,omitempty" maxItems:"50" pattern:"^[0-9A-Fa-f:.]{2,39}/[0-9]{1,3}$" doc:"address ranges such as 203.0.113.0/24"`
}

// Residency bounds where in the world a tenant may be put.
type Residency struct {
	Clouds  []string `json:"clouds,omitempty" maxItems:"10" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"clouds such as aws; empty: any"`
	Regions []string `json:"regions,omitempty" maxItems:"50" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"regions such as eu-central-1; empty: any"`
}

// Allows tells whether a tenant may be there.
func (r Residency) Allows(cloud, region string) bool {
	return (len(r.Clouds) == 0 || slices.Contains(r.Clouds, cloud)) && (len(r.Regions) == 0 || slices.Contains(r.Regions, region))
}

// HostingFor is whose account a customer's tenants of the plan run in.
func (s PlanSpec) HostingFor(c CustomerSpec) string {
	if s.Hosting == AnyHosting {
		return c.Hosting
	}
	return s.Hosting
}

// The rules by which one of several fitting places is chosen.
const (
	PlaceSpread   = "spread"
	PlacePack     = "pack"
	PlaceCheapest = "cheapest"
	PlaceNearest  = "nearest"
)

// OwnMachines is that each tenant of a plan has machines of its own.
const OwnMachines = "own"

// AnyHosting leaves a plan's hosting to the customer.
const AnyHosting = "any"

// PlanPrice is what a tenant of the plan costs.
type PlanPrice struct {
	Currency string `json:"currency" default:"EUR" pattern:"^[A-Z]{3}$" doc:"three letters, such as EUR"`
	Monthly  string `json:"monthly" default:"0" pattern:"^[0-9]{1,7}(\\.[0-9]{1,2})?$" doc:"a decimal number, such as 49.90"`
}

// Plan is the kind of what customers subscribe to.
const Plan Kind = "plan"

var planKind = Descriptor{
	Kind: Plan, Plural: "plans", Doc: "a tier: what a tenant of it gets and where it may be put",
	Owner: ByThePlatform, Spec: PlanSpec{}, Verbs: CommonVerbs(releaseVerb, retireVerb, upgradeCellsVerb),
	Access: Access{Shown: []string{"spec.apps", "spec.quota", "spec.price", "status.observed.version"}},
}

// Kind is Plan.
func (PlanSpec) Kind() Kind { return Plan }

// Check refuses two entries for one application type, and ranges that are none.
func (s PlanSpec) Check() (faults []FieldError) {
	faults = checkRanges("spec.egress.ranges", s.Egress.Ranges)
	seen := map[string]bool{}
	for i, a := range s.Apps {
		if seen[a.Type] {
			faults = append(faults, FieldError{fmt.Sprintf("spec.apps[%d].type", i), fmt.Sprintf("%q is there twice: one entry for each type", a.Type)})
		}
		seen[a.Type] = true
	}
	if s.Machines == OwnMachines && s.Deployment == MultiTenant {
		faults = append(faults, FieldError{"spec.machines", "must be shared: tenants of a multi-tenant plan share the very applications"})
	}
	if s.Suspension != nil {
		faults = append(append(faults, checkSuspension(s.Suspension.Jobs())...), checkRanges("spec.suspension.egress", s.Suspension.Egress)...)
	}
	faults = append(faults, append(s.checkMove(), s.checkProvision()...)...)
	return append(faults, s.checkShared()...)
}

// Serves tells whether tenants of an owner may come to the plan.
func (s PlanSpec) Serves(owner string) bool {
	return len(s.Customers) == 0 || slices.Contains(s.Customers, owner)
}

// SizeOf is the infra size the plan gives an application type; "" if it does not offer it.
func (s PlanSpec) SizeOf(app string) string {
	for _, a := range s.Apps {
		if a.Type == app {
			return a.Size
		}
	}
	return ""
}

// Released opens a plan for tenants.
type Released struct{}

// Type names the event on the wire.
func (Released) Type() string { return "released" }

// Retired closes a plan: nobody new is put on it, and who is on it stays.
type Retired struct{}

// Type names the event on the wire.
func (Retired) Type() string { return "retired" }
