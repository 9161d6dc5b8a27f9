package events

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
)

// DataplaneSpec is one Kubernetes cluster in one account and region.
type DataplaneSpec struct {
	Account     string           `json:"account" required:"true" ref:"account" doc:"The cloud account it is built in, such as -/main"`
	Region      string           `json:"region" required:"true" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"the cloud's name of the region, such as eu-central"`
	Type        string           `json:"type" enum:"shared,dedicated" default:"shared" doc:"Whether it hosts many customers or exactly one"`
	Version     string           `json:"version" pattern:"^1\\.[0-9]{2}$" default:"1.36" doc:"Kubernetes minor version, such as 1.36"`
	Network     DataplaneNetwork `json:"network" doc:"The network it is built in"`
	Cluster     DataplaneCluster `json:"cluster,omitzero" doc:"Further settings of its Kubernetes cluster"`
	SystemPool  SystemPool       `json:"systemPool" doc:"The machines for what the dataplane itself needs"`
	CloudAddons CloudAddons      `json:"cloudAddons,omitzero" doc:"The versions of the cloud's add-ons; empty: the cloud chooses when the dataplane is made, and they stay"`
	Bootstrap   []string         `json:"bootstrap,omitempty" maxItems:"20" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" doc:"The addons, by their names on this dataplane, that must be Deployed before it is Active; they may be created after it"`
	Mode        string           `json:"mode,omitempty" enum:"push,pull" doc:"Who works on it: the control plane, or an agent in the customer's network; it can be changed later, but is always pull in an account of access agent; empty: push"`
	Drift       string           `json:"drift" enum:"repair,report" default:"repair" doc:"What is done when somebody else has changed or deleted what was made for it or on it"`
}

// DataplaneNetwork describes the network to make, or what is there to use instead.
type DataplaneNetwork struct {
	Range          string   `json:"range" pattern:"^[0-9]{1,3}(\\.[0-9]{1,3}){3}/(1[6-9]|2[0-4])$" doc:"CIDR of 16 to 24 bits, such as 10.20.0.0/16; empty: chosen once and kept"`
	Zones          []string `json:"zones,omitempty" maxItems:"6" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"zones to use; empty: all of the region"`
	Subnets        []string `json:"subnets,omitempty" maxItems:"12" pattern:"^[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$" doc:"Subnets that are there already, by the cloud's ids: they are used, and no network is made"`
	SecurityGroups []string `json:"securityGroups,omitempty" maxItems:"5" pattern:"^[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$" doc:"Security groups of such a network for the cluster"`
}

// DataplaneCluster is what can be chosen of the Kubernetes cluster besides.
type DataplaneCluster struct {
	Existing   string          `json:"existing" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$" doc:"The name of a cluster that somebody else made: it is used, and never changed or deleted; no network, system pool or add-on is made"`
	Private    bool            `json:"private" default:"false" doc:"Whether its API can be reached only from inside its network"`
	Logging    bool            `json:"logging" default:"false" doc:"Whether what its control plane logs goes to the cloud's logs"`
	SecretsKey string          `json:"secretsKey" maxLength:"200" doc:"The cloud's name of a key of your own with which Kubernetes secrets are encrypted; it can't be changed"`
	Access     []ClusterAccess `json:"access,omitempty" maxItems:"20" doc:"Which principals of the cloud may use the cluster besides aerie"`
}

// ClusterAccess lets somebody into a cluster.
type ClusterAccess struct {
	Principal string `json:"principal" required:"true" maxLength:"300" pattern:"^[A-Za-z][^\\s]*$" doc:"Who, by the cloud's name, such as the ARN of a role"`
	Policy    string `json:"policy" enum:"view,edit,admin,cluster-admin" default:"view" doc:"What they may: see, change, also give rights, or all"`
}

// Same tells whether two wishes for a cluster are one.
func (c DataplaneCluster) Same(other DataplaneCluster) bool { return reflect.DeepEqual(c, other) }

