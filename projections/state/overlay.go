package state

import ev "github.com/aeriehq/aerie/events"

// Overlay is a world that goes on from this one: what is applied to it stays in it,
// and everything else is read from the world below. So decisions can be made on
// what other decisions will have changed, before those are durable. The world below
// may move meanwhile, but for what was changed ahead of it. Whoever reads has to
// hold the world below still.
func (w *Entities) Overlay() *Entities {
	a := New()
	a.under, a.Seq, a.Time = w, w.Seq, w.Time
	return a
}

// Rebase puts a world that is ahead onto another one, which has all that the world
// below it had.
func (w *Entities) Rebase(to *Entities) { w.under = to }

// PlacedOn is how many tenants are placed on a tenant infra.
func (w *Entities) PlacedOn(infra string) int {
	n := w.placed[infra]
	if w.under != nil {
		n += w.under.PlacedOn(infra)
	}
	return n
}

// LastOf is the sequence of a kind's last event, 0 if it has none.
func (w *Entities) LastOf(k ev.Kind) uint64 {
	last := w.last[k]
	if w.under != nil {
		last = max(last, w.under.LastOf(k))
	}
	return last
}
