package projections

import (
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// journal knows of every event what events are looked for by, in 24 bytes each.
// So the log is searched in memory, and only what is found is read from it.
type journal struct {
	marks []mark // of sequence 1 and up
	refs  names[events.Ref]
	words names[string] // event types and actors
}

type mark struct {
	at              int64 // Unix nanoseconds
	ref, typ, actor uint32
}

// names numbers what is repeated often.
type names[T comparable] struct {
	number map[T]uint32
	all    []T
}

func (n *names[T]) of(x T) uint32 {
	i, known := n.number[x]
	if !known {
		i = uint32(len(n.all))
		n.number[x], n.all = i, append(n.all, x)
	}
	return i
}

func newJournal() journal {
	return journal{refs: names[events.Ref]{number: map[events.Ref]uint32{}}, words: names[string]{number: map[string]uint32{}}}
}

// add notes an event; one that was noted before changes nothing.
func (j *journal) add(r events.Recorded) {
	if r.Seq != uint64(len(j.marks))+1 {
		return
	}
	j.marks = append(j.marks, mark{r.Time.UnixNano(), j.refs.of(r.Ref), j.words.of(r.Event.Type()), j.words.of(r.Actor)})
}

// eventFilter says which events are looked for; what is zero does not matter.
type eventFilter struct {
	owner, id, typ, actor string
	kind                  events.Kind
	since, until          time.Time // from, and before
}

func (j *journal) matches(f eventFilter, m mark) bool {
	r := j.refs.all[m.ref]
	return (f.owner == "" || r.Owner == f.owner) && (f.kind == "" || r.Kind == f.kind) && (f.id == "" || r.ID == f.id) &&
		(f.typ == "" || j.words.all[m.typ] == f.typ) && (f.actor == "" || j.words.all[m.actor] == f.actor) &&
		(f.since.IsZero() || m.at >= f.since.UnixNano()) && (f.until.IsZero() || m.at < f.until.UnixNano())
}

// searched is how many events are searched before others get the lock.
const searched = 100_000

// find lists the first sequences after one that match, at most limit of them,
// and says how far it looked: up to reached, nothing else matches.
func (v *Views) find(f eventFilter, after uint64, limit int) (seqs []uint64, reached uint64, as AsOf) {
	reached = after
	for more := true; more; {
		v.fold.View(func(w *fsm.World) {
			as = asOf(w)
			stop := min(as.Seq, reached+searched)
			for reached < stop && len(seqs) < limit {
				reached++
				if v.journal.matches(f, v.journal.marks[reached-1]) {
					seqs = append(seqs, reached)
				}
			}
			more = reached < as.Seq && len(seqs) < limit
		})
	}
	return seqs, reached, as
}