// CloudAddons are the versions of what the cloud itself installs into a cluster.
type CloudAddons struct {
	Network    string `json:"network" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" doc:"Addresses of pods, and network policies that hold"`
	Identity   string `json:"identity" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" doc:"Identities of pods in the cloud"`
	Autoscaler string `json:"autoscaler" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" doc:"Nodes come and go within the pools' bounds"`
	DNS        string `json:"dns" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" doc:"Names of services"`
	Storage    string `json:"storage" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" doc:"Volumes"`
}

// List is the add-ons in the order in which they are made.
func (a CloudAddons) List() []CloudAddon {
	return []CloudAddon{{"network", a.Network}, {"identity", a.Identity}, {"autoscaler", a.Autoscaler}, {"dns", a.DNS}, {"storage", a.Storage}}
}

// CloudAddon is one add-on, by what it is for, and its version.
type CloudAddon struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"` // wanted: empty is the cloud's choice
}

// SystemPool is the node pool every dataplane has.
type SystemPool struct {
	Machine string `json:"machine" default:"s2" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" doc:"the cloud's machine type"`
	Min     int    `json:"min" default:"1" minimum:"1" maximum:"100" doc:"fewest nodes"`
	Max     int    `json:"max" default:"3" minimum:"1" maximum:"100" doc:"most nodes"`
}

// ModePull is the mode of a dataplane on which an agent works.
const ModePull = "pull"

// The policies about drift.
const (
	DriftRepair = "repair"
	DriftReport = "report"
)

// Dataplane is the kind of a Kubernetes cluster.
const Dataplane Kind = "dataplane"

var dataplaneKind = Descriptor{
	Kind: Dataplane, Plural: "dataplanes", Doc: "one Kubernetes cluster in one account and region",
	Spec: DataplaneSpec{}, Verbs: CommonVerbs(attachVerb, detachVerb, upgradeVerb, adoptVerb, disownVerb), Marked: true,
	Access: Access{ForCustomers: true, StaffOnly: []string{VerbAttach, VerbDetach}, Shown: []string{"spec.region", "status.observed.cloud"}},
}

// Kind is Dataplane.
func (DataplaneSpec) Kind() Kind { return Dataplane }

// Check compares the bounds of the system pool and reads the network's range.
func (s DataplaneSpec) Check() []FieldError {
	var faults []FieldError
	if s.SystemPool.Min > s.SystemPool.Max {
		faults = append(faults, FieldError{"spec.systemPool.min", "is more than max"})
	}
	if r := s.Network.Range; r != "" {
		if p, err := netip.ParsePrefix(r); err != nil || p.Masked() != p {
			faults = append(faults, FieldError{"spec.network.range", fmt.Sprintf("%q is no network such as 10.20.0.0/16", Truncate(r))})
		}
	}
	for i, name := range s.Bootstrap {
		if slices.Contains(s.Bootstrap[:i], name) {
			faults = append(faults, FieldError{fmt.Sprintf("spec.bootstrap[%d]", i), fmt.Sprintf("%q is named already", name)})
		}
	}
	for i, a := range s.Cluster.Access {
		if slices.ContainsFunc(s.Cluster.Access[:i], func(b ClusterAccess) bool { return a.Principal == b.Principal }) {
			faults = append(faults, FieldError{fmt.Sprintf("spec.cluster.access[%d].principal", i), fmt.Sprintf("%q is let in already", Truncate(a.Principal))})
		}
	}
	return append(faults, s.existing()...)
}

