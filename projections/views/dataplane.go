package views

import (
	"reflect"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// DataplaneObserved is what was made for a dataplane, as far as it is there.
type DataplaneObserved struct {
	Cloud       string              `json:"cloud,omitempty" doc:"The cloud that it is in; absent until building starts"`
	Network     string              `json:"network,omitempty" doc:"The name of its network in the cloud"`
	Range       string              `json:"range,omitempty" doc:"The addresses of its network"`
	Cluster     string              `json:"cluster,omitempty" doc:"The name of its cluster in the cloud"`
	Endpoint    string              `json:"endpoint,omitempty" doc:"Where its Kubernetes API answers"`
	Version     string              `json:"version,omitempty" doc:"The Kubernetes version the cloud says it runs"`
	Nodes       int                 `json:"nodes,omitempty" doc:"The nodes of its system pool"`
	Zones       []string            `json:"zones,omitempty" nullable:"false" doc:"The zones of its system pool"`
	Retiring    []RetiringPool      `json:"retiring,omitempty" nullable:"false" doc:"Its own old node pools, which are deleted when all wanted pools are there and no pod is on them any more"`
	CloudAddons []events.CloudAddon `json:"cloudAddons,omitempty" nullable:"false" doc:"The cloud's add-ons, with the versions it says they have"`
	Customers   []string            `json:"customers,omitempty" nullable:"false" doc:"Who is attached; a dedicated dataplane is the only one's"`
	Made        *MadeFor            `json:"made,omitempty" nullable:"false" doc:"For which plan it was made, if nobody asked for it by name"`
	At          *time.Time          `json:"at,omitempty" nullable:"false" doc:"When version, nodes, zones and add-ons were last seen to have changed; looks that see the same are not recorded"`
}

// MadeFor is how something came to be that nobody asked for by name.
type MadeFor struct {
	events.Made
	Kept       bool       `json:"kept,omitempty" doc:"A person has asked something of it, so aerie never removes it by itself"`
	EmptySince *time.Time `json:"empty_since,omitempty" nullable:"false" doc:"Since when nobody is on it"`
	Warm       bool       `json:"warm,omitempty" doc:"It is empty, and is kept ready for new tenants"`
}

func madeFor(o fsm.Origin) *MadeFor {
	if o.Made == nil {
		return nil
	}
	m := MadeFor{Made: *o.Made, Kept: o.Kept, Warm: o.Warm}
	if !o.EmptySince.IsZero() {
		m.EmptySince = &o.EmptySince
	}
	return &m
}

var dataplaneView = kindView{
	kind:      events.Dataplane,
	observe:   observeDataplane,
	dataplane: func(e entity) string { return e.Ref.Path() },
}

func observeDataplane(e entity) any {
	d := e.Data.(fsm.DataplaneData)
	o := DataplaneObserved{
		Cloud: d.Account.Cloud, Network: d.Network.Network, Range: d.Network.Range, Cluster: d.Cluster.Cluster, Endpoint: d.Cluster.Endpoint,
		Version: d.Cluster.Version, Nodes: d.SystemPool.Nodes, Zones: d.SystemPool.Zones, CloudAddons: d.Addons, Customers: d.Customers,
		Made: madeFor(d.Origin), Retiring: retiring(d.PoolPlan),
	}
	if reflect.ValueOf(o).IsZero() {
		return nil
	}
	if d.WasActive {
		at := fsm.SeenAt(e)
		o.At = &at
	}
	return &o
}
