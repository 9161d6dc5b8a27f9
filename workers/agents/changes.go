package agents

import (
	"slices"
	"sync"

	ev "github.com/aeriehq/aerie/events"
)

// changes has the last event that may have changed what agents are told, for each customer. It is asked for under the fold's
// lock, so that it belongs to what is told. After a restart everything may have changed.
type changes struct {
	mu   *sync.Mutex
	all  *uint64           // of what all may depend on
	last map[string]uint64 // by owner
}

func newChanges() changes { return changes{&sync.Mutex{}, new(uint64), map[string]uint64{}} }

// begin notes up to where nobody was looking.
func (c changes) begin(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.all = max(*c.all, seq)
}

// aside are the kinds of which nothing is told at a place. Those of own are told to their owner's agents alone; on the others of
// the platform, such as plans, all may depend.
var (
	aside = []ev.Kind{ev.Agent, ev.Token, ev.Principal}
	own   = []ev.Kind{ev.Account, ev.Dataplane, ev.TenantInfra, ev.Cell, ev.CellApplication, ev.Addon, ev.Tenant, ev.Application}
)

// see follows what happens.
func (c changes) see(r ev.Recorded) {
	if slices.Contains(aside, r.Ref.Kind) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Ref.Owner == ev.Platform && !slices.Contains(own, r.Ref.Kind) {
		*c.all = r.Seq
		return
	}
	c.last[r.Ref.Owner] = r.Seq
}

// of is the sequence of a customer's last such event, or of one of the platform's on which his may depend.
func (c changes) of(owner string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(*c.all, c.last[owner])
}
