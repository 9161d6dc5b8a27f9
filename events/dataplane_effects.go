package events

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
		Reopen  bool     `json:"reopen,omitempty"` // it was to go already: pods may come to its nodes again
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
