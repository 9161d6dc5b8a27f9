package events

import (
	"cmp"
	"fmt"
	"slices"
)

// TenantInfraSpec is the machines for one application type and size on one
// dataplane: a group of node pools; or the machines that one tenant or cell has alone.
type TenantInfraSpec struct {
	App        string `json:"app" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the application type it is for, such as postgres"`
	Size       string `json:"size" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the size, as plans name it, such as small"`
	Scheduling string `json:"scheduling" enum:"strict,preferred" default:"strict" doc:"Whether pods of others never run on these pools, or only if there is no room elsewhere"`
	Pools      []Pool `json:"pools" required:"true" minItems:"1" maxItems:"10" doc:"The node pools"`
	Cells      *Cells `json:"cells,omitempty" doc:"How its tenants are grouped into cells; left out: there are no cells"`
	For        string `json:"for,omitempty" maxLength:"140" doc:"The tenant or the cell that alone has these machines, such as acme/prod. aerie makes such a tenant infra when it places a tenant or opens a cell, and removes it with that; nobody else creates one"`
}

// Cells says what the cells of a tenant infra are like. They are opened and closed as tenants come and go.
type Cells struct {
	Tenants   int    `json:"tenants" default:"20" minimum:"1" maximum:"1000" doc:"most tenants in one cell; a lower number moves nobody"`
	Isolation string `json:"isolation" enum:"policy,nodes" default:"policy" doc:"What keeps cells apart: network policies; with nodes also machines: each cell has node pools of its own, as the tenant infra's pools say, and the tenant infra itself has none. It can't be changed"`
	Max       int    `json:"max" default:"50" minimum:"1" maximum:"200" doc:"most cells at once"`
	Warm      int    `json:"warm" default:"0" minimum:"0" maximum:"200" doc:"how many empty cells are kept ready for new tenants"`
	KeepEmpty string `json:"keepEmpty" default:"1h" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long an empty cell stays, such as 30m or 1h"`
}

// Pool is one node pool as the user wants it.
type Pool struct {
	Name         string            `json:"name" required:"true" pattern:"^[a-z][a-z0-9-]{0,19}$" doc:"lower-case letters, digits and '-', at most 20 characters"`
	Machine      string            `json:"machine" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" doc:"the cloud's machine type"`
	Alternatives []string          `json:"alternatives,omitempty" maxItems:"10" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" doc:"other machine types to use if that one is not available"`
	Min          int               `json:"min" default:"0" minimum:"0" maximum:"1000" doc:"fewest nodes"`
	Max          int               `json:"max" default:"3" minimum:"1" maximum:"1000" doc:"most nodes"`
	Labels       map[string]string `json:"labels,omitempty" doc:"Labels of its nodes, of a domain of your own: those of Kubernetes, clouds and aerie are reserved"`
	Priority     string            `json:"priority" enum:"on-demand,spot,spot-with-fallback" default:"on-demand" doc:"Whether the cloud may take the machines back (spot); with a fallback there is a second pool, on-demand, for the same pods, which has no node until one is needed"`
	Zones        []string          `json:"zones,omitempty" maxItems:"6" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"zones to use; one pins the pool, empty spreads it over all"`
}

// TenantInfra is the kind of machines on a dataplane.
const TenantInfra Kind = "tenantinfra"

var tenantInfraKind = Descriptor{
	Kind: TenantInfra, Plural: "tenantinfras", Doc: "node pools of a dataplane for one application type and size",
	Parent: Dataplane, Spec: TenantInfraSpec{}, Verbs: CommonVerbs(adoptVerb, disownVerb), Marked: true,
	Access: Access{ForCustomers: true},
}

// Kind is TenantInfra.
func (TenantInfraSpec) Kind() Kind { return TenantInfra }

// Check finds pools of one name, bounds that cross, and labels that a cloud refuses.
func (s TenantInfraSpec) Check() (faults []FieldError) {
	seen := map[string]bool{}
	for i, p := range s.Pools {
		at := fmt.Sprintf("spec.pools[%d]", i)
		if seen[p.Name] {
			faults = append(faults, FieldError{at + ".name", fmt.Sprintf("%q is there twice: each pool needs a name of its own", p.Name)})
		}
		seen[p.Name] = true
		if p.Priority == SpotWithFallback {
			seen[p.Name+FallbackSuffix] = true
		}
		faults = append(faults, checkNodeLabels(at+".labels", p.Labels)...)
		if p.Priority == SpotWithFallback && p.Min > 0 {
			faults = append(faults, FieldError{at + ".min", "must be 0 with a fallback: nodes come when pods need them, of one pool or the other"})
		}
		if p.Min > p.Max {
			faults = append(faults, FieldError{at + ".min", fmt.Sprintf("%d is more than max, %d", p.Min, p.Max)})
		}
	}
	if c := s.Cells; c != nil && c.Warm > c.Max {
		faults = append(faults, FieldError{"spec.cells.warm", fmt.Sprintf("%d is more than max, %d", c.Warm, c.Max)})
	}
	return append(faults, s.checkMachines()...)
}

