package views

import (
	"math"
	"sort"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// eventIndex knows of every event what events are looked for by, in 16 bytes each.
// So the log is searched in memory, and only what is found is read from it. What
// it has noted never changes.
type eventIndex struct {
	entries     []entry // of sequence 1 and up
	descriptors names[descriptor]
	highs       []int64 // the latest time among the first events, then among twice as many and so on: of each stretch of entries
}

// nobody is the number in the entry of an event that is of no entity: of a command that was refused.
const nobody = math.MaxUint32

// entry is what the index has of an event.
type entry struct {
	at         int64  // Unix nanoseconds
	entity     uint32 // its number, or nobody
	descriptor uint32
}

// descriptor is what many events have in common.
type descriptor struct {
	typ, actor string
	last       bool // of its decision
}

// names numbers what is repeated often.
type names[T comparable] struct {
	number map[T]uint32
	all    []T
}

func newNames[T comparable]() names[T] { return names[T]{number: map[T]uint32{}} }

func (n *names[T]) of(x T) uint32 {
	i, known := n.number[x]
	if !known {
		i = uint32(len(n.all))
		n.number[x], n.all = i, append(n.all, x)
	}
	return i
}

func newEventIndex() eventIndex { return eventIndex{descriptors: newNames[descriptor]()} }

// stretch is for how many events the index keeps the latest time.
const stretch = 4096

// add notes an event of the entity with a number; one that was noted before changes nothing.
func (j *eventIndex) add(r events.Recorded, entity uint32) {
	if r.Seq != uint64(len(j.entries))+1 {
		return
	}
	j.note(entry{r.Time.UnixNano(), entity, j.descriptors.of(descriptor{r.Event.Type(), r.Actor, r.Index == r.Count})})
}

func (j *eventIndex) note(m entry) {
	if len(j.entries)%stretch == 0 {
		j.highs = append(j.highs, m.at)
		if n := len(j.highs); n > 1 {
			j.highs[n-1] = max(m.at, j.highs[n-2])
		}
	}
	j.entries = append(j.entries, m)
	j.highs[len(j.highs)-1] = max(j.highs[len(j.highs)-1], m.at)
}

// until is the last sequence at a time: no event up to it is later.
func (j *eventIndex) until(t time.Time) uint64 {
	late := t.UnixNano()
	from := sort.Search(len(j.highs), func(i int) bool { return j.highs[i] > late }) * stretch
	for i := from; i < len(j.entries); i++ {
		if j.entries[i].at > late {
			return uint64(i)
		}
	}
	return uint64(len(j.entries))
}

// cut is the last end of a decision up to a sequence that there is.
func (j *eventIndex) cut(seq uint64) uint64 {
	for seq > 0 && !j.descriptors.all[j.entries[seq-1].descriptor].last {
		seq--
	}
	return seq
}

func (j *eventIndex) matches(w *state.Entities, f *EventFilter, m entry) bool {
	r, d := events.Ref{Kind: events.CommandKind}, j.descriptors.all[m.descriptor]
	if m.entity != nobody {
		r = w.Named(m.entity)
	}
	return f.matches(r, d.typ, d.actor, m.at)
}
