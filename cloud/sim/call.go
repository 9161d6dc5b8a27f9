package sim

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim/offers"
)

// request is what is asked of the cloud, as far as ledger and faults need to know.
type request struct {
	op            string
	scope         cloud.Scope
	cluster, name string
	quiet         bool // without an effect it leaves no line: what only looks, and what is done inside a cluster
	single        bool // it has one effect at most
	within        bool // a cluster does it by itself: no fault strikes
}

// call is one call under way. It holds the cloud's lock.
type call struct {
	ctx     context.Context
	sim     *Sim
	n       int64
	now     time.Time
	head    Call
	given   cloud.Scope
	scope   scope
	zones   []string // of the region
	single  bool
	within  bool
	written bool // the call is in the journal
	ended   bool // and so is that it ended well
}

// do makes one call: faults, effects, journal. The phase that f returns is for the ledger.
func (s *Sim) do(ctx context.Context, r request, f func(*call) (cloud.Phase, error)) (err error) {
	began := time.Now()
	defer func() { s.options.Count.Count(r.op, err, began) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return &cloud.Error{Class: cloud.Retryable, Op: r.op, Code: "Cancelled", Message: err.Error(), Err: err}
	}
	if s.closed {
		return &cloud.Error{Class: cloud.Retryable, Op: r.op, Code: "Closed", Message: "the cloud was closed"}
	}
	s.scripts.Look()
	c := s.begin(r)
	c.ctx, s.current = ctx, c
	defer func() { s.current = nil }()
	phase, err := c.run(r, f)
	if c.written && !r.quiet && err == nil && !strings.HasPrefix(r.op, "Observe") && r.op != "ListOwned" { // what looks may find something gone
		cloud.Changed(ctx, "sim:"+r.op)
	}
	return c.end(r, phase, err)
}

func (s *Sim) begin(r request) *call {
	a := r.scope.Account
	now := s.options.Now()
	return &call{
		sim: s, n: s.state.calls + 1, now: now, given: r.scope, scope: scope{a.ID, r.scope.Region}, single: r.single, within: r.within,
		head: Call{
			At: now, Caller: cmp.Or(a.Role, a.ID), Account: a.ID, Region: r.scope.Region,
			Op: r.op, Cluster: r.cluster, Name: r.name,
		},
	}
}

func (c *call) run(r request, f func(*call) (cloud.Phase, error)) (cloud.Phase, error) {
	if struck, ok := c.strike(calling); ok {
		return "", struck.err(c.head.Op)
	}
	if c.head.Account == "" {
		return "", c.fail(cloud.Invalid, "NoAccount", "the account's id is missing")
	}
	if r.op != "Check" {
		region, err := offers.FindRegion(c.head.Region)
		if err != nil {
			return "", c.fail(cloud.Invalid, cloud.UnknownRegion, err.Error())
		}
		c.zones = region.Zones
	}
	phase, err := f(c)
	if err != nil {
		return phase, err
	}
	if struck, ok := c.strike(answering); ok {
		return phase, struck.err(c.head.Op)
	}
	return phase, nil
}

// end writes the outcome, if it is not written yet. If that fails the caller must think that it is unknown, as it is.
func (c *call) end(r request, phase cloud.Phase, err error) error {
	if !c.written && r.quiet || c.ended && err == nil {
		return err
	}
	l := line{N: c.n, Done: outcome(phase, err)}
	if !c.written {
		l.Call = &c.head
	}
	if lost := c.append(l); lost != nil {
		return lost
	}
	return err
}

func outcome(phase cloud.Phase, err error) *Outcome {
	o := &Outcome{Phase: string(phase)}
	var ce *cloud.Error
	var ke *kube.Error
	switch {
	case errors.As(err, &ce):
		o.Class, o.Code, o.Message = string(ce.Class), ce.Code, ce.Message
	case errors.As(err, &ke):
		o.Class, o.Message = string(ke.Code), ke.Message
	case err != nil:
		o.Class, o.Message = string(cloud.Retryable), err.Error()
	}
	return o
}

