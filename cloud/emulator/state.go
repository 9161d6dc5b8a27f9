package emulator

import (
	"cmp"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
)

// place is where the things of one kind are.
type place struct{ account, region, kind string }

// name is what one thing is found by.
type name struct {
	place
	parent, name string
}

// state is what an emulated cloud has. It comes to be by folding the journal's lines alone, at start and in each call.
type state struct {
	things  map[int64]*Resource
	places  map[place]map[int64]*Resource
	names   map[name]int64
	waiting map[int64]*Resource // for their time
	with    map[int64]map[int64]bool
	objects map[int64]objects // of a cluster's Kubernetes API, by the cluster's N
	last    int64             // the N of the thing made last
	calls   int64
	ahead   time.Duration // how far the clock was advanced
}

type objects map[kube.Key]kube.Object

func newState() *state {
	return &state{
		things: map[int64]*Resource{}, places: map[place]map[int64]*Resource{}, names: map[name]int64{},
		waiting: map[int64]*Resource{}, with: map[int64]map[int64]bool{}, objects: map[int64]objects{},
	}
}

func (t *Resource) place() place { return place{t.Account, t.Region, t.Kind} }

func (t *Resource) named() name { return name{t.place(), t.Parent, t.Name} }

func (s *state) put(t *Resource) {
	s.del(t.N)
	s.things[t.N] = t
	s.last = max(s.last, t.N)
	if s.places[t.place()] == nil {
		s.places[t.place()] = map[int64]*Resource{}
	}
	s.places[t.place()][t.N] = t
	if n, taken := s.names[t.named()]; !taken || n < t.N {
		s.names[t.named()] = t.N
	}
	if t.Due != nil || !t.Fresh.IsZero() {
		s.waiting[t.N] = t
	}
	if t.With != 0 {
		if s.with[t.With] == nil {
			s.with[t.With] = map[int64]bool{}
		}
		s.with[t.With][t.N] = true
	}
}

func (s *state) del(n int64) {
	t := s.things[n]
	if t == nil {
		return
	}
	delete(s.things, n)
	delete(s.waiting, n)
	delete(s.places[t.place()], n)
	if s.names[t.named()] == n {
		delete(s.names, t.named())
	}
	if delete(s.with[t.With], n); len(s.with[t.With]) == 0 {
		delete(s.with, t.With)
	}
}

func (s *state) fold(l line) {
	s.calls = max(s.calls, l.N)
	s.ahead += l.Ahead
	for _, t := range l.Put {
		s.put(t)
	}
	for _, n := range l.Del {
		s.del(n)
		delete(s.objects, n)
	}
	switch {
	case l.Object != nil:
		if s.objects[l.Cluster] == nil {
			s.objects[l.Cluster] = objects{}
		}
		s.objects[l.Cluster][l.Object.Key().Identity()] = l.Object
	case l.Key != nil:
		delete(s.objects[l.Cluster], l.Key.Identity())
	}
}

// sorted is in the order of making.
func sorted(found map[int64]*Resource) []*Resource {
	all := make([]*Resource, 0, len(found))
	for _, t := range found {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *Resource) int { return cmp.Compare(a.N, b.N) })
	return all
}
