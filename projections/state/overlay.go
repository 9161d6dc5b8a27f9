package state

import ev "github.com/aeriehq/aerie/events"

// Overlay makes Entities that go on from these: what is applied to them stays in them,
// and everything else is read from those below. So decisions can be made on what other
// decisions will have changed, before those are durable. The entities below may move
// meanwhile, but for what was changed in the overlay. Whoever reads must keep the
// entities below from moving.
func (w *Entities) Overlay() *Entities {
	a := New()
	a.under, a.Seq, a.Time, a.limit = w, w.Seq, w.Time, w.limit
	return a
}

// Rebase puts an overlay onto other entities, which have all that those below it had.
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
