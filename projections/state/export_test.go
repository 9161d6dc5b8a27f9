package state

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Tables is what the entities know besides the entities, for comparison: settled is false
// if noting who is owed something changed who is.
func (w *Entities) Tables() (tables map[string]any, settled bool) {
	before := w.owingNow()
	w.Waiting(ev.Ref{})
	owes := w.owingNow()
	lines := map[fsm.Awaited][]waiter{}
	for of, in := range w.lines {
		lines[of] = in.Items()
	}
	return map[string]any{"placed": w.placed, "waiting": fmt.Sprint(w.waiting), "lines": fmt.Sprint(lines), "classes": w.offers.classes,
		"seq": w.Seq, "time": w.Time.UTC(), "answers": w.answers.seqs, "until": w.answers.until,
		"awaits": fmt.Sprint(w.awaits), "owing": owes, "makers": fmt.Sprint(w.makers), "last": w.last, "phases": w.phases}, owes == before
}

func (w *Entities) owingNow() string {
	all := map[ev.Ref]bool{}
	for _, r := range w.Owing() {
		all[r] = true
	}
	return fmt.Sprint(all)
}

// KeepUnpacked bounds how many entities of a kind are kept decoded.
func (w *Entities) KeepUnpacked(n int) { w.store.most = n }

// AllRefs are all entities that are stored, by their numbers.
func (w *Entities) AllRefs() []ev.Ref { return w.store.refs }

// What the external tests look at.
const CheckpointEvery = checkpointEvery