// SpotWithFallback is the priority of a pool that has a twin, and FallbackSuffix what
// the twin's name has behind the pool's.
const (
	SpotWithFallback = "spot-with-fallback"
	FallbackSuffix   = "-fallback"
)

// Capacity is the priority that all pools have; empty if they have several.
func (s TenantInfraSpec) Capacity() (priority string) {
	for i, p := range s.Pools {
		of := cmp.Or(p.Priority, "on-demand")
		if i > 0 && of != priority {
			return ""
		}
		priority = of
	}
	return priority
}

// PoolPart is what Drift.What begins with of a pool of a tenant infra, before its name.
const PoolPart = "pool "

// NodePool is a pool as a cloud is asked for it.
type NodePool struct {
	Name       string            `json:"name"` // the user's name of it
	Machine    string            `json:"machine"`
	Min        int               `json:"min"`
	Max        int               `json:"max"`
	Labels     map[string]string `json:"labels,omitempty"`
	Taints     []Taint           `json:"taints,omitempty"`
	Others     []string          `json:"others,omitempty"` // machines that will do
	Spot       bool              `json:"spot,omitempty"`
	Backed     bool              `json:"backed,omitempty"` // another pool stands in for it: without capacity it need not be there
	Zones      []string          `json:"zones,omitempty"`
	Generation int               `json:"generation,omitempty"` // how often the pool of that name was replaced before
}

// Replaces tells whether a pool can not be made of another that is there: a cloud changes none of this.
func (p NodePool) Replaces(other NodePool) bool {
	return p.Machine != other.Machine || p.Spot != other.Spot || !slices.Equal(p.Others, other.Others) || !slices.Equal(p.Zones, other.Zones)
}

// PoolGeneration says which of the pools that have had a name is the wanted one.
type PoolGeneration struct {
	Name string `json:"name"`
	Now  int    `json:"now"`  // the wanted one's
	Last int    `json:"last"` // the highest that was given
}

// Taint keeps pods off a node that do not tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"` // NoSchedule, PreferNoSchedule, NoExecute
}

// PoolStatus is what a cloud says of one pool.
type PoolStatus struct {
	Name    string   `json:"name"`  // the user's name of it
	State   string   `json:"state"` // creating, active, updating, degraded, deleting, failed, deleted
	Nodes   int      `json:"nodes"`
	Zones   []string `json:"zones,omitempty"`
	Message string   `json:"message,omitempty"`
}

type (
	// ProvisioningStarted says that nothing is waited for any more.
	ProvisioningStarted struct {
		Site    Target `json:"site"`    // the dataplane's, as it was then
		Cluster string `json:"cluster"` // the dataplane's cluster
	}
	// PoolsObserved says what the cloud makes of the pools, whenever that changes.
	PoolsObserved struct {
		Pools []PoolStatus `json:"pools"`
		Calls []Call       `json:"calls,omitempty"`
	}
	// PoolsPlanned says, right after another spec was wanted, which pools that were made are to go. What goes is emptied
	// first, and that begins when all that is wanted is there.
	PoolsPlanned struct {
		Retiring    []NodePool       `json:"retiring,omitempty"`    // all that are to go from now on, also those from before
		Generations []PoolGeneration `json:"generations,omitempty"` // of the names that were used more than once, or are free again
	}
	// RetiringStarted says that all that is wanted is there, and that what is to go is emptied.
	RetiringStarted struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// PoolsRetired says that the pools that were to go are gone.
	PoolsRetired struct {
		Calls []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (ProvisioningStarted) Type() string { return "provisioning_started" }

// Type names the event on the wire.
func (PoolsObserved) Type() string { return "pools_observed" }

// Type names the event on the wire.
func (PoolsPlanned) Type() string { return "pools_planned" }

// Type names the event on the wire.
func (RetiringStarted) Type() string { return "retiring_started" }

// Type names the event on the wire.
func (PoolsRetired) Type() string { return "pools_retired" }

// EnsurePools owes all pools of a tenant infra.
type EnsurePools struct {
	Target
	Cluster string     `json:"cluster"`
	Pools   []NodePool `json:"pools"`
	Remake  bool       `json:"remake,omitempty"` // made for the first time: what has failed is made anew
	Reopen  bool       `json:"reopen,omitempty"` // one of them was to go already: pods may come to its nodes again
}

// Effect names the work on the wire.
func (EnsurePools) Effect() string { return "ensure_pools" }

// RetirePools owes the end of pools that are not wanted any more. Their nodes are emptied first.
type RetirePools struct {
	Target
	Cluster string     `json:"cluster"`
	Pools   []NodePool `json:"pools"`
}

// Effect names the work on the wire.
func (RetirePools) Effect() string { return "retire_pools" }
