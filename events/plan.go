package events

import "fmt"

// PlanSpec is a tier that customers subscribe to: what a tenant of it gets, and
// where it may be put. Each change of it is a new version.
type PlanSpec struct {
	Draft      bool      `json:"draft" default:"false" doc:"A draft takes no tenants; clearing it releases the plan for good"`
	Hosting    string    `json:"hosting" enum:"provider,customer,platform" default:"provider" doc:"Whose account its tenants run in"`
	Deployment string    `json:"deployment" required:"true" enum:"dedicated,resource-shared" doc:"How tenants share: each customer a dataplane of its own, or machines together"`
	Apps       []PlanApp `json:"apps" required:"true" minItems:"1" maxItems:"20" doc:"The application types the plan offers, each with the size of its infrastructure"`
	Quota      PlanQuota `json:"quota" doc:"What a tenant's namespace may use in all"`
	Limits     PlanLimit `json:"limits" doc:"What a container gets that asks for nothing"`
	Isolation  bool      `json:"isolation" default:"true" doc:"Whether other tenants' pods are kept out of the namespace"`
	Placement  string    `json:"placement" enum:"spread,pack" default:"spread" doc:"Among several fitting dataplanes: the one with the fewest tenants, or the fullest"`
	Price      PlanPrice `json:"price" doc:"What it costs, for people"`
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

// PlanPrice is what a tenant of the plan costs.
type PlanPrice struct {
	Currency string `json:"currency" default:"EUR" pattern:"^[A-Z]{3}$" doc:"three letters, such as EUR"`
	Monthly  string `json:"monthly" default:"0" pattern:"^[0-9]{1,7}(\\.[0-9]{1,2})?$" doc:"a decimal number, such as 49.90"`
}

// Kind is Plan.
func (PlanSpec) Kind() Kind { return Plan }

// Check refuses two entries for one application type.
func (s PlanSpec) Check() (faults []Fault) {
	seen := map[string]bool{}
	for i, a := range s.Apps {
		if seen[a.Type] {
			faults = append(faults, Fault{fmt.Sprintf("spec.apps[%d].type", i), fmt.Sprintf("%q is there twice: one entry for each type", a.Type)})
		}
		seen[a.Type] = true
	}
	return faults
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
