package events

// Target is where in which cloud an effect is to happen, and whose it is.
type Target struct {
	Account   CloudAccount `json:"account"`
	Region    string       `json:"region"`
	Owner     string       `json:"owner"`     // the mark that everything made carries: owner/kind/id/uid
	Dataplane string       `json:"dataplane"` // on whose executor it is done, such as -/eu
}

// Where returns the site: every effect that happens in a dataplane has one.
func (s Target) Where() Target { return s }

type (
	// EnsureNetwork owes a network.
	EnsureNetwork struct {
		Target
		Range  string   `json:"range"`
		Zones  []string `json:"zones,omitempty"`
		Remake bool     `json:"remake,omitempty"` // nobody relies on it yet: what has failed is made anew
	}
	// EnsureCluster owes a Kubernetes control plane.
	EnsureCluster struct {
		Target
		Network        string          `json:"network"`
		Subnets        []string        `json:"subnets,omitempty"` // instead of a network
		SecurityGroups []string        `json:"security_groups,omitempty"`
		Existing       string          `json:"existing,omitempty"` // the name of a cluster that is used as it is
		Version        string          `json:"version"`
		Private        bool            `json:"private,omitempty"`
		Logging        bool            `json:"logging,omitempty"`
		SecretsKey     string          `json:"secrets_key,omitempty"`
		Access         []ClusterAccess `json:"access,omitempty"`
		Remake         bool            `json:"remake,omitempty"` // as above
	}
	// EnsureSystemPool owes the dataplane's own machines.
	EnsureSystemPool struct {
		Target
		Cluster string   `json:"cluster"`
		Pool    NodePool `json:"pool"`
		Remake  bool     `json:"remake,omitempty"` // as above
	}
	// UpgradePools owes the version of every node pool on a cluster, whoever's.
	UpgradePools struct {
		Target
		Cluster string `json:"cluster"`
		Version string `json:"version"`
	}
	// EnsureCloudAddons owes the cloud's add-ons.
	EnsureCloudAddons struct {
		Target
		Cluster string       `json:"cluster"`
		Addons  []CloudAddon `json:"addons"`
	}
	// EnsureBase owes what every cluster gets first.
	EnsureBase struct {
		Target
		Cluster string `json:"cluster"`
	}
)

// RemoveOwned owes the end of everything in the cloud that carries the owner's mark.
type RemoveOwned struct {
	Target
	Existing string `json:"existing,omitempty"` // a cluster that stays: what was put into it first goes
}

// Effect names the work on the wire.
func (RemoveOwned) Effect() string { return "remove_owned" }

// Effect names the work on the wire.
func (EnsureNetwork) Effect() string { return "ensure_network" }

// Effect names the work on the wire.
func (EnsureCluster) Effect() string { return "ensure_cluster" }

// Effect names the work on the wire.
func (EnsureSystemPool) Effect() string { return "ensure_system_pool" }

// Effect names the work on the wire.
func (UpgradePools) Effect() string { return "upgrade_pools" }

// Effect names the work on the wire.
func (EnsureCloudAddons) Effect() string { return "ensure_cloud_addons" }

// Effect names the work on the wire.
func (EnsureBase) Effect() string { return "ensure_base" }
