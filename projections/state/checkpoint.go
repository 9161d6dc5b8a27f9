package state

import (
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/sequence"
)

// checkpointEvery is after how many events of an entity it is kept as it was then: what
// it was at any moment is told from so many events at most.
const checkpointEvery = 64

// long is what is kept of an entity with many events, beside what it is now.
type long struct {
	groups      []*sequence.Group // of its history
	checkpoints []checkpoint
}

// checkpoint is an entity after checkpointEvery events, or twice as many and so on. It
// has no history. Data that did not change since the checkpoint before is kept once.
type checkpoint struct{ base, data fsm.Packed }

// checkpoint keeps an entity as it is now.
func (w *Entities) checkpoint(e fsm.Entity[fsm.Data]) {
	n := w.store.number[e.Ref]
	l := w.store.long[n]
	l.groups = e.History.Groups()
	e.History = sequence.List{}
	base := fsm.Machines[e.Ref.Kind].PackBase(nil, e)
	c := checkpoint{fsm.Packed(base), fsm.Packed(fsm.Machines[e.Ref.Kind].Pack(nil, e)[len(base):])}
	if last := len(l.checkpoints) - 1; last >= 0 && l.checkpoints[last].data == c.data {
		c.data = l.checkpoints[last].data
	}
	l.checkpoints = append(l.checkpoints, c)
	w.store.long[n] = l
}

// Since tells what has to be known of an entity to fold it up to a sequence: what it was
// at a checkpoint, or unborn, and the sequences of its events after that. Those are fewer
// than checkpointEvery however long its history is; none if nothing has happened since.
func (w *Entities) Since(r ev.Ref, upTo uint64) (from fsm.Entity[fsm.Data], rest []uint64) {
	e, _ := w.Get(r)
	if e.Seq <= upTo {
		return e, nil
	}
	end := e.History.UpTo(upTo)
	start := 0
	if n, known := w.Number(r); known {
		all := w.store.long[n].checkpoints
		if i := min(end/checkpointEvery, len(all)); i > 0 {
			from, start = all[i-1].read(r), i*checkpointEvery
		}
	}
	return from, e.History.Between(start, end)
}

func (c checkpoint) read(r ev.Ref) fsm.Entity[fsm.Data] {
	e, err := fsm.Machines[r.Kind].Unpack(r, c.base+c.data)
	if err != nil {
		panic("fsm: read a checkpoint of " + r.String() + ": " + err.Error()) // we wrote it ourselves
	}
	return e
}

// WorldOf makes Entities of a few: as they were, and then what happened to them, in the
// order of the log. They know nothing of the events before.
func WorldOf(from []fsm.Entity[fsm.Data], rest []ev.Recorded) (*Entities, error) {
	w := New()
	for _, e := range from {
		if e.Phase() != fsm.Unborn {
			w.put(e)
			w.rewire(fsm.Entity[fsm.Data]{}, e)
		}
	}
	for _, r := range rest {
		if err := w.Apply([]ev.Recorded{r}); err != nil {
			return nil, err
		}
	}
	for _, e := range from { // what it uses may have come later, though it was born earlier
		if now, there := w.Get(e.Ref); there {
			w.reuse(fsm.Entity[fsm.Data]{}, now)
		}
	}
	w.reofferAll()
	return w, nil
}
