package events

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// The deployments of plans.
const (
	MultiTenant = "multi-tenant" // tenants share the applications of a cell
)

// PlanApplication is an application that each cell of a multi-tenant plan has, or a tenant of another plan that comes from such a cell.
type PlanApplication struct {
	Name      string           `json:"name" required:"true" maxLength:"40" pattern:"^[a-z]([a-z0-9-]*[a-z0-9])?$" doc:"its name in each cell, or beside its tenant"`
	Chart     Chart            `json:"chart,omitzero" doc:"The Helm chart to install; instead of manifests"`
	Values    map[string]any   `json:"values,omitempty" doc:"What the chart is given"`
	Manifests []map[string]any `json:"manifests,omitempty" maxItems:"50" doc:"Kubernetes objects as they are; they go into the namespace of the cell, or of the tenant"`
	Plain     []string         `json:"plain,omitempty" maxItems:"100" maxLength:"400" doc:"Paths of texts that are no secrets, though they stand under keys that name one, or beside references in a Secret; from the application on, such as values.auth.password"`
	Endpoints []Endpoint       `json:"endpoints,omitempty" maxItems:"20" doc:"Where it is reached, by its Services: told to the programs of moves"`
}

// CellQuota bounds the namespace of a cell, with all that its tenants share. What is empty or zero is unbounded.
type CellQuota struct {
	CPU     string `json:"cpu,omitempty" pattern:"^[0-9]{1,6}m?$" doc:"cores, of requests and of limits, such as 20; empty: as many as there are"`
	Memory  string `json:"memory,omitempty" pattern:"^[0-9]{1,6}(Ki|Mi|Gi|Ti)$" doc:"bytes, of requests and of limits, such as 40Gi; empty: as many as there are"`
	Storage string `json:"storage,omitempty" pattern:"^[0-9]{1,6}(Ki|Mi|Gi|Ti)$" doc:"bytes, such as 200Gi; empty: as many as there are"`
	Pods    int    `json:"pods,omitempty" minimum:"0" maximum:"5000" doc:"how many pods, with those of programs by which tenants come and go; 0: as many as there can be"`
}

// PlanSteps are the programs by which tenants come into a cell and leave it.
type PlanSteps struct {
	Join  *PlanJob `json:"join,omitempty" doc:"Run when a tenant comes into a cell; it is Active when this is done"`
	Leave *PlanJob `json:"leave,omitempty" doc:"Run when a tenant leaves a cell; it is gone when this is done"`
}

// PlanJob is a program that runs to its end as a Kubernetes Job. It may run twice.
type PlanJob struct {
	Image    string            `json:"image" required:"true" maxLength:"400" pattern:"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$" doc:"the image of its container"`
	Command  []string          `json:"command,omitempty" maxItems:"50" doc:"What is run in it; empty: what the image says"`
	Env      map[string]string `json:"env,omitempty" doc:"Its environment; aerie adds what it is run for, in names that begin with AERIE_"`
	Secrets  []string          `json:"secrets,omitempty" maxItems:"10" pattern:"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$" doc:"Secrets of the namespace that it is run for; their keys become its environment too"`
	Deadline string            `json:"deadline" default:"10m" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long it may take with all its attempts, such as 10m"`
	Attempts int               `json:"attempts" default:"3" minimum:"1" maximum:"10" doc:"how often it may be begun"`
}

// namedSecrets are what is a secret by its name in the programs' environments. Their secrets name Secrets.
func (p PlanSteps) namedSecrets() []LiteralSecret {
	return append(p.Join.namedSecrets("spec.tenants.join.env."), p.Leave.namedSecrets("spec.tenants.leave.env.")...)
}

func (j *PlanJob) namedSecrets(at string) (found []LiteralSecret) {
	if j == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(j.Env)) {
		if text, is := isLiteral(j.Env[name]); is && namesSecret(name) {
			found = append(found, named(at+Truncate(name), name, text))
		}
	}
	return found
}

// Within is how long the program may take.
func (j PlanJob) Within() time.Duration {
	d, _ := time.ParseDuration(j.Deadline) // its pattern is checked
	return d
}

// Spec is the application as a cell has it.
func (a PlanApplication) Spec() CellApplicationSpec {
	return CellApplicationSpec{a.Chart, a.Values, a.Manifests, a.Plain, a.Endpoints}
}

// Own is the application as a tenant has it of its own.
func (a PlanApplication) Own() ApplicationSpec {
	return ApplicationSpec{Chart: a.Chart, Values: a.Values, Manifests: a.Manifests, Plain: a.Plain, Endpoints: a.Endpoints}
}

// Application finds one of the plan's applications.
func (s PlanSpec) Application(name string) (PlanApplication, bool) {
	i := slices.IndexFunc(s.Applications, func(a PlanApplication) bool { return a.Name == name })
	if i < 0 {
		return PlanApplication{}, false
	}
	return s.Applications[i], true
}

// longestJoin is how long a join may take: the tenant is given up soon after.
const longestJoin = 25 * time.Minute

// checkShared refuses bounds and steps of cells where tenants have namespaces of their own, and a multi-tenant plan without applications.
func (s PlanSpec) checkShared() (faults []FieldError) {
	shared := s.Deployment == MultiTenant
	if shared && len(s.Applications) == 0 {
		faults = append(faults, FieldError{"spec.applications", "are missing: a multi-tenant plan's tenants share those of a cell"})
	}
	if !shared && s.CellQuota != nil {
		faults = append(faults, FieldError{"spec.cellQuota", "is for plans of deployment multi-tenant: tenants of this one have namespaces of their own, which quota bounds"})
	}
	if !shared && s.Tenants != (PlanSteps{}) {
		faults = append(faults, FieldError{"spec.tenants", "is for plans of deployment multi-tenant"})
	}
	seen := map[string]bool{}
	for i, a := range s.Applications {
		at := fmt.Sprintf("spec.applications[%d]", i)
		if seen[a.Name] {
			faults = append(faults, FieldError{at + ".name", fmt.Sprintf("%q is there twice: each application needs a name of its own", a.Name)})
		}
		seen[a.Name] = true
		for _, f := range a.Spec().Check() {
			faults = append(faults, FieldError{at + f.Field[len("spec"):], f.Message})
		}
	}
	if j := s.Tenants.Join; j != nil && j.Within() > longestJoin {
		faults = append(faults, FieldError{"spec.tenants.join.deadline", fmt.Sprintf("%s is too long: a tenant is given up that has not joined after half an hour, so at most %s", j.Deadline, longestJoin)})
	}
	return faults
}
