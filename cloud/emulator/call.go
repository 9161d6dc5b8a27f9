package emulator

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// Call is one call under way. It sees the account and region of its record, and what it changes is kept or not as a whole.
type Call struct {
	Record
	Now   time.Time
	world *World
	did   []change
	mark  int           // what before it was done by time alone
	moved time.Duration // the clock, by hand
	n     int64
	stale time.Duration // how long others do not see what it changes
}

// change is one thing before and after; nil is absent.
type change struct{ before, after *Resource }

// In is how long the given lifelike time is here.
func (c *Call) In(d time.Duration) time.Duration { return c.world.scaled(d) }

// After is when something that takes d in life is done here.
func (c *Call) After(d time.Duration) time.Time { return c.Now.Add(c.In(d)) }

// Global is the same call looking at what belongs to the whole account.
func (c *Call) Global() Scope { return Scope{c, c.Account, ""} }

// Here is the call's own account and region.
func (c *Call) Here() Scope { return Scope{c, c.Account, c.Region} }

// Elsewhere is another account and region.
func (c *Call) Elsewhere(account, region string) Scope { return Scope{c, account, region} }

// Scope is one account and region.
type Scope struct {
	call            *Call
	account, region string
}

// Find is a thing as it is, or nil.
func (w Scope) Find(kind, parent, named string) *Resource {
	s := w.call.world.state
	t := s.things[s.names[name{place{w.account, w.region, kind}, parent, named}]]
	if t == nil || t.Gone {
		return nil
	}
	return t
}

// See is a thing as it is shown to who looks, which may be older than it is; or nil.
func (w Scope) See(kind, parent, named string) *Resource {
	s := w.call.world.state
	t := s.things[s.names[name{place{w.account, w.region, kind}, parent, named}]]
	return w.call.shown(t)
}

// Anywhere is the first thing of a kind, in whichever account and region, that is as wanted; or nil.
func (c *Call) Anywhere(kind string, wanted func(*Resource) bool) *Resource {
	for at, there := range c.world.state.places {
		if at.kind != kind {
			continue
		}
		for _, t := range there {
			if !t.Gone && wanted(t) {
				return t
			}
		}
	}
	return nil
}

// All are the things of a kind as they are, in the order of making.
func (w Scope) All(kind string) (found []*Resource) {
	for _, t := range sorted(w.call.world.state.places[place{w.account, w.region, kind}]) {
		if !t.Gone {
			found = append(found, t)
		}
	}
	return found
}

// Shown are the things of a kind as they are shown to who looks.
func (w Scope) Shown(kind string) (found []*Resource) {
	for _, t := range sorted(w.call.world.state.places[place{w.account, w.region, kind}]) {
		if seen := w.call.shown(t); seen != nil {
			found = append(found, seen)
		}
	}
	return found
}

func (c *Call) shown(t *Resource) *Resource {
	switch {
	case t == nil:
		return nil
	case c.Now.Before(t.Fresh):
		return t.Before
	case t.Gone:
		return nil
	}
	return t
}

// Make makes a thing, that others see after a while.
func (w Scope) Make(t Resource, seen time.Duration) *Resource {
	c := w.call
	c.world.state.last++
	t.N, t.Account, t.Region, t.Made, t.Doc = c.world.state.last, w.account, w.region, c.Now, Copy(t.Doc)
	if seen = max(c.In(seen), c.stale); seen > 0 {
		t.Fresh = c.Now.Add(seen)
	}
	c.change(nil, &t)
	return &t
}

// Edit is a copy of a thing that stands in its place and may be changed.
func (c *Call) Edit(t *Resource) *Resource {
	if there := c.world.state.things[t.N]; there != nil {
		t = there // who edits has perhaps only seen an older one
	}
	if slices.ContainsFunc(c.did[c.mark:], func(d change) bool { return d.after == t }) {
		return t // of this very call
	}
	e := t.clone()
	c.age(t, e)
	c.change(t, e)
	return e
}

// age keeps what is shown until a change is seen.
func (c *Call) age(was, is *Resource) {
	if c.stale > 0 {
		is.Before, is.Fresh = c.shown(was), c.Now.Add(c.stale)
		if is.Before != nil {
			is.Before = is.Before.clone()
			is.Before.Before = nil
		}
	}
}

// Drop ends a thing and what goes with it.
func (c *Call) Drop(t *Resource) {
	t = c.world.state.things[t.N]
	if t == nil {
		return
	}
	for _, n := range slices.Sorted(maps.Keys(c.world.state.with[t.N])) {
		c.Drop(c.world.state.things[n])
	}
	if c.stale <= 0 {
		c.change(t, nil)
		return
	}
	e := t.clone()
	c.age(t, e)
	e.Gone, e.Due = true, nil
	c.change(t, e)
}

func (c *Call) change(before, after *Resource) {
	c.did = append(c.did, change{before, after})
	if after != nil {
		c.world.state.put(after)
	} else {
		c.world.state.del(before.N)
	}
}

// undo takes back what was done after the first so many changes.
func (c *Call) undo(keep int) {
	c.mark = min(c.mark, keep)
	for _, d := range slices.Backward(c.did[keep:]) {
		if d.after != nil {
			c.world.state.del(d.after.N)
		}
		if d.before != nil {
			c.world.state.put(d.before)
		}
	}
	c.did = c.did[:keep]
}

// settle brings about what was due, in the order in which it was.
func (c *Call) settle() {
	waiting := sorted(c.world.state.waiting)
	slices.SortStableFunc(waiting, func(a, b *Resource) int { return cmp.Compare(dueAt(a), dueAt(b)) })
	for _, t := range waiting {
		for c.settleOne(c.world.state.things[t.N]) {
		}
	}
}

func dueAt(t *Resource) int64 {
	if t.Due == nil {
		return 0
	}
	return t.Due.At.UnixNano()
}

// settleOne says whether it brought something about: then more may be due.
func (c *Call) settleOne(t *Resource) bool {
	if t == nil {
		return false
	}
	fresh := !t.Fresh.IsZero() && !c.Now.Before(t.Fresh)
	due := t.Due != nil && !c.Now.Before(t.Due.At)
	switch {
	case due && t.Due.Gone, fresh && t.Gone:
		c.Drop(t)
	case due:
		e := c.Edit(t)
		e.Due = t.Due.Then
		Merge(e.Doc, Copy(t.Due.Set))
	case fresh:
		e := c.Edit(t)
		e.Fresh, e.Before = time.Time{}, nil
	default:
		return false
	}
	return true
}

// changes are what is to be written of all that the call did.
func (c *Call) changes() (put []*Resource, del []int64) {
	touched := map[int64]bool{}
	for _, d := range c.did {
		if d.after != nil {
			touched[d.after.N] = true
		} else {
			touched[d.before.N] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(touched)) {
		if t := c.world.state.things[n]; t != nil {
			c.world.state.put(t) // what it waits for may have come after it was made
			put = append(put, t)
		} else {
			del = append(del, n)
		}
	}
	return put, del
}

// Strike is the fault that hits a phase of this call. A Stale one is felt by what the call changes from now on.
func (c *Call) Strike(m Phase) (Fault, bool) {
	f, hit := c.world.faults.Strike(m, c.Record)
	if hit && m == Changing {
		c.stale = f.Stale.Duration
	}
	return f, hit
}

// Kube is the Kubernetes API of a cluster; its objects are kept as long as the cluster is.
func (c *Call) Kube(cluster *Resource) (*memory.Store, error) { return c.world.kube(cluster.N) }