// effect writes one effect, the first of them with the call itself, the only one with its end too; and only then lets it
// be.
func (c *call) effect(l line) error {
	l.N = c.n
	if !c.written {
		l.Call = &c.head
	}
	if c.single {
		l.Done = &Outcome{}
	}
	if err := c.append(l); err != nil {
		return err
	}
	c.written, c.ended = true, c.single
	return nil
}

func (c *call) append(l line) error {
	if err := c.sim.journal.Append(false, l); err != nil {
		return &cloud.Error{Class: cloud.Retryable, Op: c.head.Op, Code: "Journal", Message: err.Error(), Err: err}
	}
	c.sim.state.fold(l)
	return nil
}

func (c *call) put(r resource) (*resource, error) {
	return &r, c.effect(line{Put: &r})
}

// drop ends a resource. A cluster's add-ons go with it, and of its volumes those that do not stay.
func (c *call) drop(r *resource) error {
	for _, above := range c.sim.state.sorted(c.sim.state.on[r.place()]) {
		if above.Kind == cloud.KindAddon {
			if err := c.effect(line{Del: above.ID}); err != nil {
				return err
			}
		}
	}
	switch r.Kind {
	case cloud.KindCluster:
		if err := c.part(r); err != nil {
			return err
		}
	case cloud.KindPool:
		if err := c.forgetNodes(r); err != nil {
			return err
		}
	}
	if err := c.effect(line{Del: r.ID}); err != nil {
		return err
	}
	delete(c.sim.kubes, r.ID)
	return nil
}

// find is all that has a name, oldest first. What is at the end of its deletion is dropped on the way.
func (c *call) find(kind cloud.Kind, cluster, name string) ([]*resource, error) {
	p := place{c.scope.account, c.scope.region, kind, cluster, name}
	var found []*resource
	for _, id := range slices.Clone(c.sim.state.byName[p]) {
		found = append(found, c.sim.state.byID[id])
	}
	return c.settle(found)
}

// one is the oldest that has a name, or nil.
func (c *call) one(kind cloud.Kind, cluster, name string) (*resource, error) {
	found, err := c.find(kind, cluster, name)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// all is everything in the scope.
func (c *call) all() ([]*resource, error) {
	return c.settle(c.sim.state.sorted(c.sim.state.scopes[c.scope]))
}

func (c *call) settle(found []*resource) (left []*resource, err error) {
	for _, r := range found {
		if r.phase(c.now) != cloud.Absent {
			left = append(left, r)
		} else if err := c.drop(r); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// list is ListOwned's answer: last made kinds first, as they can be deleted.
func (c *call) list(ownerPrefix string) ([]cloud.Ref, error) {
	found, err := c.all()
	if err != nil {
		return nil, err
	}
	var refs []cloud.Ref
	for _, kind := range []cloud.Kind{cloud.KindPool, cloud.KindAddon, cloud.KindCluster, cloud.KindNetwork} {
		for _, r := range found {
			if r.Kind == kind && r.Owner != "" && strings.HasPrefix(r.Owner, ownerPrefix) && !c.goesAlong(r) {
				refs = append(refs, cloud.Ref{
					Kind: kind, Scope: c.given,
					Cluster: r.parent(), Name: r.Name, ID: r.ID, Owner: r.Owner, Phase: r.phase(c.now),
				})
			}
		}
	}
	return refs, nil
}

// goesAlong says of an add-on that its cluster is of the same owner.
func (c *call) goesAlong(r *resource) bool {
	on := c.sim.state.byName[r.ground()]
	return r.Kind == cloud.KindAddon && len(on) > 0 && c.sim.state.byID[on[0]].Owner == r.Owner
}

func (c *call) strike(m phase) (Fault, bool) {
	if c.within {
		return Fault{}, false
	}
	return c.sim.faults.Strike(m, c.head)
}

func (c *call) fail(class cloud.Class, code, message string) error {
	return &cloud.Error{Class: class, Op: c.head.Op, Code: code, Message: message}
}

func (c *call) invalid(err error) error { return c.fail(cloud.Invalid, "InvalidSpec", err.Error()) }
