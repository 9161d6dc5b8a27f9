package fsm

import (
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// PoolPlan is which of the pools that were ever made are wanted, and which are to go. A
// pool whose machines are to be others is made beside the old one, which has its name:
// their generations tell them apart.
type PoolPlan struct {
	Retiring    []ev.NodePool       // they are to go when all that is wanted is there
	Generations []ev.PoolGeneration // of the names that were used more than once, or are free again
	Reopen      bool                // one that was to go is wanted again
}

// of gives each wanted pool the generation that it has.
func (p PoolPlan) of(pools []ev.NodePool) []ev.NodePool {
	for i := range pools {
		pools[i].Generation = p.generation(pools[i].Name).Now
	}
	return pools
}

// standing gives each pool that was made before the generation that it was made with.
func (p PoolPlan) standing(pools []ev.NodePool) []ev.NodePool {
	for i, n := range pools {
		if at := p.retired(n); at >= 0 {
			pools[i].Generation = p.Retiring[at].Generation
		}
	}
	return pools
}

// retired is where a pool that is to go and would do stands in the plan, or -1.
func (p PoolPlan) retired(n ev.NodePool) int {
	return slices.IndexFunc(p.Retiring, func(r ev.NodePool) bool { return r.Name == n.Name && !n.Replaces(r) })
}

func (p PoolPlan) generation(name string) ev.PoolGeneration {
	for _, g := range p.Generations {
		if g.Name == name {
			return g
		}
	}
	return ev.PoolGeneration{Name: name}
}

// next is the plan if other pools are wanted. What was not made can still be corrected; what is
// to go already and would do comes back.
func (p PoolPlan) next(old, now []ev.NodePool, made func(name string) bool) PoolPlan {
	old = p.of(old)
	next := PoolPlan{Retiring: slices.Clone(p.Retiring), Generations: slices.Clone(p.Generations)}
	for _, n := range now {
		i := slices.IndexFunc(old, func(o ev.NodePool) bool { return o.Name == n.Name })
		if i >= 0 && (!n.Replaces(old[i]) || !made(n.Name) && p.retired(n) < 0) {
			continue
		}
		next.choose(n, i >= 0)
	}
	for _, o := range old {
		i := slices.IndexFunc(now, func(n ev.NodePool) bool { return n.Name == o.Name })
		if i >= 0 && next.generation(o.Name).Now == o.Generation {
			continue
		}
		next.Retiring = append(next.Retiring, o)
		if i < 0 {
			next.set(next.generation(o.Name)) // the name is remembered
		}
	}
	return next
}

// choose finds the generation of a pool that is not there: one that is to go and would do, or the next.
func (p *PoolPlan) choose(n ev.NodePool, known bool) {
	g := p.generation(n.Name)
	used := known || slices.Contains(p.Generations, g)
	back := p.retired(n)
	switch {
	case back >= 0:
		g.Now = p.Retiring[back].Generation
		p.Retiring = slices.Delete(p.Retiring, back, back+1)
	case used:
		g.Last++
		g.Now = g.Last
	default:
		return
	}
	p.set(g)
}

func (p *PoolPlan) set(g ev.PoolGeneration) {
	i := slices.IndexFunc(p.Generations, func(o ev.PoolGeneration) bool { return o.Name == g.Name })
	if i < 0 {
		p.Generations = append(p.Generations, g)
		return
	}
	p.Generations[i] = g
}

func (p PoolPlan) event() ev.PoolsPlanned {
	return ev.PoolsPlanned{Retiring: p.Retiring, Generations: p.Generations}
}

// planned is the plan that an event tells.
func (p PoolPlan) planned(e ev.PoolsPlanned) PoolPlan {
	back := slices.ContainsFunc(p.Retiring, func(was ev.NodePool) bool {
		return !slices.ContainsFunc(e.Retiring, func(is ev.NodePool) bool { return is.Name == was.Name && is.Generation == was.Generation })
	})
	return PoolPlan{Retiring: e.Retiring, Generations: e.Generations, Reopen: p.Reopen || back}
}
