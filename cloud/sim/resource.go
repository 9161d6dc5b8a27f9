package sim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
)

// resource is one network, cluster, pool, add-on or volume, as it stands in the journal. It is never changed in place: a change is a
// new one under the same ID.
type resource struct {
	ID      string             `json:"id"`
	Kind    cloud.Kind         `json:"kind"`
	Account string             `json:"account"`
	Region  string             `json:"region"`
	Name    string             `json:"name"`
	Owner   string             `json:"owner"`
	Hash    string             `json:"hash"`
	Made    int64              `json:"made"` // the call that made it
	Network *cloud.NetworkSpec `json:"network,omitempty"`
	Cluster *cloud.ClusterSpec `json:"cluster,omitempty"`
	Pool    *cloud.PoolSpec    `json:"pool,omitempty"`
	Addon   *cloud.AddonSpec   `json:"addon,omitempty"`
	Volume  *volume            `json:"volume,omitempty"`

	Phase cloud.Phase  `json:"phase"` // creating, updating or deleting: what was begun at Since and ends at Until
	Since time.Time    `json:"since"`
	Until time.Time    `json:"until"`
	Nodes int          `json:"nodes,omitempty"` // of a pool, when this phase began
	Issue *cloud.Issue `json:"issue,omitempty"` // with which it fails
	Stuck bool         `json:"stuck,omitempty"` // it never leaves creating
}

// place is where a resource is found by name.
type place struct {
	account, region string
	kind            cloud.Kind
	cluster, name   string
}

type scope struct{ account, region string }

func (r *resource) parent() string {
	switch {
	case r.Pool != nil:
		return r.Pool.Cluster
	case r.Addon != nil:
		return r.Addon.Cluster
	case r.Volume != nil:
		return r.Volume.Cluster
	}
	return ""
}

func (r *resource) place() place {
	return place{r.Account, r.Region, r.Kind, r.parent(), r.Name}
}

// ground is the place of what it stands on; nothing stands on a pool or an add-on, and a network on nothing.
func (r *resource) ground() place {
	p := place{account: r.Account, region: r.Region}
	switch r.Kind {
	case cloud.KindCluster:
		p.kind, p.name = cloud.KindNetwork, r.Cluster.Network
	case cloud.KindPool, cloud.KindAddon:
		p.kind, p.name = cloud.KindCluster, r.parent()
	}
	return p
}

// phase is where time has brought it.
func (r *resource) phase(now time.Time) cloud.Phase {
	switch {
	case r.Stuck && r.Phase == cloud.Creating, now.Before(r.Until):
		return r.Phase
	case r.Phase == cloud.Deleting:
		return cloud.Absent
	case r.Issue != nil:
		return cloud.Failed
	}
	return cloud.Ready
}

// observe is what the cloud says of it.
func (r *resource) observe(now time.Time) cloud.Observation {
	o := cloud.Observation{Phase: r.phase(now), Owner: r.Owner, SpecHash: r.Hash, ID: r.ID}
	o.Raw = strings.ToUpper(string(o.Phase))
	if now.Before(r.Until) && !r.Stuck {
		o.After = r.Until.Sub(now)
	}
	if o.Phase == cloud.Failed {
		o.Issues = []cloud.Issue{*r.Issue}
	}
	switch r.Kind {
	case cloud.KindNetwork:
		o.Range, o.Zones = r.Network.Range, slices.Clone(r.Network.Zones)
	case cloud.KindCluster:
		o.Version, o.Options, o.Admits = r.Cluster.Version, r.Cluster.Options, cloud.Sorted(r.Cluster.Admits)
		if o.Phase == cloud.Ready || o.Phase == cloud.Updating {
			o.Endpoint = r.endpoint()
		}
	case cloud.KindPool:
		has := *r.Pool
		has.Token, has.Labels, has.Taints, has.Zones = "", maps.Clone(has.Labels), slices.Clone(has.Taints), slices.Clone(has.Zones)
		has.Others = slices.Clone(has.Others)
		o.Nodes, o.Zones, o.Pool, o.Version = r.nodes(now), slices.Clone(r.Pool.Zones), &has, has.Version
		o.NodeLabels = map[string]string{labelPool: r.Name}
	case cloud.KindAddon:
		o.Version = r.Addon.Version
	}
	return o
}

// endpoint is a name that leads nowhere: a simulated cluster is reached through Kube.
func (r *resource) endpoint() string { return "https://" + r.ID + "." + r.Region + ".sim.invalid" }

// nodes are the ready nodes of a pool: in creation and updates they come up, or go, one after the other.
func (r *resource) nodes(now time.Time) int {
	switch r.phase(now) {
	case cloud.Ready:
		return r.Pool.Min
	case cloud.Failed, cloud.Deleting, cloud.Absent:
		return 0
	}
	whole := r.Until.Sub(r.Since)
	if r.Stuck || whole <= 0 {
		return r.Nodes
	}
	part := float64(now.Sub(r.Since)) / float64(whole)
	return r.Nodes + int(part*float64(r.Pool.Min-r.Nodes))
}

// state is everything that exists, found by ID, by name and by scope. Several resources have one name where the cloud
// does not keep names unique.
type state struct {
	calls  int64 // the number of the last call
	byID   map[string]*resource
	byName map[place][]string
	scopes map[scope]set
	on     map[place]set // what stands on what has that name
}

type set map[string]bool // of IDs

func newState() *state {
	return &state{byID: map[string]*resource{}, byName: map[place][]string{}, scopes: map[scope]set{}, on: map[place]set{}}
}

func (s *state) put(r *resource) {
	old, known := s.byID[r.ID]
	if known && (old.place() != r.place() || old.ground() != r.ground()) { // no call does that; a hand in the journal may
		s.del(r.ID)
		known = false
	}
	if !known {
		s.byName[r.place()] = append(s.byName[r.place()], r.ID)
		include(s.scopes, scope{r.Account, r.Region}, r.ID)
		include(s.on, r.ground(), r.ID)
	}
	s.byID[r.ID] = r
}

func (s *state) del(id string) {
	r, ok := s.byID[id]
	if !ok {
		return
	}
	delete(s.byID, id)
	exclude(s.scopes, scope{r.Account, r.Region}, id)
	exclude(s.on, r.ground(), id)
	left := slices.DeleteFunc(s.byName[r.place()], func(other string) bool { return other == id })
	if len(left) == 0 {
		delete(s.byName, r.place())
		return
	}
	s.byName[r.place()] = left
}

func include[K comparable](sets map[K]set, k K, id string) {
	if sets[k] == nil {
		sets[k] = set{}
	}
	sets[k][id] = true
}

func exclude[K comparable](sets map[K]set, k K, id string) {
	delete(sets[k], id)
	if len(sets[k]) == 0 {
		delete(sets, k)
	}
}

// sorted are the resources of a set, in the order in which they were made.
func (s *state) sorted(ids set) []*resource {
	var found []*resource
	for id := range ids {
		found = append(found, s.byID[id])
	}
	slices.SortFunc(found, func(a, b *resource) int { return cmp.Or(cmp.Compare(a.Made, b.Made), cmp.Compare(a.ID, b.ID)) })
	return found
}
