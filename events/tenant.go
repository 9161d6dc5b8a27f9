package events

// TenantSpec is a customer's subscription to a plan.
type TenantSpec struct {
	Plan            string   `json:"plan" required:"true" ref:"plan" doc:"The plan, such as free"`
	App             string   `json:"app" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the application type; empty: the plan's first"`
	Region          string   `json:"region" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"the region it must run in; empty: any"`
	Near            string   `json:"near,omitempty" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"the region that its users are near to, for plans that take the nearest place; it need not be one where anything runs"`
	AllowNamespaces []string `json:"allowNamespaces,omitempty" maxItems:"20" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" doc:"namespaces whose pods may connect in spite of isolation"`
}

// Tenant is the kind of a subscription.
const Tenant Kind = "tenant"

var tenantKind = Descriptor{
	Kind: Tenant, Plural: "tenants", Doc: "a customer's subscription to a plan, placed on a dataplane",
	Owner: ByCustomers, Spec: TenantSpec{}, Marked: true,
	Verbs:  CommonVerbs(suspendVerb, resumeVerb, moveVerb, pauseVerb, continueVerb, abortVerb, confirmVerb, adoptVerb, disownVerb),
	Access: Access{ForCustomers: true},
}

// Kind is Tenant.
func (TenantSpec) Kind() Kind { return Tenant }

// Check finds no faults between the fields.
func (TenantSpec) Check() []FieldError { return nil }

// Placement is where a tenant was put, on which terms, and why there.
type Placement struct {
	Dataplane   string     `json:"dataplane" doc:"Such as -/eu"`
	TenantInfra string     `json:"tenantinfra" doc:"Such as -/eu_pg-small"`
	Machines    string     `json:"machines,omitempty" doc:"The tenant infra whose machines its pods run on, where the cell has its own, such as -/eu_pg-small-c4x7qma; absent: those of tenantinfra"`
	Cell        string     `json:"cell,omitempty" doc:"The cell there, such as -/eu_pg-small_c4x7qma; absent: the tenant infra has none"`
	Stay        string     `json:"stay,omitempty" doc:"Which stay of the tenant it is: the id of the command that placed it; absent of those placed by older releases"`
	Namespace   string     `json:"namespace" doc:"The tenant's namespace, computed once; of a multi-tenant plan its cell's"`
	Record      string     `json:"record,omitempty" doc:"Of a multi-tenant plan: the ConfigMap there in which the applications read of the tenant"`
	Plan        string     `json:"plan" doc:"The plan it was placed by"`
	PlanVersion int        `json:"plan_version" doc:"The version of the plan whose terms hold"`
	Size        string     `json:"size" doc:"The infra size the plan gives the application type"`
	Quota       PlanQuota  `json:"quota" doc:"The terms: what the namespace may use"`
	Limits      PlanLimit  `json:"limits" doc:"The terms: what a container gets that asks for nothing"`
	Isolation   bool       `json:"isolation" doc:"The terms: whether other tenants are kept out"`
	Egress      PlanEgress `json:"egress" doc:"The terms: where its pods may connect to"`
	Priority    int        `json:"priority,omitempty" doc:"The terms: how important its pods are"`
	Why         string     `json:"why" doc:"Why there and not elsewhere"`
}

type (
	// PlacingStarted says that the customer and the plan are ready.
	PlacingStarted struct{}
	// Placed says where the tenant will live.
	Placed struct {
		Placement
	}
	// PlaceGivenUp says that what the tenant was placed on can't be built, before
	// anything was made for it there: it looks for another place.
	PlaceGivenUp struct {
		Dataplane   string `json:"dataplane"`
		TenantInfra string `json:"tenantinfra"`
		Cell        string `json:"cell,omitempty"`
		Why         string `json:"why"`
	}
	// TakenIn says that the tenant infra that the tenant is on has cells now, and in which one the tenant is.
	TakenIn struct {
		Cell string `json:"cell"`
	}
	// TenantProvisioningStarted says that dataplane and tenant infra are ready.
	TenantProvisioningStarted struct {
		Site    Target   `json:"site"`
		Cluster string   `json:"cluster"`
		Join    *PlanJob `json:"join,omitempty"` // of a multi-tenant plan: the program by which it comes into its cell
	}
)

// Type names the event on the wire.
func (PlacingStarted) Type() string { return "placing_started" }

// Type names the event on the wire.
func (Placed) Type() string { return "placed" }

// Type names the event on the wire.
func (PlaceGivenUp) Type() string { return "place_given_up" }

// Type names the event on the wire.
func (TakenIn) Type() string { return "taken_in" }

// Type names the event on the wire.
func (TenantProvisioningStarted) Type() string { return "provisioning_started" }

// EnsureTenant owes the tenant's namespace and what guards it.
type EnsureTenant struct {
	Target
	Cluster         string    `json:"cluster"`
	Customer        string    `json:"customer"`
	Tenant          string    `json:"tenant"`
	Placement       Placement `json:"placement"`
	AllowNamespaces []string  `json:"allow_namespaces,omitempty"`
	Closed          bool      `json:"closed,omitempty"` // nobody outside of it is let in: it is open elsewhere
}

// Effect names the work on the wire.
func (EnsureTenant) Effect() string { return "ensure_tenant" }

// ForTenant is an effect that says by name which tenant it is for.
type ForTenant interface{ TenantRef() Ref }

var _ = []ForTenant{EnsureTenant{}, CellTenant{}}

// TenantRef implements ForTenant.
func (e EnsureTenant) TenantRef() Ref { return Ref{Kind: Tenant, Owner: e.Customer, ID: e.Tenant} }

// RemoveTenant owes the end of the tenant's namespace and all that is in it.
type RemoveTenant struct {
	Target
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Stay      string `json:"stay,omitempty"` // what is there of another stay is left alone
}

// Effect names the work on the wire.
func (RemoveTenant) Effect() string { return "remove_tenant" }
