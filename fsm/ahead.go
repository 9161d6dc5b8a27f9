package fsm

import ev "github.com/aeriehq/aerie/events"

// Ahead is a world that goes on from this one: what is applied to it stays in it,
// and everything else is read from the world below. So decisions can be made on
// what other decisions will have changed, before those are durable. The world below
// may move meanwhile, but for what was changed ahead of it. Whoever reads has to
// hold the world below still.
func (w *World) Ahead() *World {
	a := NewWorld()
	a.under, a.Seq, a.Time = w, w.Seq, w.Time
	return a
}

// Lower puts a world that is ahead onto another one, which has all that the world
// below it had.
func (w *World) Lower(to *World) { w.under = to }

// placedOn is how many tenants are placed on a tenant infra.
func (w *World) placedOn(infra string) int {
	n := w.placed[infra]
	if w.under != nil {
		n += w.under.placedOn(infra)
	}
	return n
}

// lastOf is the sequence of a kind's last event, 0 if it has none.
func (w *World) lastOf(k ev.Kind) uint64 {
	last := w.last[k]
	if w.under != nil {
		last = max(last, w.under.lastOf(k))
	}
	return last
}
