package events

import "time"

// Seen is what a look at something at rest has seen of it.
type Seen struct {
	Version string       `json:"version,omitempty"` // of a dataplane's Kubernetes
	Nodes   int          `json:"nodes"`             // of a dataplane's system pool; of all pools of a tenant infra
	Zones   []string     `json:"zones,omitempty"`   // of a dataplane's system pool
	Addons  []CloudAddon `json:"addons,omitempty"`  // of a dataplane
	Pools   []PoolStatus `json:"pools,omitempty"`   // of a tenant infra
}

// Digest is the same for two looks that are no news to each other. Where pools are listed, their nodes count and the total does not.
func (s Seen) Digest() string {
	if len(s.Pools) > 0 {
		s.Nodes = 0
	}
	return digest(s)
}

// Observed says that a look has seen something else than the last event did. How many nodes there are, which an
// autoscaler changes, is by itself an event once in ten minutes of the cloud's time at most.
type Observed struct {
	Seen
	At    time.Time `json:"at"`
	Calls []Call    `json:"calls,omitempty"`
}

// Type names the event on the wire.
func (Observed) Type() string { return "observed" }

// UpdateFailed says that what was asked for, or a repair, was given up: what there was before still works.
type UpdateFailed struct {
	Reason
	Repair bool `json:"repair,omitempty"` // it was to bring back what somebody else had changed or deleted
}

// Type names the event on the wire.
func (UpdateFailed) Type() string { return "update_failed" }
