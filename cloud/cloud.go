// Package cloud is the seam between aerie and the clouds: networks, clusters and node pools, each ensured, observed and
// deleted by one short request that may be repeated. It knows nothing of the rest of aerie, and nothing of any SDK.
//
// The contract is level-triggered: no call waits and none returns a handle. What is under way is read from the resource
// itself, so after a crash the names are enough. A call whose outcome is unknown is made again; the next Ensure decides.
// Begin with Provider, then error.go, which says what the classes of errors mean. A Provider may be called by many at once.
package cloud

import (
	"context"
	"time"
)

// Account is a cloud account to work in. It holds no secret: Role and ExternalID say how to become someone there.
type Account struct {
	ID         string // the provider's own: account number, project, subscription
	Role       string // whom to be there; empty: whoever the process is
	ExternalID string // what the account's owner wants to hear besides
}

// Scope is where a call works: names are unique, and limits hold, within one account and region.
type Scope struct {
	Account Account
	Region  string
}

// Provider is one cloud. Each call is one short request, may be repeated at any time, and is safe for concurrent use.
// Every error is an *Error, but for a cancelled context's, which may be wrapped in one.
//
// Ensure makes what is absent, with owner mark and spec hash written in the create itself, and finds what is there: ours
// is compared with the spec and brought to it where the cloud can; another owner's is Taken and never touched; being
// deleted is Conflict. Its observation is that of after the call. A Failed resource is only observed: delete it first.
//
// Observe of the absent is an observation of phase Absent and no error.
//
// Delete starts the deletion or brings it further: it is asked again until Observe says Absent. Deleting the absent, or
// what is being deleted, is success; another owner's is Taken.
type Provider interface {
	// Check says whether the account can be worked in: credentials and rights.
	Check(ctx context.Context, a Account) error

	// Catalogue lists what there is to be wished for in a scope.
	Catalogue(ctx context.Context, s Scope) (Catalogue, error)

	// EnsureNetwork makes a network. Nothing of a network can be changed: a differing spec is Invalid.
	EnsureNetwork(ctx context.Context, s Scope, spec NetworkSpec) (Observation, error)
	// ObserveNetwork reads a network.
	ObserveNetwork(ctx context.Context, s Scope, name string) (Observation, error)
	// DeleteNetwork deletes a network and every duplicate of it. With a cluster in it that is Conflict.
	DeleteNetwork(ctx context.Context, s Scope, name, owner string) error

	// EnsureCluster makes a cluster or brings its version and options to the spec's, one change at a time. An absent
	// network is NotFound, one that is not ready Conflict; subnets that do not exist are Invalid. A cluster can't change
	// its network, go back a version or skip one: Invalid. A cluster to adopt is only observed: an absent one is
	// NotFound, one with anybody's owner mark Taken.
	EnsureCluster(ctx context.Context, s Scope, spec ClusterSpec) (Observation, error)
	// ObserveCluster reads a cluster.
	ObserveCluster(ctx context.Context, s Scope, name string) (Observation, error)
	// DeleteCluster deletes a cluster. With a pool on it that is Conflict.
	DeleteCluster(ctx context.Context, s Scope, name, owner string) error

	// MarkVolumes writes on the volumes of an owned cluster whether they go with it: goes has those, by the cloud's own ids, of
	// which that is known. It is asked before DeleteCluster, after which only those go that are marked so; of all others the
	// owner mark is taken off. What was once to stay stays.
	MarkVolumes(ctx context.Context, s Scope, cluster, owner string, goes map[string]bool) error
	// KeptVolumes lists, by the cloud's own ids in their order, what is left of the volumes of an owned cluster that is gone.
	KeptVolumes(ctx context.Context, s Scope, cluster, owner string) ([]string, error)

	// EnsurePool makes a node pool or brings its bounds, labels, taints and version to the spec's, one change at a time.
	// An absent cluster is NotFound, one that is not ready Conflict. Machines, zones and spot can't be changed, and a
	// version can't go back nor be newer than the cluster's: Invalid.
	EnsurePool(ctx context.Context, s Scope, spec PoolSpec) (Observation, error)
	// ObservePool reads a node pool.
	ObservePool(ctx context.Context, s Scope, cluster, name string) (Observation, error)
	// DeletePool deletes a node pool.
	DeletePool(ctx context.Context, s Scope, cluster, name, owner string) error

	// EnsureAddon makes an add-on of a cluster or brings its version to the spec's. Where the cloud has it built in, it
	// is ready as soon as the cluster is. An absent cluster is NotFound, one that is not ready Conflict; a version that
	// the cloud does not have is Invalid.
	EnsureAddon(ctx context.Context, s Scope, spec AddonSpec) (Observation, error)
	// ObserveAddon reads an add-on.
	ObserveAddon(ctx context.Context, s Scope, cluster string, addon Addon) (Observation, error)
	// DeleteAddon deletes an add-on. Of an owned cluster that is not needed: they go with it.
	DeleteAddon(ctx context.Context, s Scope, cluster string, addon Addon, owner string) error

	// Access says how to reach a cluster's Kubernetes API. Until the cluster is ready that is Conflict.
	Access(ctx context.Context, s Scope, cluster string) (Access, error)

	// ListOwned lists everything in the scope whose owner mark begins with the prefix, what is being deleted too, in an
	// order in which it can be deleted. A prefix that should match whole parts ends in "/"; the empty one matches every
	// mark, and what carries none is never listed. Nor is an add-on of a cluster of the same owner.
	ListOwned(ctx context.Context, s Scope, ownerPrefix string) ([]Ref, error)
}

