package views

import (
	"context"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/views/cursor"
	"github.com/aeriehq/aerie/projections/views/snapshot"
)

// SetNow gives the present another time.
func (v *Views) SetNow(now func() time.Time) { v.now = now }

// SetSorted says up to how many entities are put in order one against the other.
func (v *Views) SetSorted(n int) { v.index.sorted = n }

// SetSnapshotEvery says after how many events there is a snapshot, and how many are worth one at the end.
func (v *Views) SetSnapshotEvery(every, atEnd uint64) {
	v.snapshotEvery, v.snapshotAtEnd = every, atEnd
}

// SnapshotDir is where the snapshots are.
func (v *Views) SnapshotDir() *snapshot.Dir { return v.snapshots }

// SnapshotSeq is the sequence of the newest snapshot.
func (v *Views) SnapshotSeq() uint64 { return v.snapshotSeq }

// TakeSnapshot writes one now.
func (v *Views) TakeSnapshot(ctx context.Context) error { return v.takeSnapshot(ctx) }

// Freeze is the state that a snapshot would have now.
func (v *Views) Freeze() frozen { return v.freeze() }

// EachByName tells of all entities, by kind and name.
func (v *Views) EachByName(see func(fsm.Entity[fsm.Data])) {
	v.present(func(s *indexedState) {
		for _, k := range events.Kinds {
			s.index.order[k].Scan(func(p place) bool {
				e, _ := s.World.Get(s.World.Named(p.number))
				see(e)
				return true
			})
		}
	})
}

// CursorByName is where a list by name goes on behind an entity.
func CursorByName(r events.Ref) string { return cursor.Cursor{Ref: r, Order: byName}.String() }

// What the external tests look at.
const Sorted = sorted

// ReadSnapshot reads the snapshot of a sequence, as a start does.
func (v *Views) ReadSnapshot(seq uint64) (*readSnapshot, error) {
	return readAt(v.snapshots, seq, true)
}