// existing finds wishes about what would not be made.
func (s DataplaneSpec) existing() (faults []FieldError) {
	n := s.Network
	for _, f := range []struct {
		field, message string
		wrong          bool
	}{
		{"spec.network.subnets", "there is a cluster to use already: it has subnets of its own", s.Cluster.Existing != "" && len(n.Subnets) > 0},
		{"spec.network.securityGroups", "no use without subnets: a network that is made has its own", len(n.Subnets) == 0 && len(n.SecurityGroups) > 0},
		{"spec.network.range", "no use with subnets or a cluster that are there already", n.Range != "" && (len(n.Subnets) > 0 || s.Cluster.Existing != "")},
		{"spec.network.zones", "no use with subnets or a cluster that are there already", len(n.Zones) > 0 && (len(n.Subnets) > 0 || s.Cluster.Existing != "")},
		{"spec.cluster", "a cluster that is there already is not changed: private, logging, secretsKey and access are no use", s.Cluster.Existing != "" && !s.Cluster.Same(DataplaneCluster{Existing: s.Cluster.Existing})},
		{"spec.cloudAddons", "a cluster that is there already is not changed: it keeps its add-ons", s.Cluster.Existing != "" && s.CloudAddons != CloudAddons{}},
	} {
		if f.wrong {
			faults = append(faults, FieldError{f.field, f.message})
		}
	}
	return faults
}

// Unused are the fields that mean nothing for this dataplane, by their paths in the spec: of what is there already and is
// used, nothing is chosen, whatever defaults say.
func (s DataplaneSpec) Unused() []string {
	switch {
	case s.Cluster.Existing != "":
		return []string{"version", "network", "cluster.private", "cluster.logging", "cluster.secretsKey", "cluster.access", "systemPool", "cloudAddons"}
	case len(s.Network.Subnets) > 0:
		return []string{"network.range", "network.zones"}
	}
	return nil
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
		Nodes int      `json:"nodes"`
		Zones []string `json:"zones,omitempty"`
		Calls []Call   `json:"calls,omitempty"`
	}
	// PoolsUpgraded says that all node pools on the cluster have the cluster's version.
	PoolsUpgraded struct {
		Version string `json:"version"`
		Calls   []Call `json:"calls,omitempty"`
	}
	// CloudAddonsReady says that the cloud's add-ons are there.
	CloudAddonsReady struct {
		Addons []CloudAddon `json:"addons"` // with the versions the cloud says they have
		Calls  []Call       `json:"calls,omitempty"`
	}
	// BaseReady says that addons can be installed on a dataplane, which waits for those of its bootstrap.
	BaseReady struct {
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
	// UpdateDone says that everything is as the new spec wants it, or as it was before somebody else had changed it.
	UpdateDone struct {
		Calls []Call `json:"calls,omitempty"`
	}
	// Degraded says that an update or a repair could not be brought about, and that something without which the
	// dataplane does not work is gone. Before UpdateFailed there was, it said so also of what still works.
	Degraded struct {
		Reason
	}
)

// The parts of a dataplane, in the order in which they are made, as Drift.What names them.
const (
	PartNetwork    = "network"
	PartCluster    = "cluster"
	PartSystemPool = "system pool"
	PartPools      = "versions of pools"
	PartAddons     = "cloud add-ons"
	PartBase       = "base"
)

// Type names the event on the wire.
func (NetworkingStarted) Type() string { return "networking_started" }

// Type names the event on the wire.
func (NetworkReady) Type() string { return "network_ready" }

// Type names the event on the wire.
func (ClusterReady) Type() string { return "cluster_ready" }

// Type names the event on the wire.
func (SystemPoolReady) Type() string { return "system_pool_ready" }

// Type names the event on the wire.
func (PoolsUpgraded) Type() string { return "pools_upgraded" }

// Type names the event on the wire.
func (CloudAddonsReady) Type() string { return "cloud_addons_ready" }

// Type names the event on the wire.
func (BaseReady) Type() string { return "base_ready" }

// Type names the event on the wire.
func (Claimed) Type() string { return "claimed" }

// Type names the event on the wire.
func (Attached) Type() string { return "attached" }

// Type names the event on the wire.
func (Detached) Type() string { return "detached" }

// Type names the event on the wire.
func (UpdateDone) Type() string { return "update_done" }

// Type names the event on the wire.
func (Degraded) Type() string { return "degraded" }