// Phase is where a resource is.
type Phase string

// The phases of a resource.
const (
	Absent   Phase = "absent"
	Creating Phase = "creating"
	Ready    Phase = "ready"
	Updating Phase = "updating"
	Degraded Phase = "degraded" // it works, with issues
	Deleting Phase = "deleting"
	Failed   Phase = "failed" // it will not become ready by itself; the issues say why
)

// Issue is what is wrong with a resource, in the same classes as errors.
type Issue struct {
	Class   Class  `json:"class"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Observation is what a cloud says of a resource. Fields that do not apply to its kind are empty.
type Observation struct {
	Phase    Phase
	Raw      string // the cloud's own word for the phase
	Owner    string // the owner mark
	SpecHash string // of the spec last ensured
	Issues   []Issue
	Lacks    string // what of it is gone without which it does not do all that it is for; looked for when it is observed, empty: nothing
	ID       string // the cloud's own; of the autoscaler, where the cloud has none built in, that of the role that it runs as
	Region   string // the cloud's own name of it
	Endpoint string // of a ready cluster
	Version  string // of a cluster's or pool's Kubernetes, or of an add-on
	Options  ClusterOptions
	Admits   []AccessEntry // of a cluster that was observed, whom its owner has let in, in the order of their names
	Zones    []string
	Nodes    int           // the ready nodes of a pool
	Pool     *PoolSpec     // of a pool, as it is now, whoever made it so; without its token
	Range    string        // of a network
	After    time.Duration // when asking again is worth it; 0 leaves it to the caller

	NodeLabels map[string]string // of a pool that is there: the cloud's own labels that its nodes have, and no others
}

// Access is how to reach a cluster's Kubernetes API.
type Access struct {
	Endpoint string
	CA       []byte // PEM
	// Token makes a bearer token and says until when it is good. Nil where the API asks for none.
	Token func(context.Context) (token string, until time.Time, err error)
}

// Kind is a kind of resource.
type Kind string

// The kinds of resources, in the order in which they are made.
const (
	KindNetwork Kind = "network"
	KindCluster Kind = "cluster"
	KindAddon   Kind = "addon"
	KindPool    Kind = "pool"
)

// Ref names one resource that exists.
type Ref struct {
	Kind    Kind
	Scope   Scope
	Cluster string // of a pool or an add-on
	Name    string
	ID      string
	Owner   string
	Phase   Phase
}
