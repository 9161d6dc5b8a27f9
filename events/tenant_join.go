package events

type (
	// TenantJoined says that the program is done by which a tenant comes into its cell.
	TenantJoined struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// LeavingStarted says that a tenant leaves its cell, and by which program; none: by none.
	LeavingStarted struct {
		Leave *PlanJob `json:"leave,omitempty"`
	}
	// TenantLeft says that the program is done by which a tenant leaves its cell.
	TenantLeft struct {
		Calls []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (TenantJoined) Type() string { return "joined" }

// Type names the event on the wire.
func (LeavingStarted) Type() string { return "leaving_started" }

// Type names the event on the wire.
func (TenantLeft) Type() string { return "left" }

// The states of a tenant as the applications of its cell read them.
const (
	StateJoining = "joining"
	StateActive  = "active"
	StateLeaving = "leaving"
	StateClosed  = "closed" // it moves into this cell or out of it, which does not serve it
)

// CellTenant is a tenant in a cell, as the cell's applications read it in a ConfigMap.
type CellTenant struct {
	Target
	Cluster     string    `json:"cluster"`
	Namespace   string    `json:"namespace"` // the cell's
	Record      string    `json:"record"`    // the name of the ConfigMap
	Customer    string    `json:"customer"`
	Tenant      string    `json:"tenant"`
	Stay        string    `json:"stay"`
	Plan        string    `json:"plan"`
	PlanVersion int       `json:"plan_version"`
	Quota       PlanQuota `json:"quota"`
}

// TenantRef implements ForTenant.
func (t CellTenant) TenantRef() Ref { return Ref{Kind: Tenant, Owner: t.Customer, ID: t.Tenant} }

// InCell is a tenant as the applications of the cell of its placement read it.
func (e EnsureTenant) InCell() CellTenant {
	p := e.Placement
	return CellTenant{Target: e.Target, Cluster: e.Cluster, Namespace: p.Namespace, Record: p.Record, Customer: e.Customer, Tenant: e.Tenant,
		Stay: p.Stay, Plan: p.Plan, PlanVersion: p.PlanVersion, Quota: p.Quota}
}

type (
	// JoinTenant owes the end of the program by which a tenant comes into its cell.
	JoinTenant struct {
		CellTenant
		Infra string  `json:"infra"` // on whose machines it runs
		Job   PlanJob `json:"job"`
		Try   int     `json:"try"` // how often it was begun
	}
	// RecordTenant owes that a tenant is in its cell, and nothing of how it came there.
	RecordTenant struct {
		CellTenant
	}
	// LeaveTenant owes the end of the program by which a tenant leaves its cell.
	LeaveTenant struct {
		CellTenant
		Infra string  `json:"infra"`
		Job   PlanJob `json:"job"`
	}
	// ForgetTenant owes that nothing of a tenant is left in its cell.
	ForgetTenant struct {
		CellTenant
	}
)

// Effect names the work on the wire.
func (JoinTenant) Effect() string { return "join_tenant" }

// Effect names the work on the wire.
func (RecordTenant) Effect() string { return "record_tenant" }

// Effect names the work on the wire.
func (LeaveTenant) Effect() string { return "leave_tenant" }

// Effect names the work on the wire.
func (ForgetTenant) Effect() string { return "forget_tenant" }
