package events

import (
	"fmt"
	"net/netip"
)

// DataplaneSpec is one Kubernetes cluster in one account and region.
type DataplaneSpec struct {
	Account    string           `json:"account" required:"true" ref:"account" doc:"The cloud account it is built in, such as -/main"`
	Region     string           `json:"region" required:"true" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"the cloud's name of the region, such as eu-central"`
	Type       string           `json:"type" enum:"shared,dedicated" default:"shared" doc:"Whether it hosts many customers or exactly one"`
	Version    string           `json:"version" pattern:"^1\\.[0-9]{2}$" default:"1.36" doc:"Kubernetes minor version, such as 1.36"`
	Network    DataplaneNetwork `json:"network" doc:"The network it is built in"`
	SystemPool SystemPool       `json:"systemPool" doc:"The machines for what the dataplane itself needs"`
	Drift      string           `json:"drift" enum:"repair,report" default:"repair" doc:"What is done when somebody else has changed or deleted what was made for it or on it"`
}

// DataplaneNetwork describes the network to make.
type DataplaneNetwork struct {
	Range string   `json:"range" pattern:"^[0-9]{1,3}(\\.[0-9]{1,3}){3}/(1[6-9]|2[0-4])$" doc:"CIDR of 16 to 24 bits, such as 10.20.0.0/16; empty: chosen once and kept"`
	Zones []string `json:"zones,omitempty" maxItems:"6" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"zones to use; empty: all of the region"`
}

// SystemPool is the node pool every dataplane has.
type SystemPool struct {
	Machine string `json:"machine" default:"s2" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" doc:"the cloud's machine type"`
	Min     int    `json:"min" default:"1" minimum:"1" maximum:"100" doc:"fewest nodes"`
	Max     int    `json:"max" default:"3" minimum:"1" maximum:"100" doc:"most nodes"`
}

// The policies about drift.
const (
	DriftRepair = "repair"
	DriftReport = "report"
)

// Kind is Dataplane.
func (DataplaneSpec) Kind() Kind { return Dataplane }

// Check compares the bounds of the system pool and reads the network's range.
func (s DataplaneSpec) Check() []Fault {
	var faults []Fault
	if s.SystemPool.Min > s.SystemPool.Max {
		faults = append(faults, Fault{"spec.systemPool.min", "is more than max"})
	}
	if r := s.Network.Range; r != "" {
		if p, err := netip.ParsePrefix(r); err != nil || p.Masked() != p {
			faults = append(faults, Fault{"spec.network.range", fmt.Sprintf("%q is no network such as 10.20.0.0/16", Clip(r))})
		}
	}
	return faults
}

type (
	// NetworkingStarted says that the account is ready and building begins.
	NetworkingStarted struct {
		Account CloudAccount `json:"account"` // as it was then: the dataplane stays in it
	}
	// NetworkReady says that the network is there.
	NetworkReady struct {
		Network string `json:"network"` // its name in the cloud
		ID      string `json:"id"`      // the cloud's id of it
		Range   string `json:"range"`
		Calls   []Call `json:"calls,omitempty"`
	}
	// ClusterReady says that the control plane of the cluster answers.
	ClusterReady struct {
		Cluster  string `json:"cluster"` // its name in the cloud
		Endpoint string `json:"endpoint"`
		Version  string `json:"version"` // the one the cloud says it runs
		Calls    []Call `json:"calls,omitempty"`
	}
	// SystemPoolReady says that the dataplane's own machines are there.
	SystemPoolReady struct {
		Nodes int    `json:"nodes"`
		Calls []Call `json:"calls,omitempty"`
	}
	// Claimed says that a dedicated dataplane belongs to a customer from now on.
	Claimed struct {
		Customer string `json:"customer"`
	}
	// Attached says that a customer has a place on a shared dataplane.
	Attached struct {
		Customer string `json:"customer"`
	}
	// Detached says that a customer has none any more, and claims none.
	Detached struct {
		Customer string `json:"customer"`
	}
	// UpdateDone says that everything is as the new spec wants it.
	UpdateDone struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// Degraded says that an update could not be brought about: what was there still works.
	Degraded struct {
		Reason
	}
)

// The parts of a dataplane, in the order in which they are made, as Drift.What names them.
const (
	PartNetwork    = "network"
	PartCluster    = "cluster"
	PartSystemPool = "system pool"
	PartBase       = "base"
)

// Type names the event on the wire.
func (NetworkingStarted) Type() string { return "networking_started" }
func (NetworkReady) Type() string      { return "network_ready" }
func (ClusterReady) Type() string      { return "cluster_ready" }
func (SystemPoolReady) Type() string   { return "system_pool_ready" }
func (Claimed) Type() string           { return "claimed" }
func (Attached) Type() string          { return "attached" }
func (Detached) Type() string          { return "detached" }
func (UpdateDone) Type() string        { return "update_done" }
func (Degraded) Type() string          { return "degraded" }

// Site is where in which cloud an effect is to happen, and whose it is.
type Site struct {
	Account   CloudAccount `json:"account"`
	Region    string       `json:"region"`
	Owner     string       `json:"owner"`     // the mark that everything made carries: owner/kind/id/uid
	Dataplane string       `json:"dataplane"` // on whose executor it is done, such as -/eu
}

// Where returns the site: every effect that happens in a dataplane has one.
func (s Site) Where() Site { return s }

type (
	// EnsureNetwork owes a network.
	EnsureNetwork struct {
		Site
		Range  string   `json:"range"`
		Zones  []string `json:"zones,omitempty"`
		Remake bool     `json:"remake,omitempty"` // nobody relies on it yet: what has failed is made anew
	}
	// EnsureCluster owes a Kubernetes control plane.
	EnsureCluster struct {
		Site
		Network string `json:"network"`
		Version string `json:"version"`
		Remake  bool   `json:"remake,omitempty"` // as above
	}
	// EnsureSystemPool owes the dataplane's own machines.
	EnsureSystemPool struct {
		Site
		Cluster string   `json:"cluster"`
		Pool    NodePool `json:"pool"`
		Remake  bool     `json:"remake,omitempty"` // as above
	}
	// EnsureBase owes what every cluster gets first.
	EnsureBase struct {
		Site
		Cluster string `json:"cluster"`
	}
)

// RemoveOwned owes the end of everything in the cloud that carries the owner's mark.
type RemoveOwned struct{ Site }

// Effect names the work on the wire.
func (RemoveOwned) Effect() string { return "remove_owned" }

// Effect names the work on the wire.
func (EnsureNetwork) Effect() string    { return "ensure_network" }
func (EnsureCluster) Effect() string    { return "ensure_cluster" }
func (EnsureSystemPool) Effect() string { return "ensure_system_pool" }
func (EnsureBase) Effect() string       { return "ensure_base" }
