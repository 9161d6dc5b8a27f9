package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// NetworkSpec is a wished network. Empty Zones mean the region's.
type NetworkSpec struct {
	Name  string
	Owner string // the mark of the entity it is made for, such as -/dataplane/eu/01H…
	Range string // the addresses, as CIDR
	Zones []string
	Token string // the same for every repetition of this wish
}

// ClusterSpec is a wished Kubernetes cluster, without nodes. It stands on a network, or on subnets that are there
// already, or it is there already itself.
type ClusterSpec struct {
	Name     string
	Owner    string
	Network  string
	Existing ExistingNetwork `json:",omitzero"` // instead of Network
	Adopt    bool            `json:",omitzero"` // use the cluster of that name that somebody else made; never change or delete it
	Version  string          // such as 1.34; empty: the cloud's choice when it is made, and no change after
	Options  ClusterOptions  `json:",omitzero"`
	Admits   []AccessEntry   `json:",omitempty"` // who may work in it besides whoever makes it
	Token    string
}

// ExistingNetwork is what somebody else has made for a cluster to stand on, by the cloud's own ids. No call changes it.
type ExistingNetwork struct {
	Subnets        []string `json:",omitempty"`
	SecurityGroups []string `json:",omitempty"`
}

// ClusterOptions are what can be chosen of a cluster besides.
type ClusterOptions struct {
	Private    bool   `json:",omitzero"` // its API can be reached from inside its network alone
	Logging    bool   `json:",omitzero"` // what its control plane logs goes to the cloud's logs
	SecretsKey string `json:",omitzero"` // the cloud's name of the key that its secrets are encrypted with besides; it can't be changed
}

// AccessEntry lets somebody, by the cloud's own name, into a cluster. Policy is view, edit, admin or cluster-admin.
type AccessEntry struct {
	Principal string
	Policy    string
}

// Sorted is the same in the order of the principals' names.
func Sorted(all []AccessEntry) []AccessEntry {
	return slices.SortedFunc(slices.Values(all), func(a, b AccessEntry) int { return strings.Compare(a.Principal, b.Principal) })
}

// Addon is what an add-on is for. Which software that is, and whether the cloud has it built in, is the cloud's.
type Addon string

// The add-ons.
const (
	AddonStorage    Addon = "storage"    // volumes
	AddonNetwork    Addon = "network"    // addresses of pods, and network policies that hold
	AddonIdentity   Addon = "identity"   // of pods, in the cloud
	AddonDNS        Addon = "dns"        // of services
	AddonAutoscaler Addon = "autoscaler" // nodes come and go within the pools' bounds
)

// Addons are all add-ons, in the order in which they are made. Without nodes some do not become ready.
func Addons() []Addon {
	return []Addon{AddonNetwork, AddonIdentity, AddonAutoscaler, AddonDNS, AddonStorage}
}

// AddonSpec is a wished add-on of a cluster.
type AddonSpec struct {
	Cluster string
	Addon   Addon
	Owner   string
	Version string // empty: the cloud's choice when it is made, and no change after
	Token   string
}

// Taint keeps pods off nodes. Effect is NoSchedule, PreferNoSchedule or NoExecute.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

// SameTaints tells whether two pools keep off the same pods: a cloud may give taints back in another order.
func SameTaints(a, b []Taint) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(t Taint) bool { return !slices.Contains(b, t) })
}

// PoolSpec is a wished node pool. Empty Zones mean the network's.
type PoolSpec struct {
	Cluster string
	Name    string
	Owner   string
	Machine string
	Others  []string `json:",omitempty"` // machines that will do where Machine is not to be had
	Version string   `json:",omitzero"`  // of its nodes' Kubernetes; empty: the cluster's when it is made, and no change after
	Min     int      // nodes of the whole pool, not per zone
	Max     int
	Labels  map[string]string
	Taints  []Taint
	Zones   []string
	Spot    bool
	Token   string
}

// Hash is the same for the same wish. The token is no part of it.
func (s NetworkSpec) Hash() string {
	s.Token = ""
	return hash(s)
}

// Hash is the same for the same wish. The token is no part of it.
func (s ClusterSpec) Hash() string {
	s.Token = ""
	return hash(s)
}

// Hash is the same for the same wish. The token is no part of it.
func (s PoolSpec) Hash() string {
	s.Token = ""
	if len(s.Labels) == 0 {
		s.Labels = nil
	}
	if len(s.Taints) == 0 {
		s.Taints = nil
	}
	return hash(s)
}

// Hash is the same for the same wish. The token is no part of it.
func (s AddonSpec) Hash() string {
	s.Token = ""
	return hash(s)
}

func hash(spec any) string {
	data, _ := json.Marshal(spec) // plain fields: it cannot fail, and maps come sorted
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Validate finds what no cloud would accept. Its error is an *Error of class Invalid.
func (s NetworkSpec) Validate() error {
	if why := missing("name", s.Name, "owner", s.Owner); why != "" {
		return invalid("EnsureNetwork", why)
	}
	if _, err := netip.ParsePrefix(s.Range); err != nil {
		return invalid("EnsureNetwork", "range: "+err.Error())
	}
	return nil
}

// Validate finds what no cloud would accept. Its error is an *Error of class Invalid.
func (s ClusterSpec) Validate() error {
	if why := missing("name", s.Name, "owner", s.Owner); why != "" {
		return invalid("EnsureCluster", why)
	}
	stands := 0
	for _, on := range []bool{s.Network != "", len(s.Existing.Subnets) > 0, s.Adopt} {
		if on {
			stands++
		}
	}
	if stands != 1 {
		return invalid("EnsureCluster", "a network, existing subnets or a cluster to adopt: exactly one is needed")
	}
	return nil
}

// Validate finds what no cloud would accept. Its error is an *Error of class Invalid.
func (s AddonSpec) Validate() error {
	if why := missing("cluster", s.Cluster, "owner", s.Owner); why != "" {
		return invalid("EnsureAddon", why)
	}
	if !slices.Contains(Addons(), s.Addon) {
		return invalid("EnsureAddon", fmt.Sprintf("there is no add-on for %q; there are %v", s.Addon, Addons()))
	}
	return nil
}

// Validate finds what no cloud would accept. Its error is an *Error of class Invalid.
func (s PoolSpec) Validate() error {
	if why := missing("cluster", s.Cluster, "name", s.Name, "owner", s.Owner, "machine", s.Machine); why != "" {
		return invalid("EnsurePool", why)
	}
	if s.Min < 0 || s.Max < max(s.Min, 1) {
		return invalid("EnsurePool", fmt.Sprintf("min %d and max %d: 0 <= min <= max and 1 <= max are needed", s.Min, s.Max))
	}
	for _, t := range s.Taints {
		if t.Key == "" || !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, t.Effect) {
			return invalid("EnsurePool", fmt.Sprintf("taint %q: a key and the effect NoSchedule, PreferNoSchedule or NoExecute are needed", t.Key))
		}
	}
	return nil
}

// missing names the first empty field of name, value pairs.
func missing(pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return pairs[i] + " is missing"
		}
	}
	return ""
}

func invalid(op, message string) error {
	return &Error{Class: Invalid, Op: op, Code: "InvalidSpec", Message: message}
}
